#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs on both versions, submitted by the real client: what Kafka has in the end, read_committed, is per key, byte for
byte, what `local` prints for the same input; also after kill -9 of the worker, and of the TaskManager."""
import collections
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import flink  # noqa: E402
from broker import Record  # noqa: E402
from flink_job import Packaged, unavailable  # noqa: E402
from kafka_job import BROKER_CONFIG, FLIGHT_WATCH, WORD_COUNT  # noqa: E402
from story import SOURCE, by_key_of_lines, check, done, tell, wait_until  # noqa: E402

# The flights are of 2013; nothing shall take them for old.
OLD = {"retention.ms": "-1", "message.timestamp.before.max.ms": str(2 ** 62)}
ROUNDS = int(os.environ.get("WEIR_TEST_ROUNDS", 40))


def flights():
    """The flights of jobs/flight-watch again and again, a day later each time, of five times as many aircraft."""
    with open(os.path.join(SOURCE, "jobs/flight-watch/input.jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    for n in range(ROUNDS):
        for line in lines:
            yield dict(line, key=f"{line['key']}-{n % 5}", timestamp=line["timestamp"] + n * 86400000)


def words():
    return [{"key": word, "value": word} for word in "to be or not to be that is the qu\u00e9stion".split() * 50]


def records(lines):
    for line in lines:
        value = json.dumps(line["value"], separators=(",", ":"), ensure_ascii=False).encode()
        yield Record(line["key"].encode(), value, (), None, None, line.get("timestamp"))


def wanted(place, lines, program):
    place.write(*lines)
    done(place.run(job=program, state=False))
    return by_key_of_lines(place.read())


class Run:
    """A job in a cluster, between an input topic of its own and an output topic."""

    def __init__(self, place, cluster, name, program, lines, parallelism=1):
        self.cluster, self.name, self.lines = cluster, name, list(lines)
        self.wanted = wanted(place, self.lines, program)
        self.total = sum(map(len, self.wanted.values()))
        KAFKA.create_topic(f"{name}-in", 4, OLD)
        KAFKA.create_topic(f"{name}-out", 4, OLD)
        self.jar = Packaged(place, program, {
            "job": {"name": name}, "input": {"topics": [f"{name}-in"]}, "output": {"topic": f"{name}-out"},
            "action-state": {"required": False},
            "kafka": {"bootstrap.servers": KAFKA.brokers, "auto.offset.reset": "earliest"}}).jar
        self.follower = broker.Follower(KAFKA, f"{name}-out")
        self.written = 0
        self.job = cluster.run(self.jar, parallelism=parallelism)

    def write(self, part=1.0):
        """That part of the input, from where the last call ended."""
        end = int(len(self.lines) * part)
        KAFKA.write(f"{self.name}-in", records(self.lines[self.written:end]))
        self.written = end

    def wait_outputs(self, part=1.0):
        least = int(self.total * part)

        def are_there():
            state = self.cluster.state(self.job)
            if state in flink.ENDED:
                raise flink.FlinkEnded(f"the job is {state}: {self.cluster.root_exception(self.job)}")
            return len(self.follower.seen) >= least
        self.cluster.wait(are_there, f"{least} outputs")

    def finish(self):
        """Ends it, compares all outputs, and sees that nothing is left of its workers."""
        self.wait_outputs()
        self.cluster.cancel(self.job)
        with self.follower:
            pass
        found = collections.defaultdict(list)
        for record in KAFKA.read(f"{self.name}-out"):
            found[record.key.decode()].append(record.value)
        differ = sorted(key for key in set(found) | set(self.wanted) if found.get(key) != self.wanted.get(key))
        for key in differ[:3]:
            print(f"# {key}: {found.get(key)} instead of {self.wanted.get(key)}"[:400])
        check(not differ, f"{len(differ)} of {len(self.wanted)} keys differ")
        wait_until(lambda: not self.cluster.processes())
        print(f"# {self.total} outputs of {len(self.wanted)} keys, Flink {self.cluster.version}")


def worker_of(cluster):
    workers = [pid for pid, name in cluster.processes().items() if name.startswith("flight")]
    return workers[0] if workers else None


def undisturbed(place, version):
    with cluster_of(version, slots=2) as cluster:
        for name, program, lines, parallelism in (("words", WORD_COUNT, words(), 1),
                                                  ("flights", FLIGHT_WATCH, flights(), 2)):
            run = Run(place, cluster, f"{name}-{version}", program, lines, parallelism)
            cluster.wait_running(run.job)
            check(run.job in cluster.flink("list"), "flink list does not show it")
            names = " / ".join(name for _, name in cluster.graph(run.job))
            check("weir-input" in names and "weir-output" in names, f"graph: {names}")
            began = time.monotonic()
            run.write()
            run.finish()
            print(f"# {len(run.lines)} records in {time.monotonic() - began:.1f} s; {names}")


def cluster_of(version, slots=1):
    return flink.Cluster(version, slots=slots, conf={"execution.checkpointing.interval": "300 ms"})


def killed(place, version, kill, seen):
    """`seen` tells of how many kills the cluster knows."""
    with cluster_of(version) as cluster:
        run = Run(place, cluster, f"{kill.__name__}-{version}", FLIGHT_WATCH, flights())
        cluster.wait_running(run.job)
        run.write(0.2)
        run.wait_outputs(0.1)
        for part in 0.5, 0.8:
            run.write(part)  # much of it is under way, or not begun, when the kill comes
            began = time.monotonic()
            kill(cluster)
            run.wait_outputs(part * 0.9)
            print(f"# {int(part * run.total * 0.9)} outputs are there {time.monotonic() - began:.1f} s after the kill")
        run.write()
        run.wait_outputs()
        check(seen(run) >= 2, f"the cluster has seen {seen(run)} kills")
        run.finish()


def worker(cluster):
    pid = cluster.wait(lambda: worker_of(cluster), "there is no worker")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in cluster.processes())


def taskmanager(cluster):
    pid = cluster.wait(lambda: worker_of(cluster), "there is no worker")
    began = time.monotonic()
    cluster.taskmanagers[0].kill()
    wait_until(lambda: pid not in cluster.processes())
    print(f"# the worker is gone {time.monotonic() - began:.1f} s after its TaskManager")
    cluster.taskmanagers[0].start()
    cluster.wait_ready()
    print(f"# another TaskManager is there after {time.monotonic() - began:.1f} s")


def flink_1_20_has_the_outputs_of_local(place):
    undisturbed(place, "1.20.3")


def flink_2_2_has_the_outputs_of_local(place):
    undisturbed(place, "2.2.1")


def a_worker_killed_with_9_loses_and_repeats_nothing(place):
    def seen(run):
        return run.cluster.taskmanager_log(run.cluster.taskmanagers[0]).count("worker started") - 1
    killed(place, "2.2.1", worker, seen)


def a_taskmanager_killed_with_9_loses_and_repeats_nothing(place):
    killed(place, "1.20.3", taskmanager, lambda run: len(run.cluster.exceptions(run.job)))


why = unavailable()
if why:
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as KAFKA:
    tell()
