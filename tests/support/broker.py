#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real Kafka brokers for tests: KRaft nodes on free loopback ports, their data in a temporary folder.

As a module:

    with Cluster(nodes=1) as cluster:
        cluster.create_topic("orders", partitions=4, config={"cleanup.policy": "compact"})
        cluster.write("orders", [Record(b"key", b"value")])
        cluster.nodes[0].kill()         # kill -9
        cluster.nodes[0].start()        # on the same data and ports
        cluster.wait_ready()
        cluster.read("orders")          # what is committed, to the end

From the shell, with the brokers' addresses in WEIR_TEST_BROKERS for the command, whose exit status is passed on:

    broker.py run [--nodes N] [--topic NAME[:PARTITIONS]]... -- COMMAND...

Nothing outlives the process that made a cluster, however it ends: see keeper.py.

The jars come from `scripts/setup.sh test`, into .deps-prefix/kafka or where WEIR_TEST_KAFKA says. Topics are made,
written and read by tests/support/topic, built by `make check` (top_builddir, or build/).
"""
import argparse
import base64
import collections
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import keeper  # noqa: E402
import markers  # noqa: E402
import proxy  # noqa: E402
from ports import free_ports  # noqa: E402
from wire import exchange  # noqa: E402

SOURCE = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BUILD = os.environ.get("top_builddir", os.path.join(SOURCE, "build"))
KAFKA = os.environ.get("WEIR_TEST_KAFKA", os.path.realpath(os.path.join(SOURCE, ".deps-prefix/kafka")))
TOPIC = os.path.join(BUILD, "tests/support/topic")
ADMIN = os.path.join(BUILD, "tests/support/admin")
PATIENCE = 120  # seconds until a wait gives up; far beyond what a start takes on a busy machine

# The quickest start and the least memory; a test of speed asks for the JVM's own choice with java_options=[].
QUICK_JAVA = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

Record = collections.namedtuple("Record", "key value headers partition offset timestamp_ms",
                                defaults=((), None, None, None))


class BrokerError(Exception):
    """A broker, or the program that talks to it, did not do what it was asked; says what it said."""


def unavailable():
    """Why no broker can be had here; None when one can."""
    if not shutil.which("java"):
        return "no java"
    if not os.path.isdir(os.path.join(KAFKA, "formatted")):
        return "no Kafka in .deps-prefix/kafka: run scripts/setup.sh test"
    if not os.access(TOPIC, os.X_OK):
        return "no tests/support/topic: configure found no librdkafka >= 2.15, or it is not built"
    return None


def java(kafka, *words, options=()):
    """The command line of one of Kafka's classes. The class path is spelled out, as the shared archive wants it."""
    jars = sorted(name for name in os.listdir(os.path.join(kafka, "jars")) if name.endswith(".jar"))
    return ["java", *options,
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
            "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
            "-cp", ":".join(os.path.join(kafka, "jars", name) for name in jars), *words]


def ask_metadata(port, timeout=2.0):
    """What a node knows of its cluster: (ids of the live brokers, the controller's id). OSError: it does not answer.
    Kafka protocol, Metadata request, version 1: no topics, all brokers."""
    answer = exchange(port, struct.pack(">hhih4si", 3, 1, 1, 4, b"weir", 0), timeout)
    place = 0
    count, = struct.unpack_from(">i", answer, place)
    place += 4
    ids = []
    for _ in range(count):
        node, length = struct.unpack_from(">ih", answer, place)
        place += 6 + length + 4
        rack, = struct.unpack_from(">h", answer, place)
        place += 2 + max(rack, 0)
        ids.append(node)
    return ids, struct.unpack_from(">i", answer, place)[0]


class Node:
    """One broker, which is a controller too: a JVM in a process group of its own."""

    def __init__(self, cluster, number, ports):
        self.cluster, self.number = cluster, number
        self.port, self.controller_port = ports[:2]
        # Behind the proxy, and its own: what clients are told.
        self.hidden_port, self.proxy_port = ports[2:] or (None, None)
        self.folder = os.path.join(cluster.folder, f"node-{number}")
        self.log = os.path.join(cluster.folder, f"node-{number}.log")
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def format(self):
        """What `kafka-storage format` leaves, from the copy that prepare() made: a JVM's start less for each node."""
        os.makedirs(self.folder)
        formatted = os.path.join(KAFKA, "formatted")
        shutil.copyfile(os.path.join(formatted, "bootstrap.checkpoint"),
                        os.path.join(self.folder, "bootstrap.checkpoint"))
        with open(os.path.join(self.folder, "meta.properties"), "w", encoding="ascii") as file:
            file.write(f"version=1\nnode.id={self.number}\ncluster.id={self.cluster.id}\ndirectory.id={uuid()}\n")

    def configure(self):
        properties = self.cluster.properties(self)
        with open(self.folder + ".properties", "w", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in properties.items())

    def start(self):
        """Starts it on the data it has; Cluster.wait_ready() tells when it serves."""
        if self.is_running:
            raise BrokerError(f"node {self.number} is running already")
        # A broker that is killed leaves unpacked libraries and its counters.
        options = [*self.cluster.java_options, f"-Djava.io.tmpdir={self.cluster.folder}", "-XX:-UsePerfData"]
        command = java(KAFKA, "kafka.Kafka", self.folder + ".properties", options=options)
        with open(self.log, "ab") as log:
            self.process = self.cluster.keeper.start(command, stdout=log, stderr=subprocess.STDOUT)

    def signal(self, number):
        if self.is_running:
            os.killpg(self.process.pid, number)

    def kill(self):
        """kill -9; returns when it is gone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self):
        """A clean stop, by SIGTERM; returns when it is gone."""
        self.signal(signal.SIGTERM)
        self.wait()

    def pause(self):
        """SIGSTOP, until resume()."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def wait(self):
        if self.process is None:
            return
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise BrokerError(f"node {self.number} does not end; {self.last_words()}") from None
        self.cluster.forget(self.process.pid)
        self.process = None

    def last_words(self):
        try:
            with open(self.log, "r", encoding="utf-8", errors="replace") as log:
                return f"the end of {self.log}:\n" + "".join(log.readlines()[-20:])
        except OSError as why:
            return f"no log: {why}"

    def memory_mb(self):
        """The most memory it has had."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


class Cluster:
    """Brokers that know each other, started and ready when the constructor returns.

    nodes         1, or 3 for leaders that change
    config        server properties on top of ours
    heap          each node's most heap, as the JVM spells it
    java_options  instead of QUICK_JAVA
    proxied       a second listener, PROXIED, behind a proxy (tests/support/proxy.py), which is `proxy`; its clients
                  start from `proxied_brokers`. Others go past it.
    """

    def __init__(self, nodes=1, config=None, heap="512m", java_options=None, proxied=False):
        self.config = dict(config or {})
        self.proxy = None
        archive = os.path.join(KAFKA, "classes.jsa")
        options = QUICK_JAVA if java_options is None else java_options
        self.java_options = [f"-Xmx{heap}", *options]
        if java_options is None and os.path.exists(archive):
            self.java_options.append(f"-XX:SharedArchiveFile={archive}")
        self.id = uuid()
        self.folder = tempfile.mkdtemp(prefix="weir-broker-")
        self.keeper = keeper.Keeper(self.folder)
        try:
            each = 4 if proxied else 2
            ports = free_ports(each * nodes)
            self.nodes = [Node(self, n + 1, ports[each * n:each * (n + 1)]) for n in range(nodes)]
            if proxied:
                self.proxy = proxy.Proxy({node.proxy_port: node.hidden_port for node in self.nodes})
            for node in self.nodes:
                node.format()
                node.configure()
                node.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Kills the nodes and removes their data."""
        if self.proxy:
            self.proxy.close()
        if not self.keeper.is_there:
            return
        for node in self.nodes if hasattr(self, "nodes") else ():
            node.kill()
        self.keeper.close()

    @property
    def brokers(self):
        """For bootstrap.servers."""
        return ",".join(node.address for node in self.nodes)

    @property
    def proxied_brokers(self):
        return ",".join(f"127.0.0.1:{node.proxy_port}" for node in self.nodes)

    def properties(self, node):
        copies = len(self.nodes)
        properties = {
            "process.roles": "broker,controller",
            "node.id": node.number,
            "controller.quorum.voters": ",".join(f"{n.number}@127.0.0.1:{n.controller_port}" for n in self.nodes),
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{node.address},CONTROLLER://127.0.0.1:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{node.address}",
            "log.dirs": node.folder,
            # A topic that a test has not made is a mistake of the test.
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": (copies + 1) // 2,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": (copies + 1) // 2,
            "transaction.state.log.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            # A node that was killed may register again only after its last session is over.
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 500,
            # Its default is a fourth of the heap that a node has here.
            "log.cleaner.dedupe.buffer.size": 16 << 20,
        }
        if node.hidden_port:
            properties.update({
                "listeners": f"{properties['listeners']},PROXIED://127.0.0.1:{node.hidden_port}",
                "advertised.listeners": f"{properties['advertised.listeners']},PROXIED://127.0.0.1:{node.proxy_port}",
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT",
                "inter.broker.listener.name": "PLAINTEXT",
            })
        properties.update(self.config)
        return properties

    def keep(self, pid):
        """The keeper kills this process group, too, when the test is over, however that ends."""
        self.keeper.keep(pid)

    def forget(self, pid):
        self.keeper.forget(pid)

    def wait_ready(self):
        """Until each running node answers, and knows all that run and a controller."""
        running = [node for node in self.nodes if node.process is not None]
        ids = sorted(node.number for node in running)
        deadline = time.monotonic() + PATIENCE
        for node in running:
            said = "it has not answered"
            while True:
                if not node.is_running:
                    raise BrokerError(f"node {node.number} ended with {node.process.returncode}; {node.last_words()}")
                try:
                    known, controller = ask_metadata(node.port)
                    if sorted(known) == ids and controller >= 0:
                        break
                    said = f"it knows the brokers {known}, controller {controller}"
                except OSError as why:
                    said = str(why)
                if time.monotonic() > deadline:
                    raise BrokerError(f"node {node.number} is not ready in {PATIENCE} s: {said}; {node.last_words()}")
                time.sleep(0.02)

    def restart_alone(self, node, end):
        """Ends the only node by Node.kill or Node.stop, starts it again, and mends what it does wrong then
        (tests/support/markers.py) before clients of the proxy come back; what that was, a line each."""
        before = markers.transactions(node.port)
        end(node)
        self.proxy.shut()
        try:
            node.start()
            self.wait_ready()
            topics = {one["name"]: one["partitions"] for one in self.admin("topics")}
            return markers.write_lost(node.port, before, topics)
        finally:
            self.proxy.open()

    def talk(self, *words, given=None, program=TOPIC):
        """Runs tests/support/topic; its stdout, as bytes."""
        ended = subprocess.run([program, self.brokers, *map(str, words)], input=given or b"", stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, check=False)
        if ended.returncode:
            raise BrokerError(f"{os.path.basename(program)} {words[0]} ended with {ended.returncode}: "
                              f"{ended.stderr.decode().strip()}")
        return ended.stdout

    def admin(self, *words):
        """What tests/support/admin prints, one value a line. Asked again while brokers come and go: it changes nothing
        that asking twice would change again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return [json.loads(line) for line in self.talk(*words, program=ADMIN).splitlines()]
            except BrokerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def topics(self):
        return sorted(one["name"] for one in self.admin("topics"))

    def ends(self, topic):
        """The high watermark of each partition."""
        return [high for _, high in self.admin("ends", topic)[0]]

    def group(self, name):
        """{"state", "members"}"""
        return self.admin("group", name)[0]

    def offsets(self, group, topic):
        """(offset or -1, metadata) of each partition."""
        return self.admin("offsets", group, topic)[0]

    def create_topic(self, name, partitions=1, config=None, replicas=None):
        settings = [f"{key}={value}" for key, value in (config or {}).items()]
        self.talk("create", name, partitions, replicas or len(self.nodes), *settings)

    def write(self, topic, records, end="plain"):
        """Writes records and waits until all replicas have acknowledged them. Keys go to partitions as the Java client
        sends them; Record.partition overrules. `end`: plain, or a transaction that ends as commit, as abort, or
        is left open."""
        lines = []
        for record in records:
            line = {"key": text(record.key), "value": text(record.value)}
            if record.headers:
                line["headers"] = [[name, text(value)] for name, value in record.headers]
            if record.partition is not None:
                line["partition"] = record.partition
            if record.timestamp_ms is not None:
                line["timestamp_ms"] = record.timestamp_ms
            lines.append(json.dumps(line))
        self.talk("write", topic, end, given="".join(line + "\n" for line in lines).encode())

    def read(self, topic, committed=True):
        """All records of a topic in order of partition and offset: the committed ones, up to the first transaction that
        is still open, or all that are in the log."""
        return sorted(self.each(topic, committed), key=lambda record: (record.partition, record.offset))

    def each(self, topic, committed=True):
        """The same, one by one as they come: in order within a partition."""
        command = [TOPIC, self.brokers, "read", topic, "committed" if committed else "all"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            for line in process.stdout:
                yield record_of(json.loads(line))
            said = process.stderr.read().decode().strip()
        if process.returncode:
            raise BrokerError(f"topic read ended with {process.returncode}: {said}")


class Follower:
    """Reads a topic's committed records as they come, from its beginning until it is closed: `seen` is
    [(record, when it was there to be read, in ms)], in order within a partition."""

    def __init__(self, cluster, topic):
        self.seen = []
        self.process = subprocess.Popen([TOPIC, cluster.brokers, "follow", topic], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            line = json.loads(line)
            self.seen.append((record_of(line), line["seen_ms"]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.thread.join()
        self.process.stdout.close()


def record_of(line):
    return Record(data(line["key"]), data(line["value"]), tuple((name, data(value)) for name, value in line["headers"]),
                  line["partition"], line["offset"], line["timestamp_ms"])


def text(value):
    """Bytes as JSON carries them to and from tests/support/topic: a character for each byte."""
    return None if value is None else value.decode("latin-1")


def data(value):
    return None if value is None else value.encode("latin-1")


def uuid():
    """As Kafka writes one. It takes none that begins with a dash."""
    while True:
        written = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        if not written.startswith("-"):
            return written


def prepare(kafka):
    """Once, after the jars have come: keeps a formatted folder, and an archive of loaded classes from a start that is
    also the proof that the broker runs. Both spare every later start about a second of CPU time."""
    global KAFKA  # pylint: disable=global-statement
    KAFKA = os.path.realpath(kafka)
    formatted, archive = os.path.join(KAFKA, "formatted"), os.path.join(KAFKA, "classes.jsa")
    shutil.rmtree(formatted, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="weir-broker-") as work:
        properties = os.path.join(work, "server.properties")
        with open(properties, "w", encoding="ascii") as file:
            file.write("process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:9093\n"
                       "controller.listener.names=CONTROLLER\n"
                       "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\n"
                       f"log.dirs={work}/data\n")
        ended = subprocess.run(java(KAFKA, "kafka.tools.StorageTool", "format", "-t", uuid(), "-c", properties),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if ended.returncode:
            raise BrokerError(f"formatting failed:\n{ended.stdout.decode(errors='replace')}")
        os.makedirs(formatted)
        shutil.copy(os.path.join(work, "data/bootstrap.checkpoint"), formatted)
    if os.path.exists(archive):
        os.unlink(archive)
    with Cluster(java_options=[*QUICK_JAVA, f"-XX:ArchiveClassesAtExit={archive}"]) as cluster:
        cluster.nodes[0].stop()


def run(options):
    why = unavailable()
    if why:
        raise BrokerError(why)

    def leave(number, _):
        sys.exit(128 + number)
    ends = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    for number in ends:
        signal.signal(number, leave)
    with Cluster(nodes=options.nodes) as cluster:
        for topic in options.topic:
            name, _, partitions = topic.partition(":")
            cluster.create_topic(name, int(partitions or 1))
        # One that comes while the command is being started waits until there is something to end.
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)
        process = subprocess.Popen(options.command, env=dict(os.environ, WEIR_TEST_BROKERS=cluster.brokers),
                                   preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ends))
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
            status = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        return status if status >= 0 else 128 - status


def main():
    parser = argparse.ArgumentParser(description="Kafka brokers for tests.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("run", help="run a command with brokers, whose addresses are in WEIR_TEST_BROKERS")
    verb.add_argument("--nodes", type=int, default=1)
    verb.add_argument("--topic", action="append", default=[], metavar="NAME[:PARTITIONS]")
    verb.add_argument("command", nargs="+")
    verb = verbs.add_parser("prepare", help="make starts quick; scripts/setup.sh calls it")
    verb.add_argument("folder")
    options = parser.parse_args()
    try:
        if options.verb == "run":
            sys.exit(run(options))
        prepare(options.folder)
    except BrokerError as why:
        sys.exit(f"broker.py: {why}")


if __name__ == "__main__":
    main()
