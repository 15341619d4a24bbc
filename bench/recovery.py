#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what bench/recovery.sh has prepared, and prints it: a counting job with so many keys of state is killed with
9 while records flow, and started again at once. How long is no output committed? Kafka Streams beside weir, in rounds,
one after the other.

    bench/recovery.py TOP BUILD [--rounds N] [--keys N[,N...]] [--report] [--without NAME]...
                   [--set NAME=VALUE]...
"""

import argparse
import os
import signal
import sys

import stage
from report import Report
from stage import median, spread, tell

KINDS = ("streams", "weir")
COMMIT_MS, RATE, FLOW_SECONDS = 100, 2000, 3
SESSION_MS = 6000  # the broker's own least
# The state is there or gone; the member comes back under its name, or as a new one.
# Whether the state folder is kept, and whether the member comes back under its name, or as a new one.
CASES = {
    "kept, static member": (True, True),
    "kept, new member": (True, False),
    "deleted, static member": (False, True),
}


class Bench:
    def __init__(self, options, now, report):
        self.options, self.stage, self.report = options, now, report
        self.say = report.say
        self.kinds = [kind for kind in KINDS if kind not in options.without]

    def command(self, name, kind, is_static):
        settings = {"session.timeout.ms": str(SESSION_MS), "heartbeat.interval.ms": str(SESSION_MS // 3)}
        if is_static:
            settings["group.instance.id"] = "bench"
        return self.stage.command(kind, name, f"{name}-in", f"{name}-out", COMMIT_MS, settings)

    def build(self, kind, keys):
        """So many keys of state, made by the job itself, which then ends cleanly: its name."""
        name = f"{kind}-{keys}"
        self.stage.fill(f"{name}-in", keys, keys)
        self.stage.topics(kind, name, f"{name}-out")
        job, first_ns, last_ns, _ = self.stage.watch(f"{name}-out", keys, keys,
                                                     lambda: self.stage.start(self.command(name, kind, True), name))
        job.stop()
        tell(f"{kind}: {keys:,} keys of state, {(last_ns - first_ns) / 1e9:.1f} s from the first output to the last")
        return name

    def silence(self, kind, keys, case, number):
        """From the kill to the next committed output."""
        name, (is_kept, is_static) = f"{kind}-{keys}", CASES[case]
        command = self.command(name, kind, is_static)
        flow = self.stage.flow(f"{name}-in", f"{name}-out", RATE, keys, 0)
        job = self.stage.start(command, name)
        flow.until_caught_up(job, FLOW_SECONDS)
        killed_ns = job.kill()
        if not is_kept:
            self.stage.forget(name)
        job = self.stage.start(command, name)
        flow.until_caught_up(job, FLOW_SECONDS)
        outs, _, _ = flow.end(job)
        job.stop()
        # What was committed before the kill may be seen a moment later. So not the first output that is seen is the
        # first of the new process, but the one that ends the longest gap.
        times = [killed_ns] + [at_ns for at_ns, _ in outs if at_ns > killed_ns]
        _, next_ns = max((after - before, after) for before, after in zip(times, times[1:]))
        took = {"silence_s": (next_ns - killed_ns) / 1e9, "peak_mb": job.peak_kb / 1024}
        tell(f"round {number + 1}: {kind}, {keys:,} keys, {case}: {took['silence_s']:.2f} s")
        return took

    def all(self):
        taken = {(keys, case, kind): [] for keys in self.options.keys for case in CASES for kind in self.kinds}
        for keys in self.options.keys:
            for kind in self.kinds:
                self.build(kind, keys)
        for number in range(self.options.rounds):
            for keys, case, kind in taken:
                taken[keys, case, kind].append(self.silence(kind, keys, case, number))
        for keys in self.options.keys:
            for kind in self.kinds:
                records, wrong = map(int, self.stage.asked("verify", f"{kind}-{keys}-out", keys))
                if wrong:
                    self.stage.fail(f"{kind}: of {records} outputs {wrong} are not their key's next count")
        self.tables(taken)

    def tables(self, taken):
        for keys in self.options.keys:
            self.say(f"## kill -9 with {keys:,} keys of state, {RATE:,} records a second, "
                     f"a commit every {COMMIT_MS} ms")
            self.say()
            self.say(f"{'state folder, member':24} {'':8} {'silent s':>8} {'min..max':>13} {'peak MB':>8}")
            for case in CASES:
                for kind in self.kinds:
                    rounds = taken[keys, case, kind]
                    self.say(f"{case:24} {kind:8} {median(rounds, 'silence_s'):8.2f} "
                             f"{spread(rounds, 'silence_s', '{:.2f}'):>13} {median(rounds, 'peak_mb'):8.0f}")
            self.say()
        least, most = min(self.options.keys), max(self.options.keys)
        for case in CASES:
            for kind in self.kinds if least < most else ():
                ratio = median(taken[most, case, kind], "silence_s") / median(taken[least, case, kind], "silence_s")
                goal = " (goal: at most 1.5)" if kind == "weir" and CASES[case][0] else ""
                self.say(f"{kind}, {case}: {most:,} keys against {least:,}: {ratio:.2f}{goal}")
        if len(self.kinds) == 2:
            for case in CASES:
                ratio = (median(taken[most, case, "weir"], "silence_s")
                         / median(taken[most, case, "streams"], "silence_s"))
                self.say(f"weir against streams, {most:,} keys, {case}: {ratio:.2f} of its silence")
        self.say()
        self.say("Silent: from the kill until the next output is seen by a read_committed consumer; the process is")
        self.say(f"started again at once. session.timeout.ms={SESSION_MS}, heartbeat.interval.ms={SESSION_MS // 3}; a "
                 "static member has")
        self.say("group.instance.id. Deleted: the state folder is removed before the new start, so that all comes from")
        self.say("the changelog. The whole output of all rounds was read at the end: gapless counts per key, over all")
        self.say("kills. Peak: of the process that was started again.")
        self.say()


def key_counts(text):
    counts = [int(each) for each in text.split(",")]
    if not all(1000 <= each <= 5_000_000 for each in counts):
        raise argparse.ArgumentTypeError("1000..5000000 keys")
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("top")
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keys", type=key_counts, default=[10_000, 1_000_000])
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--without", action="append", default=[], choices=KINDS)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of weir's")
    options = parser.parse_args()
    options.load = os.getloadavg()
    # So that `with` and `finally` end what was started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with stage.Stage(options, "recovery") as now:
        report = Report(options.top, "recovery", f"medians of {options.rounds} rounds")
        stage.conditions(report, options, now)
        Bench(options, now, report).all()
        report.say("Load average at the end: " + ", ".join(f"{load:.1f}" for load in os.getloadavg()))
    if options.report:
        report.write()


if __name__ == "__main__":
    main()
