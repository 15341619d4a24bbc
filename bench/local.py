#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what bench/local.sh has prepared, and prints it. All is taken in rounds, one after the other, so that a
busy machine is busy for all of them; what is printed is medians.

    bench/local.py TOP BUILD [--rounds N] [--report]
"""

import argparse
import filecmp
import os
import shutil
import statistics
import subprocess
import sys
from collections import namedtuple

from report import Report

Took = namedtuple("Took", "wall_us cpu_us peak_kb")


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = f"{options.build}/bench/work"
        self.report = Report(options.top, "local", f"medians of {options.rounds} rounds")
        self.say = self.report.say

    def measure(self, name, source, command, durable=False):
        """One run of a command; its output is in work/NAME.jsonl."""
        command = list(command)
        state = f"{self.work}/{name}.state"
        if durable:
            shutil.rmtree(state, ignore_errors=True)
            output = f"{self.work}/{name}.jsonl"
            if os.path.exists(output):
                os.unlink(output)
            command += ["--input", source, "--output", output, "--state-dir", state]
            source, output = "/dev/null", "/dev/null"
        else:
            output = f"{self.work}/{name}.jsonl" if source != "/dev/null" else "/dev/null"
        took = subprocess.run([f"{self.options.build}/bench/measure", source, output, *command],
                              stdout=subprocess.PIPE, check=True, text=True).stdout.split()
        shutil.rmtree(state, ignore_errors=True)
        if took[0] != "0":
            sys.exit(f"bench: {name} ended with status {took[0]}: {' '.join(command)}")
        return Took(*map(int, took[1:]))

    def rounds(self, cases, count=None):
        """cases: NAME -> the arguments of measure(). Medians by name."""
        taken = {name: [] for name in cases}
        for _ in range(count or self.options.rounds):
            for name, (source, command, durable) in cases.items():
                taken[name].append(self.measure(name, source, command, durable))
        return {name: Took(*(statistics.median(column) for column in zip(*took))) for name, took in taken.items()}

    def same_output(self, names):
        first = names[0]
        for name in names[1:]:
            if not filecmp.cmp(f"{self.work}/{first}.jsonl", f"{self.work}/{name}.jsonl", shallow=False):
                sys.exit(f"bench: {first} and {name} wrote different bytes, so there is nothing to compare; "
                         f"see {self.work}")

    def table(self, medians, records, base):
        self.say(f"{'':24} {'records/s':>10} {'CPU us/record':>14} {'peak MB':>8} {'of ' + base:>12}")
        for name, took in medians.items():
            self.say(f"{name:24} {records / took.wall_us * 1e6:10.0f} {took.cpu_us / records:14.3f} "
                     f"{took.peak_kb / 1024:8.1f} {medians[base].wall_us / took.wall_us:12.2f}")
        self.say()

    def word_count(self):
        build = self.options.build
        fast, trees = f"{build}/bench/count-fast", f"{build}/jobs/word-count/word-count"
        words = f"{self.work}/words-2000000.jsonl"
        cases = {
            "plain": (words, [f"{build}/bench/plain-count"], False),
            "fast": (words, [fast, "local"], False),
            "json_t": (words, [trees, "local"], False),
            "fast-durable": (words, [fast, "local"], True),
            "json_t-durable": (words, [trees, "local"], True),
        }
        self.say("## Word count: 2,000,000 records of 99 bytes, 10,000 keys")
        self.say()
        medians = self.rounds(cases)
        self.same_output(list(cases))
        self.table(medians, 2_000_000, "plain")
        ratio = {name: medians["plain"].wall_us / took.wall_us for name, took in medians.items()}
        self.say(f"fast tier against the plain loop: {ratio['fast']:.2f} (goal: at least 0.5); "
                 f"json_t: {ratio['json_t']:.2f} (goal: at least 0.15)")
        plain_us = medians["plain"].cpu_us
        self.say(f"the same by CPU time, which other programs on the machine disturb less: "
                 f"{plain_us / medians['fast'].cpu_us:.2f} and {plain_us / medians['json_t'].cpu_us:.2f}")
        self.say(f"durable against in memory: fast {medians['fast'].wall_us / medians['fast-durable'].wall_us:.2f}, "
                 f"json_t {medians['json_t'].wall_us / medians['json_t-durable'].wall_us:.2f}")
        self.say()

    def flight_watch(self):
        flights = f"{self.options.top}/data/flights.jsonl"
        command = [f"{self.options.build}/jobs/flight-watch/flight-watch", "local"]
        with open(flights, "rb") as lines:
            records = sum(1 for _ in lines)
        self.say(f"## flight-watch: {records:,} flights")
        self.say()
        cases = {"in-memory": (flights, command, False), "durable": (flights, command, True)}
        medians = self.rounds(cases)
        self.same_output(list(cases))
        self.table(medians, records, "in-memory")

    def length(self):
        fast = [f"{self.options.build}/bench/count-fast", "local"]
        self.say("## Memory over the length of the input: the fast tier, the same 10,000 keys")
        self.say()
        self.say(f"{'records':>10} {'peak MB in memory':>18} {'peak MB durable':>16}")
        for records in (500_000, 1_000_000, 2_000_000):
            words = f"{self.work}/words-{records}.jsonl"
            medians = self.rounds({"in-memory": (words, fast, False), "durable": (words, fast, True)}, 1)
            self.say(f"{records:10} {medians['in-memory'].peak_kb / 1024:18.1f} "
                     f"{medians['durable'].peak_kb / 1024:16.1f}")
        self.say()

    def waiting(self):
        taken = []
        for _ in range(self.options.rounds):
            line = subprocess.run([f"{self.options.build}/bench/waiting", "10000"], stdout=subprocess.PIPE, check=True,
                                  text=True).stdout
            taken.append([int(number) for number in line.split()])
        runs, start_us, end_us, peak_kb = (statistics.median(column) for column in zip(*taken))
        self.say(f"## {runs:,} runs that wait at once")
        self.say()
        self.say(f"peak {peak_kb / 1024:.1f} MB (goal: under 1024); {start_us / 1000:.0f} ms until all wait, "
                 f"{end_us / 1000:.0f} ms to wake and end them all")
        self.say()

    def start_up(self):
        job = f"{self.options.build}/jobs/word-count/word-count"
        # Libtool's wrapper is a shell script; what it runs is measured.
        real = f"{self.options.build}/jobs/word-count/.libs/word-count"
        if os.path.exists(real):
            job = real
            os.environ["LD_LIBRARY_PATH"] = f"{self.options.build}/.libs"
        one = f"{self.work}/one.jsonl"
        with open(one, "w", encoding="utf-8") as out:
            out.write('{"key":"a","value":"a"}\n')
        medians = self.rounds({
            "--version": ("/dev/null", [job, "--version"], False),
            "one-record": (one, [job, "local"], False),
            "one-record-durable": (one, [job, "local"], True),
        }, 21)
        self.say("## Start-up")
        self.say()
        for name, took in medians.items():
            self.say(f"{name:24} {took.wall_us / 1000:7.1f} ms{'' if 'durable' in name else ' (goal: under 50)'}")
        self.say()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("top")
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--report", action="store_true")
    bench = Bench(parser.parse_args())
    bench.word_count()
    bench.flight_watch()
    bench.length()
    bench.waiting()
    bench.start_up()
    if bench.options.report:
        bench.report.write()


if __name__ == "__main__":
    main()
