# SPDX-License-Identifier: Apache-2.0
"""What bench/kafka.py and bench/recovery.py share: a broker, the counting jobs, the probe that feeds and sees them."""

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

BROKER_HEAP = "1g"
JOB_HEAP = "512m"
PARTITIONS = 4
SECONDS = 180  # until a wait gives up


def import_broker(top, build):
    """tests/support/broker.py, which takes its places from the environment."""
    os.environ["top_srcdir"], os.environ["top_builddir"] = top, build
    sys.path.insert(0, f"{top}/tests/support")
    import broker  # pylint: disable=import-error,import-outside-toplevel
    why = broker.unavailable()
    if why:
        sys.exit(f"bench: {why}")
    return broker


def has_kafka(on_stage):
    """Whether the job has the host that runs it on Kafka."""
    ended = subprocess.run([on_stage.weir_job, "run", "--config", "/dev/null"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True, check=False, env=on_stage.environment)
    # Such an empty configuration is refused; a build without the host refuses the command itself.
    return "has no 'run'" not in ended.stderr


def conditions(report, options, now):
    """Under what it was measured, and against which versions; weir is left out, and that is said, while it cannot."""
    report.say("Load average at the start, on all cores: " + ", ".join(f"{load:.1f}" for load in options.load))
    java = subprocess.run(["java", "-version"], stderr=subprocess.PIPE, text=True, check=True).stderr.splitlines()[1]
    jars = f"{options.top}/.deps-prefix/bench/streams/jars"
    found = [name[:-4] for name in sorted(os.listdir(jars)) if name.startswith(("kafka-streams", "rocksdbjni",
                                                                                "jackson-databind"))]
    report.say(f"{', '.join(found)}; {java}")
    if options.set:
        report.say(f"weir with {', '.join(options.set)}")
    report.say("Outputs of all were compared with the inputs: one for each, gapless counts per key.")
    if "weir" not in options.without and not has_kafka(now):
        options.without.append("weir")
        report.say("weir is not measured: this build has no Kafka host.")
    report.say()


class Job:
    """One process that counts, from its start to stop() or kill()."""

    def __init__(self, stage, command, log):
        self.log = log
        with open(log, "ab") as out:
            self.began_ns = time.monotonic_ns()
            # Not even a SIGKILL of this script leaves one behind.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT, env=stage.environment)
        stage.running.append(self)
        self.stage = stage
        self.peak_kb = self.cpu_s = 0

    def _reap(self):
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.stage.running.remove(self)

    def is_running(self):
        """False when it has ended by itself; it is then no more to be waited for."""
        if self.process.returncode is None:
            # Without reaping: its usage is wanted.
            ended = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            return ended is None
        return False

    def note_peak(self):
        """Before its end, and from itself: what wait4 tells counts the size of whoever started it, too."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as lines:
            self.peak_kb = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)

    def stop(self):
        """A clean end, by SIGTERM."""
        self.note_peak()
        self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 60
        while self.is_running():
            if time.monotonic() > deadline:
                self.kill()
                self.stage.fail(f"a job does not end by SIGTERM; see {self.log}")
            time.sleep(0.005)
        self._reap()

    def kill(self):
        """kill -9; the moment of it."""
        at_ns = time.monotonic_ns()
        self.process.kill()
        self._reap()
        return at_ns


class Stage:
    """A broker with topics, and the commands of the jobs; everything it started ends with it."""

    def __init__(self, options, name):
        self.options = options
        self.work = f"{options.build}/bench/work/{name}"
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)
        self.running, self.probes = [], []
        self.environment = dict(os.environ, LD_LIBRARY_PATH=f"{options.build}/.libs")
        self.weir_job = f"{options.build}/bench/kafka/.libs/keyed_count"
        if not os.path.exists(self.weir_job):  # built without libtool's wrapper
            self.weir_job = f"{options.build}/bench/kafka/keyed_count"
        broker = import_broker(options.top, options.build)
        self.cluster = broker.Cluster(java_options=[], heap=BROKER_HEAP)
        self.brokers = self.cluster.brokers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for job in list(self.running):
            job.kill()
        for probe in self.probes:
            with contextlib.suppress(OSError):
                probe.kill()
            probe.wait()
        self.cluster.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def fail(self, why):
        for job in list(self.running):
            job.kill()
        # What they said outlives the stage.
        kept = f"{self.options.build}/bench/work/failed"
        shutil.rmtree(kept, ignore_errors=True)
        os.makedirs(kept)
        for name in os.listdir(self.work):
            if name.endswith(".log") or name.endswith(".yaml"):
                shutil.copy(f"{self.work}/{name}", kept)
        sys.exit(f"bench: {why} (logs are kept in {kept})")

    # The jobs.

    def command(self, kind, name, topic_in, topic_out, commit_ms, settings=None):
        """A job of a kind: streams, streams-uncached, loop, loop-plain or weir. `settings`: of its consumer."""
        settings = settings or {}
        state = f"{self.work}/{name}.state"
        if kind.startswith("streams"):
            cache = 0 if kind == "streams-uncached" else 10 << 20  # the default
            jars = f"{self.options.top}/.deps-prefix/bench/streams/jars"
            return ["java", f"-Xmx{JOB_HEAP}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp",
                    f"{self.options.build}/bench/kafka/classes:{jars}/*", "KeyedCount", self.brokers, topic_in,
                    topic_out, name, state, str(commit_ms), str(cache),
                    *(f"{key}={value}" for key, value in settings.items())]
        if kind.startswith("loop"):
            return [f"{self.options.build}/bench/kafka/bare_loop", self.brokers, topic_in, topic_out,
                    f"{name}-changelog", name, f"{state}.db", str(commit_ms),
                    "plain" if kind == "loop-plain" else "same"]
        config = f"{self.work}/{name}.yaml"
        with open(config, "w", encoding="utf-8") as out:
            out.write(f"job: {{name: {name}}}\ninput: {{topics: [{topic_in}], format: json}}\n"
                      f"output: {{topic: {topic_out}}}\nstate: {{dir: {state}}}\n"
                      f"action-state: {{topic: {name}-actions}}\ncommit-interval-ms: {commit_ms}\nthreads: 1\n"
                      f"kafka:\n  bootstrap.servers: \"{self.brokers}\"\n  auto.offset.reset: earliest\n")
            out.writelines(f"  {key}: {value}\n" for key, value in settings.items())
        changes = [word for change in self.options.set for word in ("--set", change)]
        return [self.weir_job, "run", "--config", config, *changes]

    def topics(self, kind, name, topic_out):
        self.cluster.create_topic(topic_out, PARTITIONS)
        if kind.startswith("loop"):
            self.cluster.create_topic(f"{name}-changelog", PARTITIONS, {"cleanup.policy": "compact"})

    def start(self, command, name):
        return Job(self, command, f"{self.work}/{name}.log")

    def forget(self, name):
        """Removes the state folder of a job that has ended."""
        for path in (f"{self.work}/{name}.state", f"{self.work}/{name}.state.db"):
            for each in (path, f"{path}-wal", f"{path}-shm"):
                if os.path.isdir(each):
                    shutil.rmtree(each)
                elif os.path.exists(each):
                    os.unlink(each)

    # The probe.

    def probe(self, *words):
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", f"{self.options.build}/bench/kafka/probe", self.brokers,
             *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.probes.append(process)
        return process

    def asked(self, *words):
        """What the probe says at its end."""
        process = self.probe(*words)
        said = process.communicate()[0]
        self.probes.remove(process)
        if process.returncode:
            self.fail(f"probe {words[0]} ended with {process.returncode}")
        return said.split()

    def fill(self, topic, records, keys):
        self.cluster.create_topic(topic, PARTITIONS)
        self.asked("fill", topic, records, keys)

    def watch(self, topic, records, keys, job_of):
        """Starts a job when the watching has begun: (the job, still running; when the first and the last of so many
        outputs were there, in ns; how many the first sight had)."""
        process = self.probe("watch", topic, records, keys)
        if process.stdout.readline() != "ready\n":
            self.fail("probe watch did not begin")
        job = job_of()
        # Whichever ends first: a job that has ended makes no more outputs.
        while job.is_running() and process.poll() is None:
            time.sleep(0.02)
        if not job.is_running() or process.returncode:
            self.fail(f"not all outputs came; see {job.log}")
        said = process.communicate()[0].split()
        self.probes.remove(process)
        first_ns, last_ns, seen, wrong, first_records = map(int, said)
        if seen != records or wrong:
            self.fail(f"{records} inputs, but {seen} outputs, {wrong} of them not their key's next count, "
                      f"in {topic}; see {job.log}")
        return job, first_ns, last_ns, first_records

    def flow(self, topic_in, topic_out, rate, keys, warm_ms):
        return Flow(self, self.probe("flow", topic_in, topic_out, rate, keys, warm_ms), rate)


class Flow:
    """Inputs at a steady rate, and the outputs as they come."""

    def __init__(self, now, process, rate):
        self.stage, self.process, self.rate = now, process, rate
        self.outs, self.seen, self.done = [], 0, None
        self.news = threading.Condition()
        if process.stdout.readline() != "ready\n":
            now.fail("probe flow did not begin")
        self.began = time.monotonic()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            words = line.split()
            with self.news:
                if words[0] == "out":
                    self.outs.append((int(words[1]), int(words[2])))
                    self.seen += int(words[2])
                else:
                    self.done = tuple(map(int, words[1:]))
                self.news.notify_all()

    def until_caught_up(self, job, seconds):
        """Goes on for so long at least, and until the outputs are half a second behind the inputs at most."""
        until, deadline = time.monotonic() + seconds, time.monotonic() + SECONDS
        with self.news:
            while (time.monotonic() < until
                   or self.seen < (time.monotonic() - self.began - 0.5) * self.rate):
                self.news.wait(0.1)
                if not job.is_running() or time.monotonic() > deadline:
                    self.stage.fail(f"outputs do not come; see {job.log}")

    def end(self, job):
        """After all outputs have come: ([(ns, outputs)], p50 us, p99 us)."""
        self.process.stdin.close()
        self.reader.join(SECONDS)
        self.process.wait(SECONDS)
        self.stage.probes.remove(self.process)
        if self.process.returncode or not self.done:
            self.stage.fail(f"probe flow ended with {self.process.returncode}")
        sent, seen, wrong, p50_us, p99_us = self.done
        if sent != seen or wrong:
            self.stage.fail(f"{sent} inputs, but {seen} outputs, {wrong} of them wrong; see {job.log}")
        return self.outs, p50_us, p99_us


def tell(words):
    """How far it is, on stderr; what is measured goes to stdout."""
    print(f"bench: {words}", file=sys.stderr, flush=True)


def median(rounds, name):
    return statistics.median(each[name] for each in rounds)


def spread(rounds, name, shown="{:.1f}"):
    """min..max"""
    values = [each[name] for each in rounds]
    return shown.format(min(values)) + ".." + shown.format(max(values))
