# SPDX-License-Identifier: Apache-2.0
"""bench/flink.sh: the keyed count in Flink, by weir's worker and by a KeyedProcessFunction in Java, on the same
clusters in turn; how late outputs are; how long a checkpoint takes while 10,000 runs wait for a slow service."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import stage
from report import Report
from stage import median, spread, tell

KINDS = ("java", "weir")
KEYS = 10_000
CHECKPOINT_MS, LATENCY_CHECKPOINT_MS = 1000, 200
LATENCY_RATE, WARM_MS, LATENCY_SECONDS = 5000, 12_000, 22
SLOW_RUNS, SLOW_MS, SLOW_CHECKPOINTS = 10_000, 60_000, 5
HEAP_MB = 768
TICK = os.sysconf("SC_CLK_TCK")


def times_of(pid):
    """Seconds that a process, and what it has reaped, have had; and its parent."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK, int(fields[1])


def cpu_of_tree(root):
    """Seconds that a process and all its descendants have had: {pid: (seconds, parent)} is looked at once."""
    seen = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                seen[int(name)] = times_of(name)
            except (OSError, IndexError):
                continue
    total, wanted = 0.0, {root}
    grown = True
    while grown:
        grown = False
        for pid, (_, parent) in seen.items():
            if parent in wanted and pid not in wanted:
                wanted.add(pid)
                grown = True
    for pid in wanted:
        total += seen.get(pid, (0.0, 0))[0]
    return total


class FlinkJob:
    """A job on a cluster, as Stage.watch() wants one."""

    def __init__(self, now, cluster, jar, words, options):
        self.cluster, self.log = cluster, f"{cluster.folder}/taskmanager-1.log"
        self.manager = cluster.taskmanagers[0].process.pid
        self.began_cpu_s = cpu_of_tree(self.manager)
        self.began_ns = time.monotonic_ns()
        self.id = cluster.run(jar, *words, options=options)
        self.cpu_s = 0.0
        self.asked_at, self.runs = 0.0, True
        now.running.append(self)
        self.stage = now

    def is_running(self):
        if time.monotonic() - self.asked_at > 1:
            self.asked_at = time.monotonic()
            self.runs = self.cluster.state(self.id) not in ("FAILED", "CANCELED", "FINISHED")
        return self.runs

    def stop(self):
        self.cpu_s = cpu_of_tree(self.manager) - self.began_cpu_s
        self.stage.running.remove(self)
        self.cluster.cancel(self.id)

    def kill(self):
        """Its cluster goes with it."""
        self.stage.running.remove(self)
        return time.monotonic_ns()


class Bench:
    def __init__(self, options, now, flink, report):
        self.options, self.stage, self.flink, self.report = options, now, flink, report
        self.say = report.say
        self.kinds = [kind for kind in KINDS if kind not in options.without]
        self.plain = self.plain_jar()

    # ---- jars ----------------------------------------------------------------------------------------------------

    def plain_jar(self):
        """PlainCount with the connector that weir's shim brings."""
        jar = f"{self.stage.work}/plain.jar"
        shutil.copy(f"{self.options.build}/flink/weir-flink.jar", jar)
        classes = f"{self.options.build}/bench/flink/classes"
        with zipfile.ZipFile(jar, "a") as out:
            for name in os.listdir(classes):
                out.write(f"{classes}/{name}", name)
        return jar

    def packaged(self, binary, name, topic_in, topic_out, more=""):
        config, jar = f"{self.stage.work}/{name}.yaml", f"{self.stage.work}/{name}.jar"
        with open(config, "w", encoding="utf-8") as out:
            out.write(f"job: {{name: {name}}}\ninput: {{topics: [{topic_in}], format: json}}\n"
                      f"output: {{topic: {topic_out}}}\naction-state: {{required: false}}\n{more}"
                      f"kafka:\n  bootstrap.servers: \"{self.stage.brokers}\"\n  auto.offset.reset: earliest\n")
        subprocess.run([binary, "package", "--config", config, "--output", jar], env=self.stage.environment,
                       check=True, stdout=subprocess.DEVNULL)
        return jar

    def binary(self, name):
        folder = f"{self.options.build}/bench/{os.path.dirname(name)}"
        hidden = f"{folder}/.libs/{os.path.basename(name)}"
        return hidden if os.path.exists(hidden) else f"{self.options.build}/bench/{name}"

    def start(self, cluster, kind, name, topic_in, topic_out, checkpoint_ms):
        options = (f"-Dexecution.checkpointing.interval={checkpoint_ms}ms", "-Dpipeline.object-reuse=true")
        if kind == "java":
            return FlinkJob(self.stage, cluster, self.plain,
                            [self.stage.brokers, topic_in, topic_out, name], ("-c", "PlainCount", *options))
        jar = self.packaged(self.binary("kafka/keyed_count"), name, topic_in, topic_out)
        return FlinkJob(self.stage, cluster, jar, [f"--set={one}" for one in self.options.set], options)

    # ---- parts ---------------------------------------------------------------------------------------------------

    def one(self, cluster, kind, number):
        name = f"{kind}-{cluster.version.replace('.', '-')}-{number}"
        self.stage.cluster.create_topic(f"{name}-out", stage.PARTITIONS)
        job, first_ns, last_ns, first_records = self.stage.watch(
            f"{name}-out", self.options.records, KEYS,
            lambda: self.start(cluster, kind, name, "records", f"{name}-out", CHECKPOINT_MS))
        job.stop()
        rate = max(self.options.records - first_records, 1) / max(last_ns - first_ns, 1) * 1e6
        tell(f"{cluster.version}, round {number + 1}: {kind}: {rate:.0f} k records/s")
        return {"rate": rate, "start_s": (first_ns - job.began_ns) / 1e9,
                "cpu_us": job.cpu_s / self.options.records * 1e6}

    def rates(self, cluster):
        taken = {kind: [] for kind in self.kinds}
        for number in range(self.options.rounds):
            turn = number % len(self.kinds)
            for kind in self.kinds[turn:] + self.kinds[:turn]:
                taken[kind].append(self.one(cluster, kind, number))
        self.say(f"## Flink {cluster.version}: keyed count, {self.options.records:,} records of 100 bytes, {KEYS:,} "
                 f"keys, parallelism 1, a checkpoint every {CHECKPOINT_MS} ms")
        self.say()
        self.say(f"{'':6} {'k records/s':>11} {'min..max':>14} {'first output s':>14} "
                 f"{'CPU us/record':>13} {'min..max':>12}")
        for kind, rounds in taken.items():
            self.say(f"{kind:6} {median(rounds, 'rate'):11.1f} {spread(rounds, 'rate'):>14} "
                     f"{median(rounds, 'start_s'):14.2f} {median(rounds, 'cpu_us'):13.2f} "
                     f"{spread(rounds, 'cpu_us', '{:.2f}'):>12}")
        if len(taken) == len(KINDS):
            each = [mine["rate"] / theirs["rate"] for mine, theirs in zip(taken["weir"], taken["java"])]
            self.say()
            ratio = median(taken["weir"], "rate") / median(taken["java"], "rate")
            self.say(f"weir against java: {ratio:.2f} of its rate (at least 0.65, goal 0.8), by round "
                     f"{min(each):.2f}..{max(each):.2f}")
        self.say()

    def latencies(self, cluster):
        self.say(f"## Flink {cluster.version}: end to end at {LATENCY_RATE:,} records a second, a checkpoint every "
                 f"{LATENCY_CHECKPOINT_MS} ms")
        self.say()
        self.say(f"{'':6} {'p50 ms':>7} {'p99 ms':>7}")
        for kind in self.kinds:
            name = f"late-{kind}-{cluster.version.replace('.', '-')}"
            for topic in (f"{name}-in", f"{name}-out"):
                self.stage.cluster.create_topic(topic, stage.PARTITIONS)
            job = self.start(cluster, kind, name, f"{name}-in", f"{name}-out", LATENCY_CHECKPOINT_MS)
            cluster.wait_running(job.id)
            flow = self.stage.flow(f"{name}-in", f"{name}-out", LATENCY_RATE, KEYS, WARM_MS)
            flow.until_caught_up(job, LATENCY_SECONDS)
            _, p50_us, p99_us = flow.end(job)
            job.stop()
            self.say(f"{kind:6} {p50_us / 1000:7.1f} {p99_us / 1000:7.1f}")
        self.say()

    def checkpoints(self, cluster):
        """Each key has a run that waits for the service; meanwhile checkpoints are taken."""
        name = f"slow-{cluster.version.replace('.', '-')}"
        for topic in (f"{name}-in", f"{name}-out"):
            self.stage.cluster.create_topic(topic, stage.PARTITIONS)
        self.stage.asked("fill", f"{name}-in", SLOW_RUNS, SLOW_RUNS)
        jar = self.packaged(self.binary("flink/slow_count"), name, f"{name}-in", f"{name}-out",
                            f"limits: {{runs-in-flight: {SLOW_RUNS + 1000}}}\n")
        job = FlinkJob(self.stage, cluster, jar, [f"--set=flink.inputs-in-flight={2 * SLOW_RUNS}"],
                       (f"-Dexecution.checkpointing.interval={CHECKPOINT_MS}ms",))
        try:
            def is_full():
                return self.in_flight(cluster, job) >= SLOW_RUNS
            cluster.wait(is_full, f"{SLOW_RUNS} runs are in flight")
            before = cluster.checkpoints(job.id)["counts"]["completed"]
            cluster.wait(lambda: cluster.checkpoints(job.id)["counts"]["completed"] >= before + SLOW_CHECKPOINTS,
                         "checkpoints")
            have = self.in_flight(cluster, job)
            took = sorted(one["end_to_end_duration"] for one in cluster.checkpoints(job.id)["history"]
                          if one["status"] == "COMPLETED" and one["id"] > before)
            self.say(f"## Flink {cluster.version}: a checkpoint while {have:,} runs wait for a service")
            self.say()
            self.say(f"{len(took)} checkpoints, ms: median {took[len(took) // 2]}, at most {took[-1]} "
                     f"(goal: under 2,000)")
            self.say()
        finally:
            job.stop()

    @staticmethod
    def in_flight(cluster, job):
        found = cluster.metrics(job.id, "inputs-in-flight")
        return max((int(float(value)) for name, value in found.items() if name.endswith("inputs-in-flight")), default=0)

    def run(self):
        self.stage.fill("records", self.options.records, KEYS)
        for version in self.options.version or self.flink.VERSIONS:
            environment = {"SLOW_URL": self.slow_url} if self.slow_url else {}
            with self.flink.Cluster(version, taskmanagers=1, slots=1, heap=HEAP_MB, java_options=[],
                                    environment=environment) as cluster:
                for name, part in (("rate", self.rates), ("latency", self.latencies), ("checkpoint", self.checkpoints)):
                    if self.options.only in (None, name):
                        part(cluster)

    slow_url = None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("top")
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--only", choices=["rate", "latency", "checkpoint"])
    parser.add_argument("--version", action="append", default=[])
    parser.add_argument("--without", action="append", default=[], choices=KINDS)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of weir's")
    options = parser.parse_args()
    if options.only and options.report:
        parser.error("a report is of all parts")
    options.load = os.getloadavg()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with stage.Stage(options, "flink") as now:
        import flink  # pylint: disable=import-error,import-outside-toplevel
        for version in options.version or flink.VERSIONS:
            why = flink.unavailable(version)
            if why:
                sys.exit(f"bench: {why}")
        report = Report(options.top, "flink", f"medians of {options.rounds} rounds")
        report.say("Load average at the start, on all cores: " + ", ".join(f"{load:.1f}" for load in options.load))
        java = subprocess.run(["java", "-version"], stderr=subprocess.PIPE, text=True, check=True).stderr
        report.say(java.splitlines()[1])
        report.say("Outputs of both were compared with the inputs: one for each, gapless counts per key.")
        report.say()
        bench = Bench(options, now, flink, report)
        with subprocess.Popen([bench.binary("slow_server"), str(SLOW_MS)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as server:
            bench.slow_url = f"http://127.0.0.1:{int(server.stdout.readline())}/"
            try:
                bench.run()
            finally:
                server.stdin.close()
        report.say("k records/s: from the first committed output to the last. CPU: of the TaskManager and its workers,")
        report.say("from the job's submission to its last output. A sink's outputs are committed with each checkpoint,")
        report.say("which is what latencies consist of.")
        report.say()
        report.say("Load average at the end: " + ", ".join(f"{load:.1f}" for load in os.getloadavg()))
    if options.report:
        report.write()


if __name__ == "__main__":
    main()
