#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The counting job (tests/support/chaos-job.c) on a real broker, at full rate for as long as is asked: its memory does
not grow, and when nothing comes any more it takes next to no time of the CPU.

    soak.py [--seconds N] [--keys N]

There is always input ahead of what is committed, and all topics keep little, so that the disk does not fill.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("top_srcdir", os.path.join(HERE, "../.."))
os.environ.setdefault("top_builddir", os.path.join(HERE, "../../build"))
sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from kafka_job import BROKER_CONFIG, CHAOS_JOB, Job, wait_for  # noqa: E402
from story import check  # noqa: E402

PARTITIONS = 4
# In and out, each far beyond what is under way; a segment that is deleted is gone a second later.
SHORT = {"segment.bytes": 16 << 20, "retention.bytes": 64 << 20, "file.delete.delay.ms": 1000}
SHORT_CHANGELOG = ["segment.bytes=16777216", "min.cleanable.dirty.ratio=0.2", "max.compaction.lag.ms=10000",
                   "file.delete.delay.ms=1000"]
LOT, AHEAD = 50000, 400000  # records: written at once; how far the input is ahead of what is committed, at most
GROWTH, GROWTH_MB = 0.05, 4
IDLE_SECONDS, IDLE_SHARE = 20, 0.01


class Feeder:
    """Lots of records, one after the other, each acknowledged before the next."""

    def __init__(self, cluster, topic, keys):
        self.process = subprocess.Popen([broker.TOPIC, cluster.brokers, "fill", topic, str(keys)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.sent = 0

    def feed(self, count):
        self.process.stdin.write(b"%d\n" % count)
        self.process.stdin.flush()
        said = self.process.stdout.readline()
        check(said, "the input's writer ended")
        self.sent = int(said)

    def close(self):
        self.process.kill()
        self.process.wait()


def rss_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def cpu_s(pid):
    """What a process has had, in seconds."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Soak:
    def __init__(self, job, feeder, seconds):
        self.job, self.feeder, self.seconds = job, feeder, seconds
        self.process = job.processes[0]
        self.samples = []  # (seconds since the start, MB, records committed)
        self.starved = self.looks = 0

    def committed(self):
        return sum(self.job.committed()[self.job.inputs[0]])

    def watch(self):
        check(not self.job.unasked(), f"the job ended; {self.process.last_words()}")

    def run(self):
        # What a process gathers at its start (keys, caches, the allocator's own) is none of it.
        self.feeder.feed(AHEAD)
        wait_for(lambda: self.committed() > 0, "the job commits")
        began = sampled = time.monotonic()
        while time.monotonic() - began < self.seconds:
            self.watch()
            committed = self.committed()
            self.looks += 1
            self.starved += committed >= self.feeder.sent
            now = time.monotonic()
            if now - sampled >= 1 or not self.samples:
                self.samples.append((now - began, rss_mb(self.process.process.pid), committed))
                sampled = now
            while self.feeder.sent - committed < AHEAD:
                self.feeder.feed(LOT)

    def fifths(self):
        """Of each fifth of the time: its median of memory, and its records a second."""
        found = []
        for number in range(5):
            low, high = number * self.seconds / 5, (number + 1) * self.seconds / 5
            mine = [sample for sample in self.samples if low <= sample[0] < high]
            check(len(mine) >= 2, f"only {len(mine)} samples between {low:.0f} and {high:.0f} s")
            rate = (mine[-1][2] - mine[0][2]) / (mine[-1][0] - mine[0][0])
            found.append((statistics.median(sample[1] for sample in mine), rate))
        return found

    # ---- the claims ------------------------------------------------------------------------------------------------

    def its_memory_does_not_grow(self):
        self.run()
        print(f"# {self.feeder.sent} records, {self.samples[-1][2] / self.samples[-1][0]:.0f} a second, "
              f"{len(self.samples)} samples, highest {max(sample[1] for sample in self.samples):.1f} MB")
        fifths = self.fifths()
        for number, (memory, rate) in enumerate(fifths):
            print(f"# fifth {number + 1}: {memory:.1f} MB (median), {rate:.0f} records a second")
        check(self.starved <= self.looks // 20, f"it was not at full rate: {self.starved} of {self.looks} times all "
              "input was done")
        most = fifths[1][0] * (1 + GROWTH) + GROWTH_MB
        check(fifths[4][0] <= most, f"from {fifths[1][0]:.1f} to {fifths[4][0]:.1f} MB, at most {most:.1f} are allowed")

    def all_is_done_once_no_more_comes(self):
        self.job.wait_caught_up(watch=self.watch)
        check(self.committed() == self.feeder.sent, f"{self.committed()} of {self.feeder.sent} records are committed")

    def idle_it_takes_no_cpu(self):
        pid = self.process.process.pid
        # The load of the test is over, its echo (a fetch, a journal to be shortened) within a second.
        time.sleep(1)
        before = cpu_s(pid)
        time.sleep(IDLE_SECONDS)
        share = (cpu_s(pid) - before) / IDLE_SECONDS
        self.watch()
        print(f"# {100 * share:.2f} % of a core in {IDLE_SECONDS} s without input")
        check(share < IDLE_SHARE, f"{100 * share:.2f} % of a core while nothing comes")

    def it_ends_cleanly(self):
        status = self.process.stop()
        check(status == 0, f"exit status {status}; {self.process.last_words()}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--keys", type=int, default=10000)
    options = parser.parse_args()
    unavailable = broker.unavailable()
    if unavailable:
        print(f"1..0 # SKIP {unavailable}")
        return
    claims = ["its_memory_does_not_grow", "all_is_done_once_no_more_comes", "idle_it_takes_no_cpu", "it_ends_cleanly"]
    print(f"1..{len(claims)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="weir-soak-") as folder, \
            broker.Cluster(config=BROKER_CONFIG, java_options=[], heap="1g") as cluster:
        for name in "soak-in", "soak-out":
            cluster.create_topic(name, PARTITIONS, SHORT)
        feeder = Feeder(cluster, "soak-in", options.keys)
        try:
            with Job(os.path.join(folder, "soak"), cluster, "soak", CHAOS_JOB, ["soak-in"], "soak-out") as job:
                job.start()
                wait_for(lambda: "soak-changelog" in cluster.topics(), "the job's topics are made")
                cluster.admin("configure", "soak-changelog", *SHORT_CHANGELOG)
                soak = Soak(job, feeder, options.seconds)
                for number, name in enumerate(claims):
                    try:
                        getattr(soak, name)()
                        print(f"ok {number + 1} - {name}", flush=True)
                    except AssertionError as why:
                        print("\n".join("# " + line for line in str(why).splitlines()))
                        print(f"not ok {number + 1} - {name}", flush=True)
        finally:
            feeder.close()


if __name__ == "__main__":
    main()
