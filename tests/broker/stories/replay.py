#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`JOB replay`: what the job wrote is what it gives again; what was changed, lost, doubled or moved is found."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import payments  # noqa: E402
from broker import Record  # noqa: E402
from kafka_job import BROKER_CONFIG, FLIGHT_WATCH, WORD_COUNT, Job, wait_for  # noqa: E402
from payments import Service  # noqa: E402
from story import check, complains, done, same, tell  # noqa: E402

WORDS = ["the", "weir", "holds", "the", "water", "and", "lets", "the", "water", "go"] * 500


def word(text):
    return Record(text.encode(), json.dumps(text).encode())


class Counted:
    """A job that has counted all the words, and stopped."""

    def __init__(self, place, name, **settings):
        self.name, self.words, self.counts = name, name + "-words", name + "-counts"
        CLUSTER.create_topic(self.words, 2)
        CLUSTER.create_topic(self.counts, 2)
        self.job = Job(place.path(name), CLUSTER, name, WORD_COUNT, [self.words], self.counts, settings)
        self.job.start()
        self.count = 0
        self.run(WORDS)

    def run(self, words):
        CLUSTER.write(self.words, map(word, words))
        self.count += len(words)
        self.job.start_all()
        wait_for(lambda: len(self.found()) >= self.count, "all outputs are there")
        self.job.wait_caught_up()
        check(not any(self.job.stop_all()), self.job.processes[0].last_words())

    def replay(self, *words):
        """What it says on stderr, its differences, and the exit status."""
        ended = self.job.tool("replay", *words)
        return ended.status, [json.loads(line) for line in ended.out.splitlines()], ended.err

    def found(self):
        return CLUSTER.read(self.counts)


def what_a_job_has_written_it_gives_again(place):
    counted = Counted(place, "again")
    status, lines, said = counted.replay()
    same((status, lines), (0, []), said)
    check(f"{len(WORDS)} runs compared, {len(WORDS)} outputs: consistent" in said, said)
    # It changes nothing: the job goes on, and all is there once.
    counted.run(["the"])
    same(len(counted.found()), len(WORDS) + 1, "outputs")
    check(counted.replay()[0] == 0, "it is not consistent any more")


def a_job_with_several_inputs_is_replayed_from_its_own_topic(place):
    CLUSTER.create_topic("more", 2)
    counted = Counted(place, "merged", **{"input": {"topics": ["merged-words", "more"]},
                                          "action-state": {"topic": "merged-actions", "retain": True}})
    status, lines, said = counted.replay()
    same((status, lines), (0, []), said)
    check(f"{len(WORDS)} runs compared" in said, said)


def what_somebody_has_changed_doubled_or_added_is_found(place):
    counted = Counted(place, "forged")
    sound = counted.found()
    one = next(record for record in sound if record.key == b"weir")
    run = dict(one.headers)["weir-run"]
    CLUSTER.write(counted.counts, [one._replace(offset=None),
                                   one._replace(headers=(("weir-run", run), ("weir-seq", b"1")), offset=None),
                                   Record(b"weir", b"{}", (("who", b"else"),))])
    status, lines, said = counted.replay()
    same((status, sorted(line["difference"] for line in lines)), (1, ["duplicate", "unexpected"]), said)
    same({line["run"] for line in lines}, {run.decode()}, "runs")
    same({line["key"] for line in lines}, {"weir"}, "keys")
    check("1 unexpected, 1 duplicate: not consistent" in said, said)


def another_jobs_outputs_are_compared_by_run(place):
    """As another version of the job wrote them: one is changed, one is not there, two have changed places."""
    counted = Counted(place, "others")
    sound = [record._replace(offset=None) for record in counted.found() if record.key == b"the"]
    rest = [record._replace(offset=None) for record in counted.found() if record.key != b"the"]
    changed = sound[4]._replace(value=b'{"word":"the","count":50}')
    CLUSTER.create_topic("others-copy", 2)
    CLUSTER.write("others-copy", rest + sound[:4] + [changed] + sound[6:20] + [sound[21], sound[20]] + sound[22:])
    status, lines, said = counted.replay("--against", "others-copy")
    same((status, [line["difference"] for line in lines]), (1, ["changed", "missing", "order"]), said)
    same((lines[0]["expected"]["count"], lines[0]["found"]["count"]), (5, 50), "counts")
    same(lines[1]["run"], dict(sound[5].headers)["weir-run"].decode(), "the run without its output")
    complains(counted.job.tool("replay", "--against", "nowhere"), 3, "nowhere", "is not there")


def another_binarys_outputs_are_all_in_the_report(place):
    counted = Counted(place, "other")
    counted.job.program = FLIGHT_WATCH
    status, lines, said = counted.replay()
    same((status, len(lines), {line["difference"] for line in lines}), (1, 20, {"unexpected"}), said)
    check(f"the first 20 of {len(WORDS)} lines; --report FILE" in said, said)
    report = place.path("report")
    status, lines, said = counted.replay("--report", report)
    same((status, lines), (1, []), said)
    with open(report, encoding="utf-8") as file:
        same(len(file.readlines()), len(WORDS), "lines of the report")
    complains(counted.job.tool("replay", "--report", place.path("no/where")), 3, "--report", "no/where")


def only_the_stretch_that_is_asked_for_is_compared(place):
    counted = Counted(place, "stretch")
    first = counted.found()[0]
    CLUSTER.write(counted.counts, [first._replace(offset=None)])
    check(counted.replay()[0] == 1, "the whole is consistent")
    status, _, said = counted.replay("--from", "100")
    check(status == 0, said)
    check(f"{len(WORDS) - 200} runs compared" in said, said)
    status, _, said = counted.replay("--from", "100", "--to", "150")
    check(status == 0 and "100 runs compared" in said, said)
    status, _, said = counted.replay("--to", "2001-01-01T00:00:00Z")
    check(status == 3 and "nothing between these bounds" in said, said)
    complains(counted.job.tool("replay", "--from", "yesterday"), 2, "--from yesterday", "2026-11-22T10:04:05Z")


def what_retention_has_removed_cannot_be_checked(place):
    counted = Counted(place, "short")
    CLUSTER.admin("cut", counted.words, 0, 10)
    status, lines, said = counted.replay()
    same((status, lines), (3, []), said)
    check("the records before offset 10 are gone" in said and "--assume-empty" in said, said)
    # Its memory was not empty: the counts behind them are others.
    status, lines, said = counted.replay("--assume-empty")
    same((status, lines[0]["difference"]), (1, "changed"), said)


class Shop:
    def __init__(self, place, name, service, retain):
        CLUSTER.create_topic(name + "-in", 2)
        CLUSTER.create_topic(name + "-out", 2)
        self.name = name
        self.job = Job(place.path(name), CLUSTER, name, payments.JOB, [name + "-in"], name + "-out",
                       {"calls": {"start-lease-ms": payments.LEASE_MS, "margin-ms": payments.MARGIN_MS},
                        "action-state": {"topic": name + "-actions", "retain": retain}},
                       {"PAYMENTS_URL": service.url, "PAYMENTS_TIMEOUT_MS": "20000"})
        self.job.start()

    def pay(self, count):
        kinds = ["once", "checked", "idempotent"]
        CLUSTER.write(self.name + "-in", [
            Record(f"c-{i % 5}".encode(), json.dumps({"order": f"{self.name}-{i}", "amount": i + 1,
                                                     "kind": kinds[i % 3]}).encode()) for i in range(count)])
        wait_for(lambda: len(CLUSTER.read(self.name + "-out")) == count, "all outputs are there")


def calls_are_answered_by_the_journal_and_none_is_made(place):
    with Service(place) as service:
        shop = Shop(place, "kept", service, True)
        shop.pay(60)
        before = service.counts()
        for words in ([], ["--against-journal"]):
            ended = shop.job.tool("replay", *words)
            check(ended.status == 0, ended.err + ended.out.decode())
            check("60 runs compared" in ended.err and ": consistent" in ended.err, ended.err + ended.out.decode())
        same(service.counts(), before, "what the service was asked")
        # Asked elsewhere it is another call: that of another job, or of another version of it.
        shop.job.env["PAYMENTS_URL"] = service.url + "/v2"
        ended = shop.job.tool("replay")
        lines = [json.loads(line) for line in ended.out.splitlines()]
        same((ended.status, lines[0]["difference"]), (1, "diverged"), ended.err)
        check("5 diverged, 55 not checked (memory)" in ended.err, ended.err)  # once for each customer
        check("the journal has" in lines[0]["why"] and "asked for is" in lines[0]["why"], lines[0]["why"])
        same(service.counts(), before, "what the service was asked")
        shop.job.__exit__()


def calls_that_the_journal_has_lost_are_not_taken_for_consistent(place):
    with Service(place) as service:
        shop = Shop(place, "lost", service, True)
        shop.pay(60)
        check(not any(shop.job.stop_all()), shop.job.processes[0].last_words())
        before = service.counts()
        CLUSTER.admin("cut", "lost-actions", 0, CLUSTER.ends("lost-actions")[0])
        ended = shop.job.tool("replay")
        lines = [json.loads(line) for line in ended.out.splitlines()]
        check(ended.status == 3, ended.err)
        check(lines and all(line["unchecked"] in ("call", "memory") for line in lines), ended.out.decode())
        check("as far as it could be checked" in ended.err, ended.err)
        same(service.counts(), before, "what the service was asked")
        # Only when it is asked for: the calls that are lost are made, and what came of them is compared.
        ended = shop.job.tool("replay", "--live")
        check("60 runs compared" in ended.err and "not checked" not in ended.err, ended.err)
        check(service.counts() != before, "no call was made")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as CLUSTER:
    tell()
