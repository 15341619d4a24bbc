#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""`JOB worker` with a journal on a real broker: kill -9 at the worst places, zombies, other ranges, what is gone."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import worker as protocol  # noqa: E402
from story import BUILD, check, same, tell, wait_until  # noqa: E402
from worker import State, Worker  # noqa: E402

CALL_JOB = os.path.join(BUILD, "tests/support/call-job")
QUICK = ["calls.start-lease-ms=100", "calls.margin-ms=50", "inbox-age-ms=60000", "log.level=info"]
SHORT_MS = 300  # time-out of calls whose doubt is waited for


class Job:
    """A job in Flink's place: its topic, its state, and the file in which its calls note that they were made."""

    def __init__(self, place, name, partitions=8):
        self.place, self.name, self.partitions = place, name, partitions
        self.made = place.path("made")
        self.state = State()

    def worker(self, state=None, settings=(), groups=(0, 127), attempt=0, partitions=None, opens=True):
        made = Worker(self.place, CALL_JOB, state=state or self.state, environment={"CALL_JOB_MADE": self.made},
                      settings=QUICK + [f"kafka.bootstrap.servers={CLUSTER.brokers}"] + list(settings))
        made.topic_settings = [("actionStateStoreBackend", "kafka"), ("kafkaActionStateTopic", self.name),
                               ("kafkaActionStateTopicNumPartitions", str(self.partitions)),
                               ("kafkaActionStateTopicReplicationFactor", "1")]
        made.groups, made.attempt = groups, attempt
        if opens:
            made.open(made.topic_settings, groups=groups, attempt=attempt, is_restored=bool(made.state.pending))
        return made

    def calls(self):
        """Idempotency keys, one for each time that a call was made."""
        if not os.path.exists(self.made):
            return []
        with open(self.made, encoding="utf-8") as file:
            return [line.split()[0] for line in file]

    def path(self, name):
        return self.place.path(name)

    def let(self, name):
        with open(self.path(name), "wb"):
            pass

    def call(self, until="", kind="once", then=None, timeout_ms=SHORT_MS, size=3):
        value = {"kind": kind, "bytes": size, "timeout_ms": timeout_ms}
        if until:
            value["until"] = self.path(until)
        if then:
            value["then"] = self.path(then)
        return json.dumps(value).encode()


def churn(worker, group, calls=700):
    """Entries, so that the claim before them is written anew behind them."""
    for number in range(calls):
        worker.run(b"churn-%d" % (number % 100), b'{"kind": "idempotent", "bytes": 1}', group=group, source="churn/0")


def taken(worker):
    """What it says once the journal is its own."""
    worker.until(lambda: any("the journal is ours" in line for _, line in worker.logs), "the journal")
    return [line for _, line in worker.logs if "the journal is ours" in line][0]


def others(state):
    return sorted((key, value) for key, value in state.outputs if not key.startswith(b"churn"))


def outputs(state):
    return sorted(state.outputs)


def is_called(job, worker, times=1):
    wait_until(lambda: len(job.calls()) == times, worker.process)


# ---- one worker after the other --------------------------------------------------------------------------------------

def a_call_that_was_under_way_at_a_kill_parks_and_is_not_made_again(place):
    job = Job(place, "killed")
    with job.worker() as first:
        check(first.ready.partitions == 8, "READY says how many partitions there are")
        first.run(b"k", job.call("never"), group=5)
        first.run(b"other", job.call(), group=70)
        first.until(lambda: first.state.outputs, "the other key's output")
        is_called(job, first, 2)
        first.kill()
    with job.worker(attempt=1) as second:
        second.restore()
        second.run(b"other", job.call(), group=70)
        second.settle()
        same(outputs(job.state), [(b"other", b'"xxx"')] * 2)
        what = json.loads(second.parked[1])
        same((what["run"], what["key"], what["kind"], what["reason"]), ("tests/0/0", "k", "once", "doubt"))
        check(len(job.calls()) == 3, f"calls: {job.calls()}")
        check(second.stop() == 0, second.said())


def a_call_that_was_recorded_is_not_made_again(place):
    for kind in ("once", "checked", "idempotent"):
        job = Job(place, f"recorded-{kind}")
        with job.worker() as first:
            first.run(b"k", job.call(kind=kind, then="go"), group=5)
            is_called(job, first, 2)  # the second one, which blocks, rests on the first one's outcome
            first.kill()
        made = job.calls()
        with job.worker(attempt=1) as second:
            second.restore()
            job.let("go")
            second.settle()
            same(outputs(job.state), [(b"k", b'"xxx"')])
            again = job.calls()[2:]
            check(made[0] not in again, f"the recorded call was made again: {made} {again}")
            check(second.stop() == 0, second.said())
        os.unlink(job.made)
        os.unlink(job.path("go"))


def what_was_told_leaves_nothing_behind_and_markers_move_on(place):
    job = Job(place, "markers")
    with job.worker() as worker:
        churn(worker, 5)
        worker.settle()
        worker.until(lambda: job.state.markers.get(0, -1) > 1000, "the marker")
        check(worker.stop() == 0, worker.said())
    with job.worker(attempt=1) as second:
        ours = taken(second)
        read = int(ours.split("entries=")[1].split()[0])
        check("epoch=2" in ours and read < CLUSTER.ends("markers")[0] - 900, f"what was read again: {ours}")


def a_run_that_waits_for_long_is_kept_with_its_input_and_holds_no_marker(place):
    job = Job(place, "kept")
    with job.worker(settings=["inbox-age-ms=100"]) as first:
        first.run(b"k", job.call(kind="once", then="go", timeout_ms=60000), group=5)
        is_called(job, first, 2)
        first.until(lambda: len(job.state.pending[1].entries) >= 3, "KEEP")
        places = [place for place, _ in job.state.pending[1].entries]
        partition = 5 * 8 // 128
        same(places, sorted(places), "places in order")
        churn(first, 5)
        first.until(lambda: job.state.markers.get(partition, -1) > places[-1] and len(job.state.pending) == 1,
                    "the marker")
        first.kill()
    with job.worker(attempt=1) as second:
        second.restore()
        job.let("go")
        second.settle()
        same(others(job.state), [(b"k", b'"xxx"')])
        check(job.calls().count(job.calls()[0]) == 1, f"the kept call was made again: {job.calls()}")


def what_was_found_of_runs_that_are_over_is_dropped_when_its_source_goes_on(place):
    job = Job(place, "passed")
    with job.worker() as first:
        first.run(b"k", job.call(), group=5)
        first.run(b"l", job.call(), group=5)
        first.settle()
        first.kill()
    state = State()  # of a checkpoint that has the outputs, and an old marker
    state.number = 2
    with job.worker(state=state, attempt=1) as second:
        check("runs=2" in taken(second), f"{second.logs}")
        second.run(b"k", job.call(), group=5, index=7)
        churn(second, 5)
        second.until(lambda: state.markers.get(0, -1) > 100, "the marker")
        check(others(state) == [(b"k", b'"xxx"')], "outputs")


# ---- two at once -----------------------------------------------------------------------------------------------------

def a_worker_whose_range_is_claimed_by_another_ends_fenced(place):
    job = Job(place, "fenced")
    with job.worker() as first:
        with job.worker(state=State(), attempt=1, groups=(100, 127)) as second:
            check(first.wait() == 3 and first.fatal.code == "WEIR_FENCED", f"{first.fatal and first.fatal.message}")
            check("attempt 1" in first.fatal.message, first.fatal.message)
            check(second.stop() == 0, second.said())


def workers_of_other_ranges_do_not_disturb_each_other(place):
    job = Job(place, "neighbours", partitions=1)  # all in one
    with job.worker(groups=(0, 63)) as left, job.worker(state=State(), groups=(64, 127)) as right:
        for number in range(20):
            left.run(b"l%d" % number, job.call(), group=number)
            right.run(b"r%d" % number, job.call(), group=64 + number, source="tests/1")
        left.settle()
        right.settle()
        check(len(left.state.outputs) == 20 and len(right.state.outputs) == 20, "outputs")
        check(left.stop() == 0 and right.stop() == 0, left.said() + right.said())


def what_a_zombie_begins_behind_anothers_claim_is_void_and_is_not_made(place):
    job = Job(place, "zombie")
    with job.worker() as zombie:
        os.kill(zombie.process.pid, signal.SIGSTOP)
        zombie.run(b"k", job.call(), group=5)
        with job.worker(attempt=1) as second:
            os.kill(zombie.process.pid, signal.SIGCONT)
            check(zombie.wait() == 3 and zombie.fatal.code == "WEIR_FENCED", zombie.said())
            same(job.calls(), [], "what the zombie has called")
            second.restore()
            second.settle()
            same(outputs(job.state), [(b"k", b'"xxx"')])
            check(len(job.calls()) == 1, "calls")


def a_late_outcome_of_the_one_before_is_taken_over(place):
    job = Job(place, "late")
    with job.worker() as first:
        first.run(b"k", job.call("go", timeout_ms=60000), group=5)
        is_called(job, first)
        first.send(protocol.stopping())  # it waits for the call, and records what comes of it
        first.until(lambda: any("stopping" in line for _, line in first.logs), "a sign that it stops")
        with job.worker(attempt=1) as second:
            second.restore()
            job.let("go")
            second.settle()
            same(outputs(job.state), [(b"k", b'"xxx"')])
            check(len(job.calls()) == 1, "calls")


# ---- other ranges ----------------------------------------------------------------------------------------------------

def rescaled_workers_find_what_their_key_groups_have_done(place):
    job = Job(place, "rescaled", partitions=4)
    groups = [3, 40, 70, 126]
    with job.worker() as whole:
        for group in groups:
            whole.run(b"k%d" % group, job.call(then="go"), group=group)
        is_called(job, whole, 8)
        whole.kill()
    made = set(job.calls())
    parts = []
    for first, last in ((0, 41), (42, 84), (85, 127)):  # from one to three
        part = State()
        part.partitions, part.markers = job.state.partitions, dict(job.state.markers)
        part.pending = {n: given for n, given in job.state.pending.items() if first <= given.group <= last}
        parts.append((part, (first, last)))
    job.let("go")
    workers = [job.worker(state=part, groups=groups, attempt=1) for part, groups in parts]
    try:
        for one in workers:
            one.restore()
            one.settle()
        same(sorted(sum((outputs(part) for part, _ in parts), [])), sorted((b"k%d" % g, b'"xxx"') for g in groups))
        check(set(job.calls()) == made, "a call under another key")
        calls = job.calls()
        check(sum(calls.count(key) == 1 for key in made) == 4, f"the recorded calls were made again: {calls}")
    finally:
        for one in workers:
            one.__exit__()


def a_topic_with_other_partitions_than_the_state_knows_is_refused(place):
    job = Job(place, "counted", partitions=2)
    with job.worker() as first:
        check(first.stop() == 0, first.said())
    job.state.partitions = 3
    with job.worker(opens=False) as second:
        second.send(protocol.hello() + protocol.opening(second.topic_settings, partitions=3))
        check(second.wait() == 3 and "has 2 partitions, and the state was written with 3" in second.fatal.message,
              second.said())


# ---- decisions -------------------------------------------------------------------------------------------------------

def a_decision_is_taken_up_from_the_log_while_the_worker_runs_or_at_its_next_start(place):
    CLUSTER.create_topic("asked-in", 1)
    job = Job(place, "asked")
    words = ["--set", f"kafka.bootstrap.servers={CLUSTER.brokers}", "--set", "input.topics=asked-in",
             "--set", "action-state.topic=asked"]

    def tool(*more):
        return subprocess.run([CALL_JOB, *more, *words], env=place.environment(), cwd=place.folder, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    with job.worker() as first:
        first.run(b"k", job.call("never"), group=5)
        first.run(b"l", job.call("never"), group=100)
        is_called(job, first, 2)
        first.kill()
    with job.worker(attempt=1) as second:
        second.restore()
        second.settle()
        listed = [json.loads(line) for line in tool("parked").stdout.splitlines()]
        same(sorted((one["run"], one["key"], one["attempt"]) for one in listed),
             [("tests/0/0", "k", 1), ("tests/0/1", "l", 1)], "what is parked")
        ended = tool("resolve", "tests/0/0", "--attempt", "1", "--result", '"made"')
        check(ended.returncode == 0, ended.stderr.decode())
        second.until(lambda: job.state.outputs, "the run that was decided")
        same(outputs(job.state), [(b"k", b'"made"')])
        second.kill()
    ended = tool("resolve", "tests/0/1", "--attempt", "1", "--retry")
    check(ended.returncode == 0, ended.stderr.decode())
    job.let("never")
    with job.worker(attempt=2) as third:
        third.restore()
        third.settle()
        same(outputs(job.state), [(b"k", b'"made"'), (b"l", b'"xxx"')])
        check(len(job.calls()) == 3, f"{job.calls()}")
    ended = tool("parked")
    check(ended.returncode == 0 and not ended.stdout, f"{ended}")


# ---- what is gone ----------------------------------------------------------------------------------------------------

def what_was_under_way_parks_when_its_journal_is_gone(place):
    job = Job(place, "gone")
    with job.worker() as first:
        first.run(b"k", job.call("never", timeout_ms=60000), group=5)
        is_called(job, first)
        first.run(b"other", job.call(), group=5)
        first.until(lambda: job.state.outputs, "the other's output")
        first.until(lambda: 0 in job.state.markers, "the marker")
        first.kill()
    CLUSTER.admin("cut", "gone", 0, CLUSTER.ends("gone")[0])
    with job.worker(attempt=1) as second:
        second.until(lambda: any("the journal is gone" in line for _, line in second.logs), "a warning")
        second.restore()
        second.run(b"elsewhere", job.call(), group=100)  # another partition, which has no gap
        second.settle()
        check(1 in second.parked, f"{second.parked}")
        same(outputs(job.state), [(b"elsewhere", b'"xxx"'), (b"other", b'"xxx"')])
        check(len(job.calls()) == 3, f"{job.calls()}")


def a_cluster_that_is_away_does_not_keep_a_worker_from_ending(place):
    job = Job(place, "away")
    with job.worker(settings=["kafka.bootstrap.servers=127.0.0.1:1"], opens=False) as one:
        one.send(protocol.hello() + protocol.opening(one.topic_settings))
        one.until(lambda: one.logs, "a word")
        one.end_input()
        began = time.monotonic()
        check(one.wait() in (0, 3) and time.monotonic() - began < 20, one.said())


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster() as CLUSTER:
    tell()
