#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jobs/payments in Flink, with a journal: orders of all kinds of charges, while the worker, and the TaskManager, are
killed with calls under way, from a savepoint in another parallelism, from one that is older than others, and when the
log has lost what a savepoint needs.
The service's own count says what was charged; what is in doubt parks, and is decided by the job's own commands."""
import collections
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
from chaos_check import Ordering, Problems  # noqa: E402
from flink_job import (Clusters, Packaged, agents_of, check_names, kill_worker, nothing_is_left,  # noqa: E402
                       unavailable, workers_of)
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
PENDING = r"(\d+) inputs were pending"  # in a savepoint, says a subtask that begins
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
        self.followers = []
        self.is_ended = threading.Event()

    def order(self, count=COUNT):
        self.write([self.ordering.draw() for _ in range(count)])

    def write(self, lot):
        KAFKA.write(f"{self.name}-in", [Record(key.encode(), json.dumps(value).encode()) for key, value in lot])

    def keep_ordering(self):
        """Little by little, beside what is done meanwhile, until end_orders()."""
        def order_all():
            while not self.is_ended.wait(0.1):  # how fast they come is no condition
                self.order(5)
        self.feeder = threading.Thread(target=order_all, daemon=True)
        self.feeder.start()

    def __enter__(self):
        self.followers = [broker.Follower(KAFKA, f"{self.name}-{what}") for what in ("out", "dlq")]
        return self

    def __exit__(self, *_):
        self.end_orders()
        for follower in self.followers:
            with follower:
                pass

    def end_orders(self):
        self.is_ended.set()
        if self.feeder:
            self.feeder.join()

    def start(self, cluster, parallelism, savepoint=None):
        self.cluster = cluster
        self.job = cluster.run(self.packaged.jar, parallelism=parallelism, savepoint=savepoint, options=MAX_PARALLELISM)
        cluster.wait_running(self.job)
        print(f"# {check_names(cluster, self.job, agents_of(JOB))}")

    def over(self):
        """The orders that are out, or decided to fail."""
        return {json.loads(record.value)["order"] for follower in self.followers for record, _ in list(follower.seen)}

    def wait_over(self, more):
        wanted = len(self.over()) + more
        self.cluster.wait(lambda: len(self.over()) >= wanted, f"{wanted} orders are not over")

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
            over = len(self.over())
            if over >= wanted:
                return True
            if over == said[0] and time.monotonic() - said[1] > 0.7:  # nothing moves: what is left is parked
                self.ordering.resolve(SERVICE, self)
                said[1] = time.monotonic()
            if over != said[0]:
                said[:] = over, time.monotonic()
            return False
        self.cluster.wait(is_over, "orders are left")

    def finish(self, judge=None):
        """`judge`: instead of that all that is out has come once."""
        self.settle()
        self.cluster.cancel(self.job)
        nothing_is_left(self.cluster)
        ordering = self.ordering
        print(f"# {ordering.count - self.first} orders; parked {len(ordering.parked)}: {ordering.known} as charged, "
              f"{ordering.retried} to be retried, {len(ordering.failed)} as failed")
        same(self.parked(), [], "still parked")
        problems = [*(judge or ordering.judge_outputs)(KAFKA.each(f"{self.name}-out")).lines(),
                    *ordering.judge_effects(SERVICE, {"once", "idempotent", "checked"}).lines(),
                    *ordering.judge_dead(KAFKA.each(f"{self.name}-dlq")).lines()]
        check(not problems, "\n".join(problems))


def undisturbed_each_order_is_charged_once(place):
    with Payments(place, "calm", 0) as job:
        job.order()
        job.start(CLUSTERS[OTHER], 2)
        job.finish()


def worker(cluster):
    kill_worker(cluster, JOB)


def taskmanager(cluster):
    pids = set(workers_of(cluster, JOB))
    cluster.taskmanagers[0].kill()
    wait_until(lambda: not pids & set(cluster.processes()))
    cluster.taskmanagers[0].start()


def kills_charge_nothing_twice_and_lose_nothing(place):
    with Payments(place, "killed", 10000) as job:
        cluster = CLUSTERS[VERSION]
        job.start(cluster, 2)
        for kill in worker, worker, taskmanager:
            job.order()
            job.wait_under_way()
            kill(cluster)
        job.finish()
        check(job.ordering.parked, "nothing was in doubt: the kills came when no call was under way")


def a_savepoint_with_calls_under_way_goes_on_in_another_parallelism(place):
    with Payments(place, "moved", 20000) as job:
        cluster = CLUSTERS[VERSION]
        before = len(re.findall(PENDING, cluster.taskmanager_log(cluster.taskmanagers[0])))
        job.start(cluster, 3)
        job.keep_ordering()
        for parallelism in 2, 3:
            job.wait_under_way()
            savepoint = cluster.stop_with_savepoint(job.job)
            nothing_is_left(cluster)
            job.start(cluster, parallelism, savepoint)
        job.finish()
        pending = re.findall(PENDING, cluster.taskmanager_log(cluster.taskmanagers[0]))[before:]
        print(f"# pending in the savepoints: {', '.join(pending)}")
        check(sum(map(int, pending)) > 0, "nothing was under way when the savepoints were taken")


def what_a_log_has_lost_since_a_savepoint_parks(place):
    with Payments(place, "gap", 30000) as job:
        cluster = CLUSTERS[VERSION]
        job.start(cluster, 2)
        job.keep_ordering()
        job.wait_under_way()
        savepoint = cluster.stop_with_savepoint(job.job)
        job.end_orders()
        cluster.wait_state(job.job, "FINISHED")  # until then outputs are committed, and calls that have ended recorded
        nothing_is_left(cluster)
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


def a_savepoint_older_than_others_emits_again_and_charges_nothing_again(place):
    with Payments(place, "back", 40000) as job:
        cluster = CLUSTERS[VERSION]
        job.start(cluster, 2)
        job.keep_ordering()
        job.wait_over(COUNT // 3)
        first = collections.Counter(record.key.decode() for record in KAFKA.each(f"{job.name}-out"))
        savepoint = cluster.savepoint(job.job)
        job.wait_over(COUNT // 3)
        cluster.savepoint(job.job)
        job.wait_over(COUNT // 3)
        job.wait_under_way()
        cluster.cancel(job.job)
        nothing_is_left(cluster)
        ends, over, asked = KAFKA.ends(f"{job.name}-out"), job.over(), SERVICE.counts()["orders"]
        job.start(cluster, 3, savepoint)
        job.end_orders()
        # The last of each customer is of this life: when all are over, all has come again that comes again.
        job.write([job.ordering.draw(customer) for customer in list(job.ordering.by_customer)])

        def judge(records):
            problems, again = Problems(), 0
            lives = {customer: ([], []) for customer in job.ordering.by_customer}
            for record in records:
                lives[record.key.decode()][record.offset >= ends[record.partition]].append(json.loads(record.value))
            for customer, wanted in job.ordering.wanted_outputs().items():
                before, behind = lives[customer]
                begin = len(wanted) - len(behind)
                again += len(before) - begin
                # From the savepoint on all came, also what had come before; and nothing from before it.
                if (before, behind) != (wanted[:len(before)], wanted[begin:]):
                    problems.add("other outputs", f"{customer}: {lives[customer]}, want {wanted}")
                elif not first[customer] <= begin <= len(before):
                    problems.add("from another place", f"{customer}: {first[customer]}, {begin}, {len(before)}")
            print(f"# {len(over)} orders were over, {again} outputs came again")
            check(again > 0, "nothing was emitted again")
            return problems
        job.finish(judge)
        now = SERVICE.counts()["orders"]
        changed = [f"{order}: {asked[order]}, now {now[order]}" for order in over if asked[order] != now[order]]
        check(not changed, f"asked for again, though the log has the answer: {changed}")


why = unavailable()
if why:
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as KAFKA:
    CHANCE = seed()
    with Service(Place(KAFKA.folder)) as SERVICE, Clusters(slots=3, environment={
            "PAYMENTS_URL": SERVICE.url, "PAYMENTS_TIMEOUT_MS": str(TIMEOUT_MS), "PAYMENTS_ATTEMPTS": "100",
            "PAYMENTS_BACKOFF_MS": "10"}, conf={"execution.checkpointing.interval": "300 ms"}) as CLUSTERS:
        tell()
