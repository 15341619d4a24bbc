#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real Flink clusters for tests: a JobManager and TaskManagers, each a JVM, on free loopback ports.

    with Cluster("2.2.1", taskmanagers=2, slots=2, conf={"state.backend.type": "hashmap"}) as cluster:
        job = cluster.run("job.jar", parallelism=2)     # the real command-line client
        cluster.wait_running(job)
        cluster.taskmanagers[0].kill()                  # kill -9 of the JVM, not of what it had started
        cluster.taskmanagers[0].start()
        path = cluster.stop_with_savepoint(job)
        cluster.rest(f"/jobs/{job}/exceptions")

Nothing outlives the process that made a cluster, however it ends: see keeper.py. The jars come from
`scripts/setup.sh test`, into .deps-prefix/flink/VERSION or where WEIR_TEST_FLINK says.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import keeper  # noqa: E402
from ports import free_ports  # noqa: E402

SOURCE = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
FLINK = os.environ.get("WEIR_TEST_FLINK", os.path.realpath(os.path.join(SOURCE, ".deps-prefix/flink")))
VERSIONS = ("1.20.3", "2.2.1")
PATIENCE = 180  # seconds until a wait gives up; far beyond what a start takes on a busy machine

# The quickest start and the least memory; a test of speed asks for the JVM's own choice with java_options=[].
QUICK_JAVA = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

# As Flink's own scripts have them, for a JDK that keeps its insides closed.
OPENINGS = [f"--add-exports={name}=ALL-UNNAMED" for name in (
    "java.base/sun.net.util", "java.rmi/sun.rmi.registry", "jdk.compiler/com.sun.tools.javac.api",
    "jdk.compiler/com.sun.tools.javac.file", "jdk.compiler/com.sun.tools.javac.parser",
    "jdk.compiler/com.sun.tools.javac.tree", "jdk.compiler/com.sun.tools.javac.util",
    "java.security.jgss/sun.security.krb5")]
OPENINGS += [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in (
    "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
    "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks")]

JOBMANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASKMANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
CLIENT = "org.apache.flink.client.cli.CliFrontend"

LOG4J = """rootLogger.level = INFO
rootLogger.appenderRef.file.ref = File
appender.file.name = File
appender.file.type = FILE
appender.file.fileName = ${sys:log.file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{HH:mm:ss.SSS} %-5p %-60c %x - %m%n
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
logger.kafka.name = org.apache.kafka
logger.kafka.level = WARN
"""

ENDED = ("FINISHED", "FAILED", "CANCELED", "SUSPENDED")


class FlinkError(Exception):
    """A cluster, or its client, did not do what it was asked; says what it said."""


def unavailable(version):
    """Why no cluster of that version can be had here; None when one can."""
    if not shutil.which("java"):
        return "no java"
    if not os.path.isdir(os.path.join(FLINK, version, "lib")):
        return f"no Flink {version} in .deps-prefix/flink: run scripts/setup.sh test"
    return None


def jars(version):
    folder = os.path.join(FLINK, version, "lib")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def java(version, main, *words, options=()):
    """The command line of one of Flink's classes. The class path is spelled out, as the shared archive wants it."""
    return ["java", *options, *OPENINGS, "-cp", ":".join(jars(version)), main, *words]


class Server:
    """A JVM of a cluster, in a session of its own, with all that it starts."""

    def __init__(self, cluster, name, main):
        self.cluster, self.name, self.main = cluster, name, main
        self.log = os.path.join(cluster.folder, f"{name}.log")
        self.out = os.path.join(cluster.folder, f"{name}.out")
        self.conf = os.path.join(cluster.folder, f"{name}.conf")
        self.process = None
        self.sessions = []

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        """Starts it; Cluster.wait_ready() tells when it serves."""
        if self.is_running:
            raise FlinkError(f"{self.name} is running already")
        self.cluster.configure(self)
        with open(self.out, "ab") as out:
            self.process = self.cluster.keeper.start(
                java(self.cluster.version, self.main, "--configDir", self.conf,
                     *(["--executionMode", "cluster"] if self.main == JOBMANAGER else []),
                     options=[*self.cluster.java_options(self), *self.cluster.own_places, f"-Dlog.file={self.log}",
                              f"-Dlog4j.configurationFile={self.conf}/log4j.properties"]),
                stdout=out, stderr=subprocess.STDOUT, env=self.cluster.environment)
        self.sessions.append(self.process.pid)

    def kill(self):
        """kill -9 of the JVM alone; returns when it is gone. What it had started has to see for itself."""
        self.end(signal.SIGKILL)

    def stop(self):
        """A clean stop, by SIGTERM; returns when it is gone."""
        self.end(signal.SIGTERM)

    def pause(self):
        """SIGSTOP of the JVM, until resume()."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def end(self, number):
        if self.process is None:
            return
        if self.is_running:
            os.kill(self.process.pid, number)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise FlinkError(f"{self.name} does not end; {self.last_words()}") from None
        self.process = None

    def last_words(self):
        said = []
        for path in self.out, self.log:
            try:
                with open(path, "r", encoding="utf-8", errors="replace") as file:
                    said += file.readlines()[-20:]
            except OSError:
                pass
        return f"the end of {self.log}:\n" + "".join(said)

    def memory_mb(self):
        """The most memory it has had."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


class Cluster:
    """A JobManager and TaskManagers, all of whose slots are free when the constructor returns.

    version       one of VERSIONS
    taskmanagers  how many
    slots         of each
    conf          Flink's options on top of ours
    heap          of each TaskManager's tasks, in MB
    java_options  instead of QUICK_JAVA
    environment   of all its processes, on top of this one's
    """

    def __init__(self, version, taskmanagers=1, slots=2, conf=None, heap=384, java_options=None, environment=None):
        self.version, self.slots, self.conf, self.heap = version, slots, dict(conf or {}), heap
        self.quick = java_options is None
        self.options = QUICK_JAVA if java_options is None else java_options
        # Ours would be taken for options of the job.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        self.environment.update(environment or {})
        self.folder = tempfile.mkdtemp(prefix="weir-flink-")
        self.tmp = os.path.join(self.folder, "tmp")
        os.mkdir(self.tmp)
        self.environment["TMPDIR"] = self.tmp
        # What a JVM that is killed leaves behind (unpacked libraries, Flink's own JARs, counters) is in there, too.
        self.own_places = [f"-Djava.io.tmpdir={self.tmp}", "-XX:-UsePerfData"]
        self.keeper = keeper.Keeper(self.folder)
        self.clients = 0
        try:
            self.port, self.rest_port = free_ports(2)
            self.jobmanager = Server(self, "jobmanager", JOBMANAGER)
            self.taskmanagers = [Server(self, f"taskmanager-{n + 1}", TASKMANAGER) for n in range(taskmanagers)]
            for server in self.servers:
                server.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Kills all of it and removes its folder."""
        if self.keeper.is_there:
            self.keeper.close()
        for server in self.servers if hasattr(self, "taskmanagers") else ():
            if server.process is not None:
                server.process.wait()

    @property
    def servers(self):
        return [self.jobmanager, *self.taskmanagers]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.rest_port}"

    def java_options(self, server):
        kind = "jobmanager" if server.main == JOBMANAGER else "taskmanager"
        heap = 384 if kind == "jobmanager" else self.heap + 128
        options = [f"-Xmx{heap}m", "-XX:MaxMetaspaceSize=256m", *self.options]
        archive = os.path.join(FLINK, self.version, f"{kind}.jsa")
        if self.quick and os.path.exists(archive):
            options.append(f"-XX:SharedArchiveFile={archive}")
        return options

    def options_of(self, server):
        options = {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": self.port,
            "jobmanager.bind-host": "127.0.0.1",
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self.rest_port,
            "rest.flamegraph.enabled": "false",
            "web.submit.enable": "false",
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": self.slots,
            "io.tmp.dirs": self.tmp,
            "web.tmpdir": self.tmp,
            "execution.checkpointing.dir": f"file://{self.folder}/checkpoints",
            "execution.checkpointing.savepoint-dir": f"file://{self.folder}/savepoints",
            # What Flink's scripts work out from the size of the process.
            "taskmanager.cpu.cores": float(self.slots),
            "taskmanager.memory.task.heap.size": f"{self.heap}m",
            "taskmanager.memory.task.off-heap.size": "0m",
            "taskmanager.memory.network.min": "64m",
            "taskmanager.memory.network.max": "64m",
            "taskmanager.memory.managed.size": "128m",
            "taskmanager.memory.framework.heap.size": "128m",
            "taskmanager.memory.framework.off-heap.size": "128m",
            "taskmanager.memory.jvm-metaspace.size": "256m",
            "taskmanager.memory.jvm-overhead.min": "192m",
            "taskmanager.memory.jvm-overhead.max": "192m",
            # A dead TaskManager is seen after seconds, not after most of a minute.
            "heartbeat.interval": 500,
            "heartbeat.timeout": 4000,
            "cluster.registration.initial-timeout": "50 ms",
            "cluster.registration.error-delay": "200 ms",
            "cluster.registration.refused-registration-delay": "500 ms",
            "restart-strategy.type": "fixed-delay",
            # On a busy machine a TaskManager is away for longer than a hundred attempts take.
            "restart-strategy.fixed-delay.attempts": 1000000,
            "restart-strategy.fixed-delay.delay": "100 ms",
        }
        if server.main == TASKMANAGER:
            options["taskmanager.resource-id"] = server.name
        options.update(self.conf)
        return options

    def configure(self, server):
        os.makedirs(server.conf, exist_ok=True)
        with open(os.path.join(server.conf, "config.yaml"), "w", encoding="utf-8") as file:
            # A string of JSON is one of YAML.
            file.writelines(f"{name}: {json.dumps(str(value))}\n" for name, value in self.options_of(server).items())
        with open(os.path.join(server.conf, "log4j.properties"), "w", encoding="ascii") as file:
            file.write(LOG4J)

    # ---- waiting -------------------------------------------------------------------------------------------------

    def wait(self, holds, what):
        """Until holds() is true; its value. What REST refuses meanwhile counts as not yet."""
        deadline = time.monotonic() + PATIENCE
        said = ""
        while True:
            try:
                found = holds()
                if found:
                    return found
            except (OSError, FlinkError) as why:
                said = f" ({why})"
            if time.monotonic() > deadline:
                raise FlinkError(f"waited in vain: {what}{said}; {self.jobmanager.last_words()}")
            time.sleep(0.05)

    def wait_ready(self):
        """Until every TaskManager that runs is registered, and all slots are there."""
        def is_ready():
            for server in self.servers:
                if server.process is not None and not server.is_running:
                    raise FlinkEnded(f"{server.name} ended with {server.process.returncode}; {server.last_words()}")
            seen = self.rest("/overview")
            running = sum(server.is_running for server in self.taskmanagers)
            return seen["taskmanagers"] == running and seen["slots-total"] == running * self.slots
        self.wait(is_ready, "the cluster is not ready")

    def wait_state(self, job, *states):
        """Until the job is in one of these states, which is returned; one that it cannot leave ends the waiting."""
        def is_there():
            state = self.state(job)
            if state in ENDED and state not in states:
                raise FlinkEnded(f"job {job} is {state}, not {' or '.join(states)}: {self.root_exception(job)}")
            return state if state in states else None
        return self.wait(is_there, f"job {job} is not {' or '.join(states)}")

    def wait_running(self, job):
        """Until every subtask runs."""
        def all_run():
            found = self.job(job)
            if found["state"] in ENDED:
                raise FlinkEnded(f"job {job} is {found['state']}: {self.root_exception(job)}")
            return found["state"] == "RUNNING" and all(vertex["status"] == "RUNNING" for vertex in found["vertices"])
        self.wait(all_run, f"job {job} does not run")

    def wait_checkpoints(self, job, more=1):
        """Until so many further checkpoints are complete."""
        def complete():
            return self.checkpoints(job)["counts"]["completed"]
        wanted = self.wait(lambda: (complete(),), "checkpoints")[0] + more
        self.wait(lambda: complete() >= wanted, f"job {job} completes no checkpoint")

    # ---- REST ----------------------------------------------------------------------------------------------------

    def rest(self, path, body=None, method=None, timeout=20):
        """The answer's JSON; what is not JSON (a log) as text."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = answer.read().decode("utf-8", "replace")
                return json.loads(text or "{}") if "json" in answer.headers.get("Content-Type", "") else text
        except urllib.error.HTTPError as why:
            raise FlinkError(f"{path}: {why.code} {why.read().decode('utf-8', 'replace')}") from None

    def jobs(self):
        """{job id: state}"""
        return {one["id"]: one["status"] for one in self.rest("/jobs")["jobs"]}

    def job(self, job):
        return self.rest(f"/jobs/{job}")

    def state(self, job):
        return self.job(job)["state"]

    def graph(self, job):
        """The names in the web page's graph, chained ones with their chain: [(vertex id, name)]."""
        return [(vertex["id"], vertex["name"]) for vertex in self.job(job)["vertices"]]

    def plan(self, job):
        return self.rest(f"/jobs/{job}/plan")["plan"]

    def exceptions(self, job):
        """All that has failed so far, the newest first, each with its stack trace."""
        found = self.rest(f"/jobs/{job}/exceptions?maxExceptions=100")
        return [one.get("stacktrace", "") for one in found.get("exceptionHistory", {}).get("entries", [])]

    def root_exception(self, job):
        try:
            return (self.exceptions(job) or ["nothing is said of it"])[0]
        except (OSError, FlinkError) as why:
            return str(why)

    def checkpoints(self, job):
        return self.rest(f"/jobs/{job}/checkpoints")

    def checkpoint(self, job):
        """Asks for one now, and waits until it is complete."""
        asked = self.rest(f"/jobs/{job}/checkpoints", {"checkpointType": "FULL"})["request-id"]

        def is_over():
            found = self.rest(f"/jobs/{job}/checkpoints/{asked}")
            return found["operation"] if found["status"]["id"] == "COMPLETED" else None
        found = self.wait(is_over, f"job {job} completes no checkpoint")
        if "failure-cause" in found:
            raise FlinkError(f"checkpoint of job {job}: {found['failure-cause']}")

    def accumulators(self, job):
        """{name: value as text}"""
        found = self.rest(f"/jobs/{job}/accumulators")["user-task-accumulators"]
        return {one["name"]: one["value"] for one in found}

    def metrics(self, job, contains="", vertices=""):
        """{"SUBTASK.[OPERATOR.]NAME": value as text} of the vertices whose name contains the one, and of the metrics
        whose name contains the other."""
        found = {}
        for vertex, name in self.graph(job):
            if vertices not in name:
                continue
            path = f"/jobs/{job}/vertices/{vertex}/metrics"
            names = [one["id"] for one in self.rest(path) if contains in one["id"]]
            for begin in range(0, len(names), 50):
                get = urllib.parse.quote(",".join(names[begin:begin + 50]))
                found.update((one["id"], one["value"]) for one in self.rest(f"{path}?get={get}"))
        return found

    def taskmanager_log(self, server):
        """As the web page shows it."""
        return self.rest(f"/taskmanagers/{server.name}/log")

    # ---- the command-line client ---------------------------------------------------------------------------------

    def client(self, *words):
        """`flink WORDS`: (exit status, stdout, stderr)."""
        self.clients += 1
        conf = self.jobmanager.conf
        archive = os.path.join(FLINK, self.version, "client.jsa")
        options = ["-Xmx256m", *self.options, *self.own_places,
                   f"-Dlog.file={self.folder}/client-{self.clients}.log",
                   f"-Dlog4j.configurationFile={conf}/log4j.properties"]
        if self.quick and os.path.exists(archive):
            options.append(f"-XX:SharedArchiveFile={archive}")
        lib = os.path.join(FLINK, self.version, "lib")
        environment = dict(self.environment, FLINK_CONF_DIR=conf, FLINK_LIB_DIR=lib,
                           FLINK_PLUGINS_DIR=os.path.join(self.folder, "plugins"))
        process = self.keeper.start(java(self.version, CLIENT, *map(str, words), options=options),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise FlinkError(f"flink {words[0]} does not end: {process.communicate()[0].decode()}") from None
        self.keeper.forget(process.pid)
        return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def flink(self, *words):
        """The same, which has to end well; its stdout."""
        status, out, err = self.client(*words)
        if status:
            raise FlinkError(f"flink {' '.join(map(str, words))} ended with {status}: {out}{err}")
        return out

    def run(self, jar, *words, parallelism=None, savepoint=None, options=()):
        """`flink run -d`; the job's id. `words` go to the job's main()."""
        command = ["run", "-d", *options]
        if parallelism:
            command += ["-p", parallelism]
        if savepoint:
            command += ["-s", savepoint]
        return found_in(r"JobID ([0-9a-f]{32})", self.flink(*command, jar, *words))

    def cancel(self, job):
        """Past the client, whose start takes seconds."""
        self.rest(f"/jobs/{job}?mode=cancel", method="PATCH")
        self.wait_state(job, "CANCELED")

    def savepoint(self, job):
        """`flink savepoint`; its path."""
        return found_in(r"Path: (\S+)", self.flink("savepoint", job))

    def stop_with_savepoint(self, job):
        """`flink stop`; the savepoint's path."""
        return found_in(r"Path: (\S+)", self.flink("stop", job))

    # ---- processes -----------------------------------------------------------------------------------------------

    def processes(self):
        """All that its servers have started and that is still there, zombies too: {pid: command}."""
        sessions = {session for server in self.servers for session in server.sessions}
        servers = {server.process.pid for server in self.servers if server.process is not None}
        return {pid: name for pid, name in in_sessions(sessions).items() if pid not in servers}


class FlinkEnded(Exception):
    """What is waited for can no longer come."""


def found_in(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise FlinkError(f"no '{pattern}' in: {text}")
    return found.group(1)


def in_sessions(sessions):
    """{pid: command} of the processes in these sessions."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                command, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            continue  # it has ended meanwhile
        if int(rest.split()[3]) in sessions:
            found[int(name)] = command
    return found


def prepare(flink, version):
    """Once, after the jars have come: keeps archives of loaded classes from a start that is also the proof that a
    cluster runs. They spare every later start a second or two of CPU time."""
    global FLINK  # pylint: disable=global-statement
    FLINK = os.path.realpath(flink)
    here = os.path.join(FLINK, version)
    for kind in "jobmanager", "taskmanager", "client":
        if os.path.exists(f"{here}/{kind}.jsa"):
            os.unlink(f"{here}/{kind}.jsa")

    class Recorded(Cluster):
        def java_options(self, server):
            kind = "jobmanager" if server.main == JOBMANAGER else "taskmanager"
            return [*super().java_options(server), f"-XX:ArchiveClassesAtExit={here}/{kind}.jsa"]
    with Recorded(version) as cluster:
        cluster.options = [*QUICK_JAVA, f"-XX:ArchiveClassesAtExit={here}/client.jsa"]
        cluster.flink("list")
        cluster.options = QUICK_JAVA
        for server in reversed(cluster.servers):
            server.stop()


def main():
    parser = argparse.ArgumentParser(description="Flink clusters for tests.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("prepare", help="make starts quick; scripts/setup.sh calls it")
    verb.add_argument("folder")
    verb.add_argument("version")
    options = parser.parse_args()
    try:
        prepare(options.folder, options.version)
    except (FlinkError, FlinkEnded) as why:
        sys.exit(f"flink.py: {why}")


if __name__ == "__main__":
    main()
