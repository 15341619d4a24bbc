#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A call that takes longer than everything that Kafka allows: 45 s, where max.poll.interval.ms is 10 s and sessions
last 3 s, while another process joins and leaves until ten rebalances are over."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import payments  # noqa: E402
from broker import Record  # noqa: E402
from kafka_job import BROKER_CONFIG, Job, wait_for  # noqa: E402
from payments import Service  # noqa: E402
from story import check, same, tell  # noqa: E402

CALL_MS, POLL_MS, REBALANCES, PARTITIONS = 45000, 10000, 10, 2
# Other keys' records wait for a commit and the read of it; a rebalance may come between. Far below the call, far above
# what it takes at rest.
NEAR_MS = 3000


def order(customer, name, kind):
    return Record(customer.encode(), json.dumps({"order": name, "amount": 100, "kind": kind}).encode())


def survives(place, kind):
    name = f"slow-{kind}"
    CLUSTER.create_topic(name + "-in", PARTITIONS)
    CLUSTER.create_topic(name + "-out", PARTITIONS)
    slow = f"o-slow;slow={CALL_MS}"
    with Service(place) as service, Job(
            place.path(name), CLUSTER, name, payments.JOB, [name + "-in"], name + "-out",
            {"kafka": {"max.poll.interval.ms": POLL_MS}},
            {"PAYMENTS_URL": service.url, "PAYMENTS_TIMEOUT_MS": str(4 * CALL_MS), "PAYMENTS_ATTEMPTS": "1"}) as job:
        job.start()
        other = job.start()
        job.wait_settled(2)
        other.stop()
        job.wait_settled(1)
        began = time.monotonic()
        CLUSTER.write(name + "-in", [order("ada", slow, kind), order("ada", "o-behind", kind)])
        wait_for(lambda: service.count(slow, "requests") == 1, "it is called", 60)
        number = 0
        for rebalance in range(REBALANCES):
            if rebalance % 2 == 0:
                other.start()
            else:
                status = other.stop()
                check(status == 0, f"exit status {status}; {other.last_words()}")
            job.wait_settled(2 if rebalance % 2 == 0 else 1)
            for _ in range(5):
                CLUSTER.write(name + "-in", [order(f"c-{number % 20}", f"o-{number}", "idempotent")])
                number += 1
        check(time.monotonic() - began < CALL_MS / 1000 - 2, "the call was not slow enough for this machine")
        wait_for(lambda: len(CLUSTER.read(name + "-out")) == number + 2, "all comes out", 180, 0.3)
        outputs = CLUSTER.read(name + "-out")
        sent = {json.loads(record.value)["order"]: record.timestamp_ms for record in CLUSTER.read(name + "-in")}
        mine = [(json.loads(record.value)["order"], json.loads(record.value)["charged"]) for record in outputs
                if record.key == b"ada"]
        same(mine, [(slow, True), ("o-behind", True)], "outputs of the key that waits")
        late = sorted(record.timestamp_ms - sent[json.loads(record.value)["order"]] for record in outputs
                      if record.key != b"ada")
        print(f"# {kind}: other keys' outputs after {late[len(late) // 2]} ms (median), {late[-1]} ms (at most)")
        same((service.count(slow), service.count(slow, "receipts")), (1, 1), "effects and receipts of the slow call")
        # An idempotent one may be asked for again at once by who takes the key over.
        check(kind != "once" or service.count(slow, "requests") == 1, f"{service.count(slow, 'requests')} requests")
        said = "".join(process.said() for process in job.processes)
        check("max.poll.interval" not in said and "MAXPOLL" not in said, f"it was evicted: {said}")
        check(not job.unasked(), "a process ended")
        check(late[-1] < NEAR_MS, f"other keys had to wait: {late[-5:]} ms")


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
