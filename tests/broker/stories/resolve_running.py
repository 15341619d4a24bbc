#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is parked in a running `run`, and what is decided about it, while other keys go on."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import payments  # noqa: E402
from broker import Record  # noqa: E402
from kafka_job import BROKER_CONFIG, Job, wait_for  # noqa: E402
from payments import Service, order_of  # noqa: E402
from story import check, done, same, tell  # noqa: E402


def order(customer, name, amount=100):
    return Record(customer.encode(), json.dumps({"order": name, "amount": amount, "kind": "once"}).encode())


class Shop:
    """The job with two processes, and the service."""

    def __init__(self, place, name):
        CLUSTER.create_topic(name + "-in", 4)
        CLUSTER.create_topic(name + "-out", 4)
        self.name, self.service = name, Service(place)
        self.job = Job(place.path(name), CLUSTER, name, payments.JOB, [name + "-in"], name + "-out",
                       {"calls": {"start-lease-ms": payments.LEASE_MS, "margin-ms": payments.MARGIN_MS}},
                       {"PAYMENTS_URL": self.service.url, "PAYMENTS_TIMEOUT_MS": str(payments.TIMEOUT_MS),
                        "PAYMENTS_ATTEMPTS": "1"})
        for _ in range(2):
            self.job.start()
        self.job.wait_settled(2)  # it has its topics, which `parked` asks for

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.job.__exit__()
        self.service.stop()

    def write(self, *records):
        CLUSTER.write(self.name + "-in", records)

    def outputs(self, customer):
        return [(said["order"], said["charged"]) for said in
                (json.loads(record.value) for record in CLUSTER.read(self.name + "-out")
                 if record.key == customer.encode())]

    def wait_outputs(self, customer, *wanted):
        wait_for(lambda: len(self.outputs(customer)) >= len(wanted), f"outputs of {customer}", 60, 0.2)
        same(self.outputs(customer), list(wanted), f"outputs of {customer}")

    def wait_parked(self, *orders):
        found = []

        def holds():
            found[:] = self.job.parked()
            return sorted(map(order_of, found)) == sorted(orders)
        wait_for(holds, f"{orders} are parked; there are {found}", 60, 0.3)
        return {order_of(one): one for one in found}


def a_result_a_retry_and_a_failure_are_taken_up_by_the_job_that_runs(place):
    with Shop(place, "decided") as shop:
        lost, before = "o-1;lose-answer+ignore-key", "o-2;drop-before"
        shop.write(order("ada", lost), order("ada", "o-1b"), order("bob", before), order("bob", "o-2b"),
                   order("eve", "o-3"))
        shop.wait_outputs("eve", ("o-3", True))
        parked = shop.wait_parked(lost, before)
        same(shop.outputs("ada") + shop.outputs("bob"), [], "outputs behind what is parked")
        charge = shop.service.charges(lost)
        same(len(charge), 1, "charges")
        done(shop.job.resolve(parked[lost], "--result", json.dumps({"status": 200, "headers": {}, "body": charge[0]})))
        shop.wait_outputs("ada", (lost, True), ("o-1b", True))
        done(shop.job.resolve(parked[before], "--retry"))
        again = shop.wait_parked(before)[before]
        check(again["attempt"] > parked[before]["attempt"], f"the attempt is the same: {again}")
        done(shop.job.resolve(again, "--fail"))
        shop.wait_outputs("bob", ("o-2b", True))
        same([json.loads(record.value)["order"] for record in CLUSTER.read("decided-dlq")], [before], "dead letters")
        same((shop.service.count(lost), shop.service.count(before)), (1, 0), "charges")


def a_decision_about_another_attempt_changes_nothing(place):
    with Shop(place, "late") as shop:
        name = "o-1;drop-before"
        shop.write(order("ada", name))
        parked = shop.wait_parked(name)[name]
        ended = shop.job.tool("resolve", parked["run"], "--attempt", str(parked["attempt"] + 5), "--fail")
        check(ended.status != 0 or "attempt" in ended.err, f"it says nothing of the attempt: {ended.err}")
        same(order_of(shop.job.parked()[0]), name, "parked")
        requests = shop.service.count(name, "requests")
        for process in shop.job.processes:
            process.kill()
        for process in shop.job.processes:
            process.start()
        shop.job.wait_settled(2)
        again = shop.wait_parked(name)[name]
        same((again["run"], again["attempt"]), (parked["run"], parked["attempt"]), "what is parked after a restart")
        same(shop.service.count(name, "requests"), requests, "requests after a restart")
        done(shop.job.resolve(again, "--fail"))
        wait_for(lambda: len(CLUSTER.read("late-dlq")) == 1, "a dead letter", 60, 0.2)


def a_parked_run_holds_no_offset_back(place):
    """Its input is in the inbox, so that it may wait for a month."""
    with Shop(place, "patience") as shop:
        name = "o-1;drop-before"
        shop.write(order("ada", name), *[order(f"c-{n}", f"o-{n}b") for n in range(40)])
        shop.job.wait_caught_up(30)


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as CLUSTER:
    tell()
