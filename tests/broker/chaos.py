#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two jobs on real brokers, while processes, brokers, connections, offsets and folders are done harm to at random; then
what was committed is counted, and what the service that was charged has counted itself.

    chaos.py [--events N] [--records N] [--orders N] [--seed S] [--nodes 1|3] [--only EVENT,…] [--kinds KIND,…]
             [--stand-in [BREAK]] [--short-memory] [--log-level LEVEL] [--keep]

The counting job (tests/support/chaos-job.c) gets N records, jobs/payments a hundredth of it (or --orders), in 4
partitions each, three processes each. All kinds of events (tests/support/chaos_events.py) come before one comes twice.
--stand-in: counting alone, by tests/support/standin.c, which BREAK makes wrong in one way: the chaos test's own test.
A test that fails keeps its folder, and what tests/support/chaos_evidence.py finds, and says where.
"""
import argparse
import collections
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("top_srcdir", os.path.join(HERE, "../.."))
os.environ.setdefault("top_builddir", os.path.join(HERE, "../../build"))
sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import payments  # noqa: E402
from chaos_check import Counting, Ordering  # noqa: E402
from chaos_events import LEAST_MEMORY, STAND_IN_MEMORY, Events, Feeder  # noqa: E402
from chaos_evidence import Evidence  # noqa: E402
from kafka_job import BROKER_CONFIG, CHAOS_JOB, STAND_IN, Job, wait_for  # noqa: E402
from story import Place, check  # noqa: E402

PARTITIONS, PROCESSES = 4, 3
RATE = 2000                # records a second
PAYMENTS_EACH = 100        # one order for so many records
KEYS, CUSTOMERS = 1000, 100
MARGIN_MS = 2000           # an effect lands late on a machine that is busy: that is what a margin is for
MOST_UNASKED = 20          # ends of processes that nobody asked for, before it is given up


def say(text):
    print("\n".join("# " + line for line in str(text).splitlines()), flush=True)


class Chaos:
    def __init__(self, cluster, folder, options):
        self.cluster, self.options = cluster, options
        self.chance = random.Random(f"{options.seed}/events")
        self.events = Events(cluster, self.chance, self.watch)
        self.unasked, self.harmed, self.held = [], [], []
        self.happened, self.recoveries = collections.Counter(), []
        place = Place(folder)
        self.counting = Counting(random.Random(f"{options.seed}/counting"), KEYS)
        self.ordering = Ordering(random.Random(f"{options.seed}/payments"), CUSTOMERS,
                                 options.kinds.split(","))
        is_real = options.stand_in is None
        for name in ["counted"] + ["charged"] * is_real:
            cluster.create_topic(f"to-be-{name}", PARTITIONS)
            cluster.create_topic(name, PARTITIONS)
        self.service = payments.Service(place) if is_real else None
        self.jobs = []
        if is_real:
            log = {"log": {"level": options.log_level}}
            self.jobs.append(Job(place.path("chaos"), cluster, "chaos", CHAOS_JOB, ["to-be-counted"], "counted", log))
            self.jobs.append(Job(
                place.path("payments"), cluster, "payments", payments.JOB, ["to-be-charged"], "charged",
                settings={**log, "calls": {"start-lease-ms": payments.LEASE_MS, "margin-ms": MARGIN_MS}},
                env={"PAYMENTS_URL": self.service.url, "PAYMENTS_TIMEOUT_MS": str(payments.TIMEOUT_MS),
                     "PAYMENTS_ATTEMPTS": "100", "PAYMENTS_BACKOFF_MS": "10"}))
        else:
            cluster.create_topic("chaos-changelog", PARTITIONS, dict(one.split("=") for one in STAND_IN_MEMORY))
            self.jobs.append(Job(place.path("chaos"), cluster, "chaos", STAND_IN, ["to-be-counted"], "counted",
                                 env={"STANDIN_BREAK": options.stand_in}))
        self.shares = {"chaos": options.records,
                       "payments": options.orders or max(100, options.records // PAYMENTS_EACH)}
        draws = {"chaos": (self.counting.draw, RATE),
                 "payments": (self.ordering.draw, max(1, RATE * self.shares["payments"] // options.records))}
        self.feeders = {job.name: Feeder(cluster, job.inputs[0], *draws[job.name]) for job in self.jobs}
        self.evidence = Evidence(cluster, folder)

    def close(self):
        for feeder in self.feeders.values():
            feeder.close()
        for job in self.jobs:
            job.__exit__()
        if self.service:
            self.service.stop()
        self.evidence.close()

    def watch(self):
        """A process that ends unasked is a defect; it is noted, and another takes its place: the rest is to be seen."""
        for job in self.jobs:
            for process, status in job.unasked():
                self.unasked.append(f"{process} ended with {status}; {process.last_words(8)}")
                say(self.unasked[-1])
                check(len(self.unasked) < MOST_UNASKED, "processes end unasked again and again")
                process.start()

    def plan(self):
        """The kinds of events to come: all of them before one comes twice."""
        kinds = self.options.only.split(",") if self.options.only else Events.kinds(self.options.nodes)
        plan = []
        while len(plan) < self.options.events:
            plan += self.chance.sample(kinds, len(kinds))
        return plan[:self.options.events]

    def feed(self, number, of):
        """Allows what is due up to the `number`-th of so many steps."""
        for name, feeder in self.feeders.items():
            feeder.allow(self.shares[name] * number // of - feeder.allowed)

    def start(self):
        for job in self.jobs:
            for _ in range(PROCESSES):
                job.start()
        for job in self.jobs:
            self.events.wait_for(lambda job=job: len(job.members()) == PROCESSES, f"{job.name} has its members")
        self.feed(1, 2 * self.options.events + 2)
        for job in self.jobs:
            wait_for(lambda job=job: sum(job.committed()[job.inputs[0]]), f"{job.name} commits", 60)
        if self.service:
            self.evidence.follow("payments-actions")
        name = next((name for name in self.cluster.topics() if name.startswith("chaos") and "changelog" in name), None)
        if name and self.options.stand_in is None and self.options.short_memory:
            self.cluster.admin("configure", name, *LEAST_MEMORY)

    def strike(self, number, kind):
        """One event, in the midst of records; then until all that was written by then is done."""
        steps = 2 * self.options.events + 2
        before = {name: feeder.sent for name, feeder in self.feeders.items()}
        self.feed(2 * number + 2, steps)
        share = self.feeders["chaos"].allowed - before["chaos"]
        self.feeders["chaos"].wait_sent(before["chaos"] + int(share * self.chance.uniform(0.1, 0.8)))
        self.feed(2 * number + 3, steps)
        job = self.chance.choice(self.jobs)
        began = time.monotonic()
        what = "it failed"
        try:
            what = getattr(self.events, kind)(job)
        except (AssertionError, broker.BrokerError) as why:
            self.harmed.append(f"{kind} of {job.name}: {why}")
            say(self.harmed[-1])
            self.mend(job)
        self.happened[kind] += 1
        struck = time.monotonic() - began
        recovery = max(one.wait_caught_up(watch=self.watch, excuse=self.is_parked(one)) for one in self.jobs)
        self.recoveries.append(recovery)
        say(f"{number + 1:3} {kind}: {what} ({job.name}; {struck:.1f} s, caught up {recovery:.1f} s after it)")

    def is_parked(self, job):
        """Offsets that stand still because of a parked run are a defect (an inbox is there for that), but no reason to
        see nothing else."""
        def excuse(have, ends):
            parked = [line for process in job.processes for line in process.said().splitlines()
                      if "run is parked" in line]
            if parked:
                self.held.append(f"{job.name}: {have} of {ends}; the last that was parked: {parked[-1]}")
            return bool(parked)
        return excuse

    def mend(self, job):
        """After an event that failed: nodes and processes run."""
        for node in self.cluster.nodes:
            if not node.is_running:
                node.start()
        self.cluster.wait_ready()
        for process in job.processes[:PROCESSES]:
            if not process.is_running:
                process.start("--resume")

    def drain(self):
        """Until everything is done, or parked and decided."""
        self.cluster.proxy.forget()
        for name, feeder in self.feeders.items():
            feeder.allow(self.shares[name] - feeder.allowed)
        for feeder in self.feeders.values():
            feeder.finish()
        for job in self.jobs:
            job.wait_caught_up(watch=self.watch, excuse=self.is_parked(job))
        if not self.service:
            return
        job, last = self.jobs[1], [time.monotonic(), -1]

        def is_done():
            self.watch()
            done = sum(1 for _ in self.cluster.each("charged")) + len(self.dead())
            if done != last[1]:
                last[:] = time.monotonic(), done
            if done >= self.shares["payments"]:
                return True
            decided = self.ordering.resolve(self.service, job)
            if decided:
                last[0] = time.monotonic()  # that takes a while, and only now they can go on
            return decided > 0
        while sum(1 for _ in self.cluster.each("charged")) + len(self.dead()) < self.shares["payments"]:
            check(time.monotonic() - last[0] < 120, f"payments stand still at {last[1]} of {self.shares['payments']}")
            wait_for(is_done, "payments end, or park", 120, 0.3)

    def dead(self):
        return list(self.cluster.each("payments-dlq")) if "payments-dlq" in self.cluster.topics() else []

    def make_input_anew(self, job):
        """The same name, another topic: what the state is about is gone."""
        self.events.stop_and_empty(job)
        topic = job.inputs[0]
        self.cluster.admin("delete", topic)
        self.events.wait_for(lambda: topic not in self.cluster.topics(), "the topic is gone")
        self.cluster.create_topic(topic, PARTITIONS)
        process = job.processes[0].start()
        status = process.wait(30)
        check(status == 3, f"{process} ended with {status} on an input made anew; {process.last_words()}")

    def keep_evidence(self):
        """Before anything else is done to what failed."""
        for lacking in self.evidence.keep(self.jobs):
            say(f"no evidence of {lacking}")
        say(f"evidence: {self.evidence.folder}")

    # ---- judging ---------------------------------------------------------------------------------------------------

    def claims(self):
        """(claim, what speaks against it: lines)"""
        written = self.counting.judge_input(self.cluster.each("to-be-counted")).lines()
        if self.service:
            written += self.ordering.judge_input(self.cluster.each("to-be-charged")).lines()
        yield "each_input_is_written_once_and_in_order", written
        problems = self.counting.judge(self.cluster.each("counted"))
        groups = [("each_record_is_counted_once_and_in_order", {"lost", "duplicate", "reordered", "unknown",
                                                                "run id twice", "key in two partitions"}),
                  ("counters_are_gapless_and_no_deletion_is_forgotten", {"wrong count or state"})]
        for claim, names in groups:
            yield claim, [line for line in problems.lines() if line.partition(":")[0] in names]
        if self.service:
            yield "only_once_charges_park", self.ordering.surprises.lines()
            yield ("each_order_comes_out_once_and_in_order",
                   self.ordering.judge_outputs(self.cluster.each("charged")).lines())
            yield "once_charges_at_most_once", self.ordering.judge_effects(self.service, {"once"}).lines()
            yield ("idempotent_and_checked_charge_exactly_once",
                   self.ordering.judge_effects(self.service, {"idempotent", "checked"}).lines())
            yield "what_failed_is_a_dead_letter", self.ordering.judge_dead(self.dead()).lines()
            yield "a_parked_run_holds_no_offset_back", self.held
        yield "no_process_ends_unasked", self.unasked

    def report(self):
        say("events: " + ", ".join(f"{kind} {count}" for kind, count in sorted(self.happened.items())))
        if self.recoveries:
            say(f"all that was written is done: median {statistics.median(self.recoveries):.1f} s, at most "
                f"{max(self.recoveries):.1f} s after an event")
        if self.service:
            kinds = collections.Counter(self.ordering.kind_of[order] for order in self.ordering.parked)
            say(f"parked {dict(kinds)}: {self.ordering.known} as charged, {self.ordering.retried} to be retried, "
                f"{len(self.ordering.failed)} as failed")


class Tap:
    def __init__(self, claims):
        self.number = 0
        self.bad = 0
        print(f"1..{claims}", flush=True)

    def tell(self, claim, problems):
        self.number += 1
        for line in problems:
            say(line)
        self.bad += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.number} - {claim}", flush=True)


def failure(why):
    frames = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}: {frame.line}"
              for frame in traceback.extract_tb(why.__traceback__)[-4:]]
    return [f"{type(why).__name__}: {why}", *frames]


def main():
    parser = argparse.ArgumentParser(description="Chaos on real brokers.")
    parser.add_argument("--events", type=int, default=10)
    parser.add_argument("--records", type=int, default=100000)
    parser.add_argument("--orders", type=int, default=0, help="a hundredth of the records")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("WEIR_TEST_SEED",
                                                                       random.SystemRandom().randrange(1 << 31))))
    parser.add_argument("--nodes", type=int, default=1, choices=[1, 3])
    parser.add_argument("--only", default="")
    parser.add_argument("--kinds", default="once,idempotent,checked", help="of payments")
    parser.add_argument("--stand-in", nargs="?", const="", metavar="BREAK")
    parser.add_argument("--short-memory", action="store_true", help="tombstones live for a minute")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--keep", action="store_true", help="leave the processes' folders where they are")
    options = parser.parse_args()
    unavailable = broker.unavailable()
    if unavailable:
        print(f"1..0 # SKIP {unavailable}")
        return 0
    say(f"seed {options.seed}: chaos.py --events {options.events} --records {options.records} --seed {options.seed} "
        f"--nodes {options.nodes}" + (f" --orders {options.orders}" if options.orders else "") +
        (f" --only {options.only}" if options.only else ""))
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that all is cleared away
    folder = tempfile.mkdtemp(prefix="weir-chaos-")
    began = time.monotonic()
    tap = Tap(7 if options.stand_in is not None else 13)
    with broker.Cluster(options.nodes, BROKER_CONFIG, proxied=True) as cluster:
        chaos = Chaos(cluster, folder, options)
        try:
            stopped = []
            try:
                chaos.start()
                for number, kind in enumerate(chaos.plan()):
                    chaos.strike(number, kind)
            except (AssertionError, broker.BrokerError, OSError) as why:
                stopped = failure(why)
            tap.tell("each_event_is_survived", stopped + chaos.harmed)
            try:
                stopped = []
                chaos.drain()
            except (AssertionError, broker.BrokerError, OSError) as why:
                stopped = failure(why)
            tap.tell("everything_ends_or_is_parked", stopped)
            for claim, problems in chaos.claims():
                tap.tell(claim, problems)
            if tap.bad:
                chaos.keep_evidence()
            try:
                stopped = []
                chaos.make_input_anew(chaos.jobs[0])
            except (AssertionError, broker.BrokerError, OSError) as why:
                stopped = failure(why)
            tap.tell("an_input_made_anew_is_refused", stopped)
            chaos.report()
        finally:
            chaos.close()
    say(f"{time.monotonic() - began:.0f} s")
    if options.keep or tap.bad:
        say(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
