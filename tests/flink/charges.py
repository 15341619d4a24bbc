#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jobs/payments in Flink, with a journal: orders of all kinds of charges, while the worker, and the TaskManager, are
killed with calls under way, from a savepoint in another parallelism, and when the log has lost what a savepoint needs.
The service's own count says what was charged; what is in doubt parks, and is decided by the job's own commands."""
import json
import os
import random
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import flink  # noqa: E402
from broker import Record  # noqa: E402
from chaos_check import Ordering  # noqa: E402
from flink_job import (Packaged, agents_of, check_names, kill_worker, nothing_is_left, unavailable,  # noqa: E402
                       workers_of)
from kafka_job import BROKER_CONFIG  # noqa: E402
from payments import JOB, Service  # noqa: E402
from story import Place, check, same, seed, tell, wait_until  # noqa: E402

COUNT = int(os.environ.get("WEIR_TEST_ORDERS", 120))  # orders at a time
CUSTOMERS = 40
SLOW_MS = 100, 400  # of a charge
# Of a call: long for a request on a busy machine, short for a test that waits for it to be in doubt.
TIMEOUT_MS, LEASE_MS, MARGIN_MS = 1500, 300, 200
# All faults on one version; the longer form has them on the other.
VERSION = os.environ.get("WEIR_TEST_FLINK_VERSION", "2.2.1")
OTHER = next(version for version in flink.VERSIONS if version != VERSION)
MAX_PARALLELISM = ["-Dpipeline.max-parallelism=128"]


class Payments:
    """The job, on topics of its own, and the orders that it gets."""

    def __init__(self, place, name, first):
        self.name = name
        self.ordering = Ordering(random.Random(CHANCE.random()), CUSTOMERS, ["once", "idempotent", "checked"],
                                 SLOW_MS)
        self.first = self.ordering.count = first  # the service has one ledger for all stories
        for topic in "in", "out", "dlq":
            KAFKA.create_topic(f"{name}-{topic}", 4)
        self.packaged = Packaged(place, JOB, {
            "job": {"name": name}, "input": {"topics": [f"{name}-in"], "on-error": "dlq"},
            "output": {"topic": f"{name}-out", "dlq-topic": f"{name}-dlq"},
            "action-state": {"topic": f"{name}-actions"},
            "calls": {"start-lease-ms": LEASE_MS, "margin-ms": MARGIN_MS},
            "kafka": {"bootstrap.servers": KAFKA.brokers, "auto.offset.reset": "earliest"}}, name)
        self.cluster = self.job = self.feeder = None
        self.is_ended = threading.Event()

    def order(self, count=COUNT):
        lot = [self.ordering.draw() for _ in range(count)]
        KAFKA.write(f"{self.name}-in", [Record(key.encode(), json.dumps(value).encode()) for key, value in lot])

    def keep_ordering(self):
        """Little by little, beside what is done meanwhile, until end_orders()."""
        def order_all():
            while not self.is_ended.wait(0.1):  # how fast they come is no condition
                self.order(5)
        self.feeder = threading.Thread(target=order_all, daemon=True)
        self.feeder.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end_orders()

    def end_orders(self):
        self.is_ended.set()
        if self.feeder:
            self.feeder.join()

    def start(self, cluster, parallelism, savepoint=None):
        self.cluster = cluster
        self.job = cluster.run(self.packaged.jar, parallelism=parallelism, savepoint=savepoint, options=MAX_PARALLELISM)
        cluster.wait_running(self.job)
        print(f"# {check_names(cluster, self.job, agents_of(JOB))}")

    def count(self, what):
        return sum(1 for _ in KAFKA.each(f"{self.name}-{what}"))

    def wait_under_way(self):
        self.cluster.wait(lambda: SERVICE.counts()["landing"] > 2, "no calls are under way")

    # As Ordering wants a job.

    def parked(self):
        ended = self.packaged.tool("parked")
        check(ended.status == 0, f"parked: status {ended.status}: {ended.err}")
        return [json.loads(line) for line in ended.out.splitlines()]

    def resolve(self, parked, *how):
        return self.packaged.tool("resolve", parked["run"], "--attempt", str(parked["attempt"]), *how)

    def settle(self):
        """Until every order is out, or decided to fail."""
        said = [-1, time.monotonic()]
        self.end_orders()
        wanted = self.ordering.count - self.first

        def is_over():
            state = self.cluster.state(self.job)
            check(state not in flink.ENDED, f"the job is {state}: {self.cluster.root_exception(self.job)}")
            over = self.count("out") + self.count("dlq")
            if over >= wanted:
                return True
            if over == said[0] and time.monotonic() - said[1] > 0.7:  # nothing moves: what is left is parked
                self.ordering.resolve(SERVICE, self)
                said[1] = time.monotonic()
            if over != said[0]:
                said[:] = over, time.monotonic()
            return False
        self.cluster.wait(is_over, "orders are left")

    def finish(self):
        self.settle()
        self.cluster.cancel(self.job)
        nothing_is_left(self.cluster)
        ordering = self.ordering
        print(f"# {ordering.count - self.first} orders; parked {len(ordering.parked)}: {ordering.known} as charged, "
              f"{ordering.retried} to be retried, {len(ordering.failed)} as failed")
        same(self.parked(), [], "still parked")
        problems = [*ordering.judge_outputs(KAFKA.each(f"{self.name}-out")).lines(),
                    *ordering.judge_effects(SERVICE, {"once", "idempotent", "checked"}).lines(),
                    *ordering.judge_dead(KAFKA.each(f"{self.name}-dlq")).lines()]
        check(not problems, "\n".join(problems))


def cluster_of(place, version, slots=2):
    return flink.Cluster(version, slots=slots, environment={
        "PAYMENTS_URL": SERVICE.url, "PAYMENTS_TIMEOUT_MS": str(TIMEOUT_MS), "PAYMENTS_ATTEMPTS": "100",
        "PAYMENTS_BACKOFF_MS": "10"}, conf={
            "execution.checkpointing.interval": "300 ms",
            "execution.checkpointing.savepoint-dir": f"file://{place.path('savepoints')}"})


def undisturbed_each_order_is_charged_once(place):
    with cluster_of(place, OTHER) as cluster, Payments(place, "calm", 0) as job:
        job.order()
        job.start(cluster, 2)
        job.finish()


def worker(cluster):
    kill_worker(cluster, JOB)


def taskmanager(cluster):
    pids = set(workers_of(cluster, JOB))
    cluster.taskmanagers[0].kill()
    wait_until(lambda: not pids & set(cluster.processes()))
    cluster.taskmanagers[0].start()


def kills_charge_nothing_twice_and_lose_nothing(place):
    with cluster_of(place, VERSION) as cluster, Payments(place, "killed", 10000) as job:
        job.start(cluster, 2)
        for kill in worker, worker, taskmanager:
            job.order()
            job.wait_under_way()
            kill(cluster)
        job.finish()
        check(job.ordering.parked, "nothing was in doubt: the kills came when no call was under way")


def a_savepoint_with_calls_under_way_goes_on_in_another_parallelism(place):
    with cluster_of(place, VERSION, 3) as cluster, Payments(place, "moved", 20000) as job:
        job.start(cluster, 3)
        job.keep_ordering()
        for parallelism in 2, 3:
            job.wait_under_way()
            savepoint = cluster.stop_with_savepoint(job.job)
            nothing_is_left(cluster)
            job.start(cluster, parallelism, savepoint)
        job.finish()
        pending = re.findall(r"(\d+) inputs were pending", cluster.taskmanager_log(cluster.taskmanagers[0]))
        print(f"# pending in the savepoints: {', '.join(pending)}")
        check(sum(map(int, pending)) > 0, "nothing was under way when the savepoints were taken")


def what_a_log_has_lost_since_a_savepoint_parks(place):
    with cluster_of(place, VERSION) as cluster, Payments(place, "gap", 30000) as job:
        job.start(cluster, 2)
        job.keep_ordering()
        job.wait_under_way()
        savepoint = cluster.stop_with_savepoint(job.job)
        job.end_orders()
        for partition, end in enumerate(KAFKA.ends(f"{job.name}-actions")):
            if end > 0:
                KAFKA.admin("cut", f"{job.name}-actions", partition, end)
        over = {json.loads(record.value)["order"] for record in KAFKA.each(f"{job.name}-out")}
        doubted = {order for order, kind in job.ordering.kind_of.items() if kind == "once" and order not in over}
        job.start(cluster, 2, savepoint)
        job.finish()
        print(f"# {len(over)} orders were over at the savepoint; of those behind it {len(doubted)} are ONCE")
        check(doubted, "no ONCE charge was left")
        same(sorted(doubted - job.ordering.parked), [], "charged as if the log had known")


why = unavailable()
if why:
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as KAFKA:
    CHANCE = seed()
    with Service(Place(KAFKA.folder)) as SERVICE:
        tell()
