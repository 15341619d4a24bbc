# SPDX-License-Identifier: Apache-2.0
"""Packaged jobs on Flink for tests, and what `local` says of the same input."""
import collections
import json
import os
import signal
import subprocess
import threading
import time

import broker
import flink
from broker import Record
from story import BUILD, SOURCE, Ended, by_key_of_lines, check, done, wait_until

SHIM = os.path.join(BUILD, "flink/weir-flink.jar")
# The flights are of 2013; nothing shall take them for old.
OLD = {"retention.ms": "-1", "message.timestamp.before.max.ms": str(2 ** 62)}
ROUNDS = int(os.environ.get("WEIR_TEST_ROUNDS", 40))


def unavailable():
    """Why no job can run in Flink here; None when one can."""
    if not os.path.exists(SHIM):
        return "no flink/weir-flink.jar in the build folder: make flink"
    return next(filter(None, map(flink.unavailable, flink.VERSIONS)), None) or broker.unavailable()


class Packaged:
    """A JAR with a configuration, a dictionary as in YAML."""

    def __init__(self, place, program, config, name="job"):
        self.place, self.program = place, program
        self.jar, self.config = place.path(f"{name}.jar"), place.path(f"{name}.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(config, file)  # JSON is YAML
        ended = subprocess.run([program, "package", "--shim", SHIM, "--output", self.jar, "--config", self.config],
                               env=place.environment(), capture_output=True, check=False)
        check(ended.returncode == 0, f"package ended with {ended.returncode}: {ended.stderr.decode()}")

    def tool(self, verb, *words):
        """`JOB parked --config …`, `JOB resolve --config …`: past Flink."""
        ended = subprocess.run([self.program, verb, "--config", self.config, *words], stdin=subprocess.DEVNULL,
                               capture_output=True, check=False, timeout=120, env=self.place.environment())
        return Ended(ended.returncode, ended.stdout, ended.stderr.decode("utf-8", "replace"))


def flights(rounds=ROUNDS):
    """The flights of jobs/flight-watch again and again, a day later each time, of five times as many aircraft."""
    with open(os.path.join(SOURCE, "jobs/flight-watch/input.jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    for n in range(rounds):
        for line in lines:
            yield dict(line, key=f"{line['key']}-{n % 5}", timestamp=line["timestamp"] + n * 86400000)


def records(lines):
    for line in lines:
        value = json.dumps(line["value"], separators=(",", ":"), ensure_ascii=False).encode()
        yield Record(line["key"].encode(), value, (), None, None, line.get("timestamp"))


class Clusters:
    """One of each version, started when it is first asked for, and kept for all stories of a file: a start takes longer
    than most of what a story does with it. One in which a story has left something makes place for another."""

    def __init__(self, **options):
        self.options, self.running = options, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for version in list(self.running):
            self.running.pop(version).close()

    def __getitem__(self, version):
        if version in self.running and not self.is_clean(self.running[version]):
            self.running.pop(version).close()
        if version not in self.running:
            self.running[version] = flink.Cluster(version, **self.options)
        return self.running[version]

    @staticmethod
    def is_clean(cluster):
        return (all(server.is_running for server in cluster.servers) and not cluster.processes()
                and set(cluster.jobs().values()) <= set(flink.ENDED))


def workers_of(cluster, program):
    """Ids of the worker processes of a job."""
    name = os.path.basename(program)[:15]  # as much as the system keeps of it
    return sorted(pid for pid, command in cluster.processes().items() if command == name)


def worker_of(cluster, program):
    """The id of one of a job's workers, for which it waits."""
    return cluster.wait(lambda: workers_of(cluster, program), "there is no worker")[0]


def kill_worker(cluster, program):
    """kill -9 of one of them, and until it is gone."""
    pid = worker_of(cluster, program)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in cluster.processes())


def nothing_is_left(cluster):
    """No worker, and no zombie of one: those would be listed as well."""
    wait_until(lambda: not cluster.processes())
    left = {job: state for job, state in cluster.jobs().items() if state not in flink.ENDED}
    check(not left, f"jobs are left: {left}")


def check_names(cluster, job, agents):
    """That the graph names source, agents and sink; these names, in one line."""
    names = " / ".join(name for _, name in cluster.graph(job))
    for name in "weir-input", "weir-output", *agents:
        check(name in names, f"no '{name}' in the graph: {names}")
    return names


def agents_of(program):
    """As `JOB describe` lists them."""
    ended = subprocess.run([program, "describe"], capture_output=True, check=True)
    return [agent["name"] for agent in json.loads(ended.stdout)["agents"]]


class Run:
    """A job without calls between an input topic of its own and an output topic; whichever cluster it is in, its JAR is
    the same."""

    def __init__(self, place, kafka, name, program, lines):
        self.kafka, self.name, self.program, self.lines = kafka, name, program, list(lines)
        place.write(*self.lines)
        done(place.run(job=program, state=False))
        self.wanted = by_key_of_lines(place.read())
        self.total = sum(map(len, self.wanted.values()))
        self.cluster = self.job = self.feeder = None
        self.written = self.allowed = 0
        kafka.create_topic(f"{name}-in", 4, OLD)
        kafka.create_topic(f"{name}-out", 4, OLD)
        self.jar = Packaged(place, program, {
            "job": {"name": name}, "input": {"topics": [f"{name}-in"]}, "output": {"topic": f"{name}-out"},
            "action-state": {"required": False},
            "kafka": {"bootstrap.servers": kafka.brokers, "auto.offset.reset": "earliest"}}, name).jar
        self.follower = broker.Follower(kafka, f"{name}-out")

    def start(self, cluster, *words, parallelism=None, savepoint=None, options=()):
        """Submits it, and waits until it runs; again behind a savepoint."""
        self.cluster = cluster
        self.job = cluster.run(self.jar, *words, parallelism=parallelism, savepoint=savepoint, options=options)
        cluster.wait_running(self.job)
        return self.job

    def check_names(self):
        return check_names(self.cluster, self.job, agents_of(self.program))

    def write(self, part=1.0):
        """That part of the input, from where the last call ended."""
        end = int(len(self.lines) * part)
        self.kafka.write(f"{self.name}-in", records(self.lines[self.written:end]))
        self.written = end

    def feed(self, lots):
        """All of it little by little, beside what is done meanwhile, and never more than may_write() has allowed."""
        begin, count = self.written, len(self.lines)

        def write_all():
            for n in range(lots):
                while self.written >= self.allowed:
                    time.sleep(0.005)
                self.write((begin + (count - begin) * (n + 1) / lots) / count)
        self.feeder = threading.Thread(target=write_all, daemon=True)
        self.feeder.start()

    def may_write(self, more):
        """So much more of the input, as a part of all."""
        self.allowed = self.written + int(len(self.lines) * more)

    def wait_fed(self):
        self.may_write(1)
        self.feeder.join()
        check(self.written == len(self.lines), "the input was not written")

    @property
    def seen(self):
        """How many outputs can be read."""
        return len(self.follower.seen)

    def wait_outputs(self, part=1.0, least=None):
        least = least or int(self.total * part)

        def are_there():
            state = self.cluster.state(self.job)
            if state in flink.ENDED:
                raise flink.FlinkEnded(f"the job is {state}: {self.cluster.root_exception(self.job)}")
            return self.seen >= least
        self.cluster.wait(are_there, f"{least} outputs")

    def finish(self):
        """Ends it, compares all outputs, and sees that nothing is left of its workers."""
        self.wait_outputs()
        self.cluster.cancel(self.job)
        with self.follower:
            pass
        found = collections.defaultdict(list)
        for record in self.kafka.read(f"{self.name}-out"):
            found[record.key.decode()].append(record.value)
        differ = sorted(key for key in set(found) | set(self.wanted) if found.get(key) != self.wanted.get(key))
        for key in differ[:3]:
            print(f"# {key}: {found.get(key)} instead of {self.wanted.get(key)}"[:400])
        check(not differ, f"{len(differ)} of {len(self.wanted)} keys differ")
        nothing_is_left(self.cluster)
        print(f"# {self.total} outputs of {len(self.wanted)} keys, Flink {self.cluster.version}")
