#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that look at a job on Kafka, and act on it: topics, state, journal, parked, resolve; with the job
running and without."""
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from broker import Record  # noqa: E402
from payments import JOB as PAYMENTS, Service, order_of  # noqa: E402
from story import BUILD, Ended, check, complains, done, same, tell, wait_until  # noqa: E402

WEIR = os.path.abspath(os.path.join(BUILD, "weir"))
COUNT = os.path.abspath(os.path.join(BUILD, "jobs/word-count/word-count"))
CALLER = os.path.abspath(os.path.join(BUILD, "tests/support/call-job"))
# A call is judged 1350 ms after its intent; it may begin for long, so that a busy machine withdraws none.
TIMEOUT_MS, LEASE_MS, MARGIN_MS = 250, 1000, 100


class KafkaJob:
    """A job of this name, its configuration, and the processes that run it; they end with the story."""

    def __init__(self, place, name, program, inputs=None, more="", env=None):
        self.place, self.name, self.program = place, name, program
        self.inputs, self.started, self.env = inputs or [name + "-in"], [], env or {}
        self.config = place.path(name + ".yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"""
job: {{name: {name}}}
input: {{topics: [{', '.join(self.inputs)}], format: json, on-error: skip}}
output: {{topic: {name}-out}}
state: {{dir: {place.path(name + '-state')}}}
action-state: {{topic: {name}-actions}}
commit-interval-ms: 50
inbox-age-ms: 200
calls: {{start-lease-ms: {LEASE_MS}, margin-ms: {MARGIN_MS}, stop-timeout-ms: 100}}
kafka: {{bootstrap.servers: "{CLUSTER.brokers}", auto.offset.reset: earliest, session.timeout.ms: 6000}}
{more}""")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()

    def start(self, **env):
        log = open(self.place.path(self.name + ".log"), "ab")  # pylint: disable=consider-using-with
        with log:
            self.started.append(subprocess.Popen(
                [self.program, "run", "--config", self.config, "--log-level", "info"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=self.place.environment(**dict(self.env, **env)), cwd=self.place.folder))

    def end(self, number=signal.SIGTERM):
        self.started[-1].send_signal(number)
        status = self.started[-1].wait(60)
        check(status == (0 if number == signal.SIGTERM else -number), f"the job ended with {status}: {self.log()}")

    def log(self):
        with open(self.place.path(self.name + ".log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def has_out(self, count):
        def holds():
            try:
                return len(CLUSTER.read(self.name + "-out")) >= count
            except broker.BrokerError:
                return False  # the topic is not there yet
        wait_until(holds, self.started[-1])
        return CLUSTER.read(self.name + "-out")

    def tool(self, *words, program=None):
        ended = subprocess.run([program or WEIR, words[0], "--config", self.config, *words[1:]], check=False,
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=120, cwd=self.place.folder,
                               env=self.place.environment())
        return Ended(ended.returncode, ended.stdout, ended.stderr.decode("utf-8", "replace"))

    def lines(self, *words, program=None):
        ended = self.tool(*words, program=program)
        done(ended)
        return [json.loads(line) for line in ended.out.splitlines()]

    def parked(self):
        return self.lines("parked", program=self.program)

    def is_parked(self, count=1, reason="doubt"):
        def holds():
            ended = self.tool("parked", program=self.program)
            lines = [json.loads(line) for line in ended.out.splitlines()]
            # Before the job has made its topics there is nothing to look at.
            return ended.status in (0, 3) and len(lines) == count and all(p["reason"] == reason for p in lines)
        wait_until(holds, self.started[-1])
        return self.parked()

    def resolve(self, parked, *how):
        return self.tool("resolve", parked["run"], "--attempt", str(parked["attempt"]), *how, program=self.program)


def rows(ended):
    """Of `weir topics`: role, name, partitions, state, of each row; the commands apart."""
    lines = ended.out.decode().splitlines()
    check(lines[0].split() == ["role", "topic", "partitions", "state"], f"head: {lines[0]}")
    commands = [line[len("  run: "):] for line in lines if line.startswith("  run: ")]
    lines = [line for line in lines[1:] if not line.startswith("  run: ")]
    return [(line[:12].strip(), *line[12:].split(None, 2)) for line in lines], commands


# ---- topics ---------------------------------------------------------------------------------------------------------

def topics_lists_what_is_missing_and_makes_all_but_inputs(place):
    with KafkaJob(place, "t1", COUNT) as job:
        ended = job.tool("topics", "--create")
        complains(ended, 3, "4 of 4 topics are missing or wrong")
        found, commands = rows(ended)
        same([row[0] for row in found], ["input", "changelog", "action-state", "output"], "roles")
        same([row[2:] for row in found], [("-", "missing")] * 4, "states")
        same(commands, [], "nothing can be made before the input is there")
        CLUSTER.create_topic("t1-in", partitions=3)
        ended = job.tool("topics")
        complains(ended, 3, "3 of 4 topics are missing", "--create")
        found, commands = rows(ended)
        same(found[0], ("input", "t1-in", "3", "right"), "input")
        check("--create --topic t1-changelog --partitions 3 --config cleanup.policy=compact" in commands[0] and
              CLUSTER.brokers in commands[0], f"command: {commands[0]}")
        ended = job.tool("topics", "--create")
        done(ended)
        same([row[2:] for row in rows(ended)[0]], [("3", "right")] + [("3", "made")] * 3, "made")
        ended = job.tool("topics")
        done(ended)
        same([row[3] for row in rows(ended)[0]], ["right"] * 4, "afterwards")


def topics_says_what_is_wrong_and_what_to_run(place):
    CLUSTER.create_topic("t2-in", partitions=2)
    CLUSTER.create_topic("t2-changelog", partitions=2, config={"cleanup.policy": "delete"})
    CLUSTER.create_topic("t2-actions", partitions=4)
    with KafkaJob(place, "t2", COUNT) as job:
        ended = job.tool("topics", "--create")
        complains(ended, 3, "2 of 4 topics are missing or wrong")
        found, commands = rows(ended)
        check(found[1][3].startswith("wrong: cleanup.policy=delete, and must be compact"), f"changelog: {found[1]}")
        check("--entity-name t2-changelog --add-config cleanup.policy=compact" in commands[0], f"run: {commands}")
        check(found[2][3].startswith("wrong: 4 partitions, and the input has 2"), f"actions: {found[2]}")
        same(found[3], ("output", "t2-out", "2", "made"), "output")
        job.start()
        check(job.started[-1].wait(60) == 3, "the job has started")
        check("the changelog topic 't2-changelog' has cleanup.policy=delete, and must be compact" in job.log() and
              "`weir topics` says what to run" in job.log(), f"log: {job.log()}")


def a_changelog_may_forget_deletions_after_a_minute_and_not_sooner(place):
    CLUSTER.create_topic("t4-in")
    CLUSTER.create_topic("t4-changelog", config={"cleanup.policy": "compact", "delete.retention.ms": "59999"})
    with KafkaJob(place, "t4", COUNT) as job:
        ended = job.tool("topics", "--create")
        found, commands = rows(ended)
        check(found[1][3].startswith("wrong: delete.retention.ms=59999, and must be 60000 or more"), f"log: {found[1]}")
        check(commands[0].endswith("--entity-name t4-changelog --add-config delete.retention.ms=86400000"),
              f"run: {commands}")
        CLUSTER.admin("configure", "t4-changelog", "cleanup.policy=compact", "delete.retention.ms=60000")
        ended = job.tool("topics")
        done(ended)
        same([row[3] for row in rows(ended)[0]], ["right"] * 4, "afterwards")


def a_journal_that_is_shortened_by_time_is_doubtful_and_no_more(place):
    CLUSTER.create_topic("t3-in")
    CLUSTER.create_topic("t3-actions", config={"retention.ms": "1000000", "retention.bytes": "-1"})
    with KafkaJob(place, "t3", COUNT) as job:
        ended = job.tool("topics", "--create")
        done(ended)
        found, commands = rows(ended)
        check(found[2][3].startswith("doubtful: retention.ms=1000000, and must be -1"), f"actions: {found[2]}")
        check(commands[0].endswith("--entity-name t3-actions --add-config retention.ms=-1"), f"run: {commands}")
        CLUSTER.write("t3-in", [Record(b"k", b'"v"')])
        job.start()
        job.has_out(1)
        job.end()
        check(" warn " in job.log() and "'t3-actions' has retention.ms=1000000" in job.log(), f"log: {job.log()}")


def topics_needs_a_name_and_a_cluster(place):
    ended = subprocess.run([WEIR, "topics", "--set", "input.topics=a", "--set", "kafka.bootstrap.servers=127.0.0.1:1"],
                           check=False, capture_output=True, env=place.environment())
    complains(Ended(ended.returncode, ended.stdout, ended.stderr.decode()), 2, "job.name is not set")
    ended = subprocess.run([WEIR, "topics", "--set", "input.topics=a", "--set", "job.name=a"],
                           check=False, capture_output=True, env=place.environment())
    complains(Ended(ended.returncode, ended.stdout, ended.stderr.decode()), 2)


# ---- state ----------------------------------------------------------------------------------------------------------

def state_is_read_from_the_changelog_whatever_the_keys(place):
    CLUSTER.create_topic("s1-in", partitions=4)
    keys = [b"plain", "ü".encode(), b'a "b"', b"\xff\xfe", b"\x80only", b""]
    CLUSTER.write("s1-in", [Record(key, b'"w"') for key in keys for _ in range(3)])
    with KafkaJob(place, "s1", COUNT) as job:
        ended = job.tool("state")
        complains(ended, 3, "job 's1' has no topic 's1-changelog'")
        job.start()
        job.has_out(18)
        running = job.tool("state")
        job.end()
        stopped = job.tool("state")
        done(stopped)
        same(running.out, stopped.out, "while it ran")
        names = {key: key.decode() for key in keys[:3] + keys[5:]}
        names.update({b"\xff\xfe": '{"$bytes":"//4="}', b"\x80only": '{"$bytes":"gG9ubHk="}'})
        same([json.loads(line) for line in stopped.out.splitlines()],
             [{names[key]: {"count": 3}} for key in sorted(keys)], "state")
        for key in keys[:5]:
            same(job.lines("state", "--key", os.fsdecode(key)), [{names[key]: {"count": 3}}], f"key {key!r}")
        complains(job.tool("state", "--key", "nobody"), 1, "job 's1' keeps nothing for key 'nobody'")


def a_key_that_has_expired_goes_without_a_record_of_its_own(place):
    CLUSTER.create_topic("s3-in")
    CLUSTER.write("s3-in", [Record(b"old", b'"w"')])
    with KafkaJob(place, "s3", COUNT, more="state.ttl-ms: 300\n") as job:
        job.start()
        job.has_out(1)
        same([list(line) for line in job.lines("state")], [["old"]], "state")

        def is_gone():
            CLUSTER.write("s3-in", [Record(b"new", b'"w"')])  # each moves the input's time on
            return ["old"] not in [list(line) for line in job.lines("state")]
        wait_until(is_gone, job.started[-1])
        same([list(line) for line in job.lines("state")], [["new"]], "state")
        job.end()


def a_key_that_another_client_sent_elsewhere_is_found_too(place):
    CLUSTER.create_topic("s2-in", partitions=3)
    CLUSTER.write("s2-in", [Record(b"only-%d" % n, b'"w"', (), n) for n in range(3)])
    with KafkaJob(place, "s2", COUNT) as job:
        job.start()
        job.has_out(3)
        job.end()
        for n in range(3):
            same(job.lines("state", "--key", f"only-{n}"), [{f"only-{n}": {"count": 1}}], "state")


# ---- journal, parked, resolve ----------------------------------------------------------------------------------------

def value(place, kind="once", until="never", **more):
    return json.dumps(dict(more, kind=kind, until=place.path(until), timeout_ms=TIMEOUT_MS)).encode()


def made(at):
    try:
        with open(at.path("made"), encoding="ascii") as file:
            return [line.split()[1] for line in file]
    except FileNotFoundError:
        return []


def caller(place, name, partitions=2):
    CLUSTER.create_topic(name + "-in", partitions=partitions)
    return KafkaJob(place, name, CALLER, env={"CALL_JOB_MADE": place.path("made")})


def outs(job, count):
    return [json.loads(record.value) for record in job.has_out(count)]


def release(at):
    """Calls that still block end: their threads would keep the process."""
    with open(at.path("never"), "w", encoding="ascii"):
        pass


def a_running_job_takes_a_result_and_others_have_gone_on(place):
    with caller(place, "p1") as job:
        CLUSTER.write("p1-in", [Record(b"k", value(place)), Record(b"k", value(place, "pure", "p1.yaml", bytes=3)),
                                Record(b"other", value(place, "pure", "p1.yaml", bytes=2))])
        job.start()
        parked, = job.is_parked()
        same((parked["key"], parked["call"], parked["kind"], parked["attempt"], parked["reason"]),
             ("k", "make", "once", 1, "doubt"), "parked")
        check(json.loads(parked["args"])["kind"] == "once" and parked["since"].startswith("20"), f"parked: {parked}")
        check("resolve --config FILE " + parked["run"] + " --attempt 1 --result JSON" in parked["resolve"], f"{parked}")
        same(outs(job, 1), ["xx"], "the other key")
        complains(job.tool("resolve", parked["run"], "--attempt", "7", "--fail", program=CALLER), 2,
                  "is parked on attempt 1, not 7")
        complains(job.tool("resolve", parked["run"][:-1] + "9", "--attempt", "1", "--fail", program=CALLER), 2,
                  "is not parked")
        complains(job.tool("resolve", "x/0/1", "--attempt", "1", "--fail", program=CALLER), 2, "is not parked")
        ended = job.resolve(parked, "--result", '{"by": "hand"}')
        done(ended)
        same(ended.complaint, [], "nothing is to be said")
        same(sorted(map(str, outs(job, 3))), sorted(["xx", "xxx", "{'by': 'hand'}"]), "outputs")
        same(job.parked(), [], "parked")
        complains(job.resolve(parked, "--fail"), 2, "is not parked")
        same(made(place), ["1", "1", "1"], "calls made")
        release(place)
        job.end()


def a_running_job_takes_a_retry_and_a_failure(place):
    with caller(place, "p2", partitions=1) as job:
        CLUSTER.write("p2-in", [Record(b"a", value(place, bytes=1)), Record(b"b", value(place, bytes=2))])
        job.start()
        one, two = job.is_parked(2)
        done(job.resolve(one, "--fail"))
        same([parked["key"] for parked in job.parked()], ["b"], "parked")
        done(job.resolve(two, "--retry"))
        wait_until(lambda: made(place).count("2") == 1, job.started[-1])
        release(place)  # the second attempt ends; so does the first, which nobody waits for any more
        same(outs(job, 1), ["xx"], "outputs")
        wait_until(lambda: not job.parked())
        job.end()
        check(one["run"] in job.log(), f"the failure is not said: {job.log()}")


def a_stopped_job_takes_it_up_at_its_next_start(place):
    with caller(place, "p3") as job:
        CLUSTER.write("p3-in", [Record(b"k", value(place)), Record(b"k", value(place, "pure", "p3.yaml", bytes=3))])
        job.start()
        before = job.is_parked()
        job.end()
        same(job.parked(), before, "parked when nobody runs it")
        ended = job.resolve(before[0], "--result", '"decided"')
        done(ended)
        same(ended.complaint, ["call-job: decided; nobody runs the job now, its next start takes it up"], "said")
        same(job.parked(), [], "decided")
        complains(job.resolve(before[0], "--retry"), 2, "is not parked")
        release(place)
        job.start()
        same(outs(job, 2), ["decided", "xxx"], "outputs")
        job.end()
        same(made(place), ["1", "1"], "calls made")


def a_killed_owners_call_is_parked_by_the_next_one_and_listed_with_its_inbox(place):
    with caller(place, "p4") as job:
        CLUSTER.write("p4-in", [Record(b"k", value(place))])
        job.start()
        wait_until(lambda: made(place) == ["1"], job.started[-1])
        job.end(signal.SIGKILL)
        same(job.parked(), [], "nobody has judged it")
        job.start()
        parked, = job.is_parked()
        same((parked["attempt"], parked["reason"]), (1, "doubt"), "parked")
        job.end()
        same(job.parked()[0]["run"], parked["run"], "parked when nobody runs it")
        job.start()
        job.is_parked()
        done(job.resolve(parked, "--result", "7"))
        same(outs(job, 1), [7], "outputs")
        job.end()
        kinds = [entry["kind"] for entry in job.lines("journal")]
        for kind in "claim", "intent", "parked", "resolution":
            check(kind in kinds, f"no {kind} in {kinds}")


def too_early_a_retry_is_refused_and_only_force_may(place):
    with caller(place, "p5") as job:
        late = json.dumps({"kind": "once", "until": place.path("never"), "timeout_ms": 60000, "bytes": 1}).encode()
        CLUSTER.write("p5-in", [Record(b"k", late)])
        job.start()
        wait_until(lambda: made(place) == ["1"], job.started[-1])
        entry, = [entry for entry in job.lines("journal") if entry["kind"] == "intent"]
        run = {"run": entry["run"], "attempt": 1}
        complains(job.resolve(run, "--retry"), 2, "is not parked")
        complains(job.resolve(run, "--retry", "--force"), 2, "is not parked")  # its owner has it under way
        job.end(signal.SIGKILL)
        job.start()
        wait_until(lambda: len([e for e in job.lines("journal") if e["kind"] == "claim"]) == 4, job.started[-1])
        complains(job.resolve(run, "--retry"), 2, "is not parked")
        release(place)
        done(job.resolve(run, "--retry", "--force"))
        same(outs(job, 1), ["x"], "outputs")
        same(made(place), ["1", "2"], "calls made")
        job.end()


def a_divergence_is_listed_with_both_sides_and_begins_anew(place):
    CLUSTER.create_topic("p6-in")
    with Service(place) as service:
        env = {"PAYMENTS_URL": service.url, "PAYMENTS_TIMEOUT_MS": str(TIMEOUT_MS), "PAYMENTS_BACKOFF_MS": "10"}
        with KafkaJob(place, "p6", PAYMENTS, env=env) as job:
            service.behave("hang", order="o-1", times=1)
            CLUSTER.write("p6-in", [Record(b"ada", b'{"order": "o-1", "amount": 100}')])
            job.start(PAYMENTS_KIND="once")
            parked, = job.is_parked()
            same(order_of(parked), "o-1", "parked")
            job.end()
            job.start(PAYMENTS_KIND="idempotent")
            parked, = job.is_parked(reason="divergence")
            check(parked["attempt"] == 0 and "once" in parked["recorded"] and "idempotent" in parked["asked"],
                  f"parked: {parked}")
            done(job.resolve(parked, "--retry"))
            same([out["charged"] for out in outs(job, 1)], [True], "outputs")
            complains(job.resolve(parked, "--retry"), 2, "is not parked")
            job.end()


def of_two_decisions_at_once_the_first_in_the_log_counts(place):
    with caller(place, "p8", partitions=1) as job:
        CLUSTER.write("p8-in", [Record(b"k%d" % n, value(place)) for n in range(3)])
        job.start()
        for ended, parked in enumerate(job.is_parked(3)):
            words = [CALLER, "resolve", "--config", job.config, parked["run"], "--attempt", "1", "--result"]
            both = [subprocess.Popen([*words, str(n)], stderr=subprocess.PIPE, env=place.environment()) for n in (1, 2)]
            said = [process.communicate()[1].decode() for process in both]
            same(sorted(process.returncode for process in both), [0, 2], f"{said}")
            late = said[both[0].returncode == 0]
            check("too late: another decision stands before it" in late or "is not parked" in late, f"said: {late}")
            won = 1 + (both[1].returncode == 0)
            entry, *_ = [e for e in job.lines("journal") if e["kind"] == "resolution" and e["run"] == parked["run"]]
            same([entry["result"]], [str(won)], "the first in the journal")
            wait_until(lambda run=parked["run"]: run not in [p["run"] for p in job.parked()])
            same(outs(job, ended + 1)[-1:], [won], "output")
        release(place)
        job.end()


def the_journal_is_printed_with_its_places(place):
    with caller(place, "p7") as job:
        CLUSTER.write("p7-in", [Record(b"k", value(place, "once", "p7.yaml", bytes=1))])
        job.start()
        job.has_out(1)
        entries = job.lines("journal")
        for partition in 0, 1:
            offsets = [entry["offset"] for entry in entries if entry["partition"] == partition]
            check(offsets == sorted(offsets), f"offsets: {offsets}")
        check([entry["kind"] for entry in entries].count("claim") == 2, f"entries: {entries}")
        check("place" not in entries[0], f"entry: {entries[0]}")
        job.end()


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster() as CLUSTER:
    tell()
