#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A call that takes longer than everything that Kafka allows: 60 s, where max.poll.interval.ms is 10 s and sessions
last 3 s, while another process joins and leaves until ten rebalances are over. Other keys' records come all the time,
and how late their outputs are is measured by a reader that sees what is committed as soon as it is."""
import bisect
import calendar
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import payments  # noqa: E402
from broker import Follower, Record  # noqa: E402
from chaos_events import Feeder  # noqa: E402
from kafka_job import BROKER_CONFIG, Job, wait_for  # noqa: E402
from payments import Service  # noqa: E402
from story import check, same, tell  # noqa: E402

CALL_MS, POLL_MS, REBALANCES, PARTITIONS = 60000, 10000, 10, 4
COMMIT_MS = 100
RATE, CUSTOMERS = 30, 40
# Two calls, their entries in the journal, a commit interval, the commit and the read of it. What waits for a rebalance,
# a session's end or the call takes far longer; on a machine that is slow for everything the median tells so.
NEAR_MS, NEAR_TIMES = 5 * COMMIT_MS, 6
# What a partition is out of work for while it goes from one process to another.
MOVE_MS = 3000
MOVED = re.compile(r"(\S+)\.(\d{3})Z \w+ host/\S+-(\d+): task (is leaving|is lost|runs)\b")


class Orders:
    """Of many customers, in turn."""

    def __init__(self):
        self.number = 0

    def draw(self):
        self.number += 1
        return f"c-{self.number % CUSTOMERS}", {"order": f"o-{self.number}", "amount": 100, "kind": "idempotent"}


def moves(job):
    """When each partition has been nobody's: {partition: [[from, until], …]} in ms, by what the processes say; the last
    `until` is None while it is."""
    said = []
    for process in job.processes:
        for match in MOVED.finditer(process.said()):
            at = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S")) * 1000 + int(match[2])
            said.append((at, int(match[3]), match[4]))
    found = {partition: [[0, None]] for partition in range(PARTITIONS)}
    for at, partition, what in sorted(said):
        spans = found[partition]
        if what == "runs" and spans[-1][1] is None:
            spans[-1][1] = at
        elif what != "runs" and spans[-1][1] is not None:
            spans.append([at, None])
    return found


def all_run(job):
    return all(spans[-1][1] is not None for spans in moves(job).values())


def percentile(sorted_values, percent):
    return sorted_values[max(0, -(-len(sorted_values) * percent // 100) - 1)]


def touches(spans, sent_ms, seen_ms):
    """Whether a record was under way in one of them."""
    at = bisect.bisect_right([start for start, _ in spans], seen_ms) - 1
    return at >= 0 and sent_ms <= spans[at][1]


def in_words(values):
    return (f"{len(values)} outputs after {percentile(values, 50)} ms (median), {percentile(values, 95)} ms (p95), "
            f"{percentile(values, 99)} ms (p99), {values[-1]} ms (at most)")


def judge_latency(kind, job, seen, since_ms):
    """Of the other keys' records that were sent since then."""
    spans = moves(job)
    anywhere = sorted(span for one in spans.values() for span in one)
    everyone, staying, beside = [], [], []
    for record, seen_ms in seen:
        sent_ms = record.timestamp_ms
        if record.key == b"ada" or sent_ms < since_ms:
            continue
        everyone.append(seen_ms - sent_ms)
        if not touches(spans[record.partition], sent_ms, seen_ms):
            staying.append(seen_ms - sent_ms)
            if touches(anywhere, sent_ms, seen_ms):
                beside.append(seen_ms - sent_ms)
    moved = sorted(until - start for one in spans.values() for start, until in one if start >= since_ms)
    for values in everyone, staying, beside:
        values.sort()
    print(f"# {kind}: other keys, all: {in_words(everyone)}")
    print(f"# {kind}: while their partition stays: {in_words(staying)}")
    print(f"# {kind}: of these, while another partition moves: {in_words(beside)}")
    print(f"# {kind}: {len(moved)} partitions moved, each for {percentile(moved, 50)} ms (median), {moved[-1]} ms (at "
          f"most)")
    check(len(moved) >= REBALANCES, f"only {len(moved)} partitions have moved")
    check(len(staying) >= len(everyone) // 2, f"only {len(staying)} of {len(everyone)} records were undisturbed")
    check(len(beside) >= 5 * REBALANCES, f"only {len(beside)} records beside moves")
    near_ms = max(NEAR_MS, NEAR_TIMES * percentile(staying, 50))
    check(percentile(staying, 99) <= near_ms, f"other keys had to wait: {staying[-20:]} ms")
    check(percentile(beside, 95) <= near_ms, f"partitions that stay had to wait: {beside[-20:]} ms")
    check(moved[-1] <= MOVE_MS, f"partitions were nobody's for {moved[-5:]} ms")


def order(customer, name, kind):
    return Record(customer.encode(), json.dumps({"order": name, "amount": 100, "kind": kind}).encode())


def survives(place, kind):
    name = f"slow-{kind}"
    CLUSTER.create_topic(name + "-in", PARTITIONS)
    CLUSTER.create_topic(name + "-out", PARTITIONS)
    slow = f"o-slow;slow={CALL_MS}"
    orders = Orders()
    with Service(place) as service, Follower(CLUSTER, name + "-out") as follower, Job(
            place.path(name), CLUSTER, name, payments.JOB, [name + "-in"], name + "-out",
            {"kafka": {"max.poll.interval.ms": POLL_MS}, "commit-interval-ms": COMMIT_MS,
             # A process that stops must not wait for the call, should the key have come to it.
             "calls": {"stop-timeout-ms": 1000}, "log": {"levels": "warn,host:debug"}},
            {"PAYMENTS_URL": service.url, "PAYMENTS_TIMEOUT_MS": str(4 * CALL_MS), "PAYMENTS_ATTEMPTS": "1"}) as job:
        feeder = Feeder(CLUSTER, name + "-in", orders.draw, RATE)
        try:
            job.start()
            other = job.start()
            job.wait_settled(2)
            other.stop()
            job.wait_settled(1)
            member = job.members()[0]["id"]
            wait_for(lambda: all_run(job), "all partitions run")
            # The first calls of a process, and a broker's first transactions, take longer.
            feeder.allow(4 * RATE)
            wait_for(lambda: len(follower.seen) == 4 * RATE, "the first orders come out")
            since_ms = time.time() * 1000
            feeder.allow(1000000)
            CLUSTER.write(name + "-in", [order("ada", slow, kind), order("ada", "o-behind", kind)])
            wait_for(lambda: service.count(slow, "requests") == 1, "it is called", 60)
            began = time.monotonic()
            for rebalance in range(REBALANCES):
                if rebalance % 2 == 0:
                    other.start()
                else:
                    status = other.stop()
                    check(status == 0, f"exit status {status}; {other.last_words()}")
                job.wait_settled(2 if rebalance % 2 == 0 else 1)
                wait_for(lambda: all_run(job), "all partitions run")
                # A while in which nothing moves.
                feeder.wait_sent(feeder.sent + 2 * RATE)
            check(time.monotonic() - began < CALL_MS / 1000 - 2, "the call was not slow enough for this machine")
            feeder.wait_sent(feeder.sent + max(0, int((CALL_MS / 1000 + 2 - time.monotonic() + began) * RATE)))
            feeder.halt()
        finally:
            feeder.close()
        wait_for(lambda: len(follower.seen) >= feeder.sent + 2, "all comes out", 60)
        outputs = [record for record, _ in follower.seen]
        names = sorted(json.loads(record.value)["order"] for record in outputs)
        same(names, sorted([slow, "o-behind"] + [f"o-{n + 1}" for n in range(feeder.sent)]), "orders")
        mine = [json.loads(record.value) for record in outputs if record.key == b"ada"]
        same([(one["order"], one["charged"]) for one in mine], [(slow, True), ("o-behind", True)],
             "outputs of the key that waits")
        charges = service.charges(slow)
        same([one["id"] for one in charges], [mine[0]["charge_id"]], "the charge, and the call's result")
        same((service.count(slow), service.count(slow, "receipts")), (1, 1), "effects and receipts of the slow call")
        # An idempotent one may be asked for again at once by who takes the key over.
        check(kind != "once" or service.count(slow, "requests") == 1, f"{service.count(slow, 'requests')} requests")
        took = next(seen - record.timestamp_ms for record, seen in follower.seen if record.key == b"ada")
        check(took >= CALL_MS, f"the slow call's output came after {took} ms")
        same([one["id"] for one in job.members()], [member], "the member that has been there from the beginning")
        said = "".join(process.said() for process in job.processes)
        check(not re.search("max.?poll", said, re.IGNORECASE), f"it was evicted: {said[-3000:]}")
        check(not job.unasked(), "a process ended")
        judge_latency(kind, job, follower.seen, since_ms)


def a_call_once_survives_ten_rebalances(place):
    survives(place, "once")


def an_idempotent_call_survives_ten_rebalances(place):
    survives(place, "idempotent")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as CLUSTER:
    tell()
