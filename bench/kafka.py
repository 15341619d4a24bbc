#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what bench/kafka.sh has prepared, and prints it: the keyed count, exactly-once, by Kafka Streams, by a bare
loop on librdkafka and by weir. All is taken in rounds, one after the other, so that a busy machine is busy for all.

    bench/kafka.py TOP BUILD [--rounds N] [--records N] [--report] [--only rate|latency] [--without NAME]...
                   [--set NAME=VALUE]...
"""

import argparse
import os
import signal
import sys
import time

import stage
from report import Report
from stage import median, spread, tell

KINDS = ("streams", "streams-uncached", "loop", "loop-plain", "weir")
VARIANTS = ("streams-uncached", "loop-plain")  # of another kind: their latencies are not taken
KEYS = 10_000
COMMIT_MS, LATENCY_COMMIT_MS = 100, 20
LATENCY_RATE, WARM_MS, LATENCY_SECONDS = 5000, 12_000, 22


class Bench:
    def __init__(self, options, now, report):
        self.options, self.stage, self.report = options, now, report
        self.say = report.say
        self.kinds = [kind for kind in KINDS if kind not in options.without]

    def one(self, kind, number):
        """All of the input by one job, which is new."""
        name = f"{kind}-{number}"
        self.stage.topics(kind, name, f"{name}-out")
        command = self.stage.command(kind, name, "records", f"{name}-out", COMMIT_MS)
        broker_before = cpu_of(self.stage.cluster.nodes[0].process.pid)
        job, first_ns, last_ns, first_records = self.stage.watch(
            f"{name}-out", self.options.records, KEYS, lambda: self.stage.start(command, name))
        broker_s = cpu_of(self.stage.cluster.nodes[0].process.pid) - broker_before
        job.stop()
        self.stage.forget(name)
        tell(f"round {number + 1}: {kind}: {self.options.records / (last_ns - job.began_ns) * 1e6:.0f} k records/s")
        behind_first = max(self.options.records - first_records, 1)
        return {
            "start_s": (first_ns - job.began_ns) / 1e9,
            # What the first sight had was made before it.
            "rate": behind_first / max(last_ns - first_ns, 1) * 1e6,
            "whole_rate": self.options.records / (last_ns - job.began_ns) * 1e6,
            "cpu_us": job.cpu_s / self.options.records * 1e6,
            "broker_us": broker_s / self.options.records * 1e6,
            "peak_mb": job.peak_kb / 1024,
        }

    def rates(self):
        taken = {kind: [] for kind in self.kinds}
        self.stage.fill("records", self.options.records, KEYS)
        for number in range(self.options.rounds):
            # Each kind comes first once: the broker is warmer for those behind.
            turn = number % len(self.kinds)
            for kind in self.kinds[turn:] + self.kinds[:turn]:
                taken[kind].append(self.one(kind, number))
        self.say(f"## Keyed count: {self.options.records:,} records of 100 bytes, {KEYS:,} keys, {stage.PARTITIONS} "
                 f"partitions, one thread, exactly-once, a commit every {COMMIT_MS} ms")
        self.say()
        self.say(f"{'':17} {'k records/s':>11} {'min..max':>14} {'with start':>10} {'first output s':>14} "
                 f"{'min..max':>10} {'CPU us/record':>13} {'min..max':>12} {'peak MB':>7} {'broker us':>9}")
        for kind, rounds in taken.items():
            self.say(f"{kind:17} {median(rounds, 'rate'):11.1f} {spread(rounds, 'rate'):>14} "
                     f"{median(rounds, 'whole_rate'):10.1f} {median(rounds, 'start_s'):14.2f} "
                     f"{spread(rounds, 'start_s', '{:.2f}'):>10} {median(rounds, 'cpu_us'):13.2f} "
                     f"{spread(rounds, 'cpu_us', '{:.2f}'):>12} {median(rounds, 'peak_mb'):7.0f} "
                     f"{median(rounds, 'broker_us'):9.2f}")
        self.say()
        self.ratios(taken)
        self.say("k records/s: from the first committed output to the last; with start: from the start of the process")
        self.say("to the last. First output: from the start of the process. CPU: the process's own, until its clean")
        self.say(f"end; broker: what the broker took meanwhile. JVMs of jobs have -Xmx{stage.JOB_HEAP}, the broker "
                 f"-Xmx{stage.BROKER_HEAP}.")
        self.say()

    def ratios(self, taken):
        pairs = [(kind, other) for kind in ("weir", "loop") if kind in taken for other in taken if other != kind
                 and (kind, other) != ("loop", "weir")]
        goals = {("weir", "streams"): " (goal: at least 2)", ("weir", "loop"): " (goal: at least 0.6)"}
        for kind, other in pairs:
            each = [mine["rate"] / theirs["rate"] for mine, theirs in zip(taken[kind], taken[other])]
            whole = median(taken[kind], "whole_rate") / median(taken[other], "whole_rate")
            cpu = median(taken[kind], "cpu_us") / median(taken[other], "cpu_us")
            self.say(f"{kind} against {other}: {median(taken[kind], 'rate') / median(taken[other], 'rate'):.2f} of its "
                     f"rate{goals.get((kind, other), '')}, by round {min(each):.2f}..{max(each):.2f}; with start "
                     f"{whole:.2f}; CPU {cpu:.2f}")
        if pairs:
            self.say()

    def late(self, kind, number):
        name = f"late-{kind}-{number}"
        for topic in (f"{name}-in", f"{name}-out"):
            self.stage.cluster.create_topic(topic, stage.PARTITIONS)
        if kind == "loop":
            self.stage.cluster.create_topic(f"{name}-changelog", stage.PARTITIONS, {"cleanup.policy": "compact"})
        job = self.stage.start(self.stage.command(kind, name, f"{name}-in", f"{name}-out", LATENCY_COMMIT_MS), name)
        flow = self.stage.flow(f"{name}-in", f"{name}-out", LATENCY_RATE, KEYS, WARM_MS)
        flow.until_caught_up(job, LATENCY_SECONDS)
        _, p50_us, p99_us = flow.end(job)
        job.stop()
        self.stage.forget(name)
        tell(f"round {number + 1}: {kind}: p50 {p50_us / 1000:.1f} ms, p99 {p99_us / 1000:.1f} ms")
        return {"p50_ms": p50_us / 1000, "p99_ms": p99_us / 1000}

    def latencies(self):
        kinds = [kind for kind in self.kinds if kind not in VARIANTS]
        taken = {kind: [] for kind in kinds}
        for number in range(self.options.rounds):
            for kind in kinds:
                taken[kind].append(self.late(kind, number))
        self.say(f"## End to end at {LATENCY_RATE:,} records a second, a commit every {LATENCY_COMMIT_MS} ms")
        self.say()
        self.say(f"{'':17} {'p50 ms':>7} {'min..max':>12} {'p99 ms':>7} {'min..max':>14}")
        for kind, rounds in taken.items():
            self.say(f"{kind:17} {median(rounds, 'p50_ms'):7.1f} {spread(rounds, 'p50_ms'):>12} "
                     f"{median(rounds, 'p99_ms'):7.1f} {spread(rounds, 'p99_ms'):>14}")
        self.say()
        if "weir" in taken and "streams" in taken:
            p50, p99 = (median(taken["weir"], name) / median(taken["streams"], name) for name in ("p50_ms", "p99_ms"))
            self.say(f"weir against streams: p50 {p50:.2f}, p99 {p99:.2f} (goal: at most 1)")
        self.say("From before a record is given to the producer until a read_committed consumer has its output; of the")
        self.say(f"first {WARM_MS / 1000:.0f} s, in which a JVM starts, nothing is counted, of "
                 f"{LATENCY_SECONDS - WARM_MS // 1000} s all.")
        self.say()


def cpu_of(pid):
    """Seconds that a process has had."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("top")
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--only", choices=["rate", "latency"])
    parser.add_argument("--without", action="append", default=[], choices=KINDS)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of weir's")
    options = parser.parse_args()
    if options.only and options.report:
        parser.error("a report is of all parts")
    if not KEYS <= options.records <= 20_000_000:
        parser.error(f"--records: {KEYS}..20000000")
    options.load = os.getloadavg()
    # So that `with` and `finally` end what was started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with stage.Stage(options, "kafka") as now:
        report = Report(options.top, "kafka", f"medians of {options.rounds} rounds")
        stage.conditions(report, options, now)
        bench = Bench(options, now, report)
        for name, part in (("rate", bench.rates), ("latency", bench.latencies)):
            if options.only in (None, name):
                part()
        report.say("Load average at the end: " + ", ".join(f"{load:.1f}" for load in os.getloadavg()))
    if options.report:
        bench.report.write()


if __name__ == "__main__":
    main()
