# SPDX-License-Identifier: Apache-2.0
"""Jobs on brokers for tests: a job's configuration, its processes with a state folder each, and what is done to them.

    with Job(place.path("orders"), cluster, "orders", PROGRAM, inputs=["orders"], output="booked") as job:
        one = job.start()
        one.kill()
        job.restart(one)
        job.wait_caught_up()

A process that ends unasked is a defect of the job: `job.unasked()` tells.
"""
import atexit
import json
import os
import shutil
import signal
import subprocess
import time

import story
from broker import BrokerError
from story import BUILD, Ended, check

CHAOS_JOB = os.path.join(BUILD, "tests/support/chaos-job")
STAND_IN = os.path.join(BUILD, "tests/support/standin")
FLIGHT_WATCH = os.path.join(BUILD, "jobs/flight-watch/flight-watch")
WORD_COUNT = os.path.join(BUILD, "jobs/word-count/word-count")
# Session time-outs as short as a busy machine allows; the broker's own least is lowered to it.
SESSION_MS, HEARTBEAT_MS = 3000, 300
BROKER_CONFIG = {"group.min.session.timeout.ms": 1000,
                 # How soon after its time-out a transaction of a process that is gone is ended; 10 s otherwise.
                 "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500,
                 "log.cleaner.backoff.ms": 200, "log.retention.check.interval.ms": 1000}

EVERY = []


@atexit.register
def end_every():
    for process in EVERY:
        process.end()


def wait_for(holds, what, seconds=story.PATIENCE, pause=0.05):
    """Polls until it holds, and says how long that took; a broker that is away is asked again."""
    began = time.monotonic()
    said = ""
    while True:
        try:
            if holds():
                return time.monotonic() - began
        except (BrokerError, OSError) as why:
            said = f"; the broker: {why}"
        check(time.monotonic() - began < seconds, f"waited {seconds} s in vain: {what}{said}")
        time.sleep(pause)


class Process:
    """One process of a job, in a state folder that may see several lives."""

    def __init__(self, job, number):
        self.job, self.number = job, number
        self.folder = os.path.join(job.folder, f"process-{number}")
        self.state = os.path.join(self.folder, "state")
        self.config = os.path.join(self.folder, "job.json")
        self.log = os.path.join(self.folder, "log")
        self.process, self.is_stopped, self.lives = None, False, 0
        os.makedirs(self.state)
        EVERY.append(self)

    def __repr__(self):
        return f"{self.job.name}-{self.number}"

    def command(self, *more):
        return [self.job.program, "run", "--config", self.config, *more]

    def configure(self):
        # JSON is YAML.
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(self.job.configuration(self), file, indent=1)

    def start(self, *more, env=None):
        check(not self.is_running, f"{self} runs already")
        self.lives += 1
        self.configure()
        with open(self.log, "ab") as log:
            log.write(f"---- life {self.lives} {' '.join(more)}\n".encode())
            log.flush()
            self.process = subprocess.Popen(self.command(*more), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.job.environment(self, **(env or {})),
                                            start_new_session=True)
        # However this test ends, the cluster's keeper ends the process.
        self.job.cluster.keep(self.process.pid)
        self.is_stopped = False
        return self

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.is_running:
            self.process.send_signal(number)

    def kill(self):
        """kill -9; returns when it is gone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def freeze(self):
        self.signal(signal.SIGSTOP)
        self.is_stopped = True

    def thaw(self):
        self.signal(signal.SIGCONT)
        self.is_stopped = False

    def stop(self):
        """SIGTERM; its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self, seconds=60):
        """The exit status; it is no surprise any more."""
        if self.process is None:
            return None
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} does not end; {self.last_words()}") from None
        self.job.cluster.forget(self.process.pid)
        self.process = None
        return status

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.job.cluster.forget(self.process.pid)
            self.process = None

    def said(self):
        """Its log of all lives."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def said_now(self):
        """The log of the last life."""
        return self.said().rpartition("---- life")[2]

    def last_words(self, count=12):
        return f"the end of {self}'s log:\n" + "".join(self.said().splitlines(True)[-count:])


class Job:
    """
    folder    where all of it goes
    cluster   brokers; the job's connections go through the proxy if there is one
    name      also the group's
    settings  more configuration, {"section": {"key": value}}
    """

    def __init__(self, folder, cluster, name, program, inputs, output, settings=None, env=None):
        self.folder, self.cluster, self.name, self.program = folder, cluster, name, program
        self.inputs, self.output = inputs, output
        self.settings, self.env = settings or {}, env or {}
        self.processes = []
        self.count = 0
        os.makedirs(folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.end()

    def configuration(self, process):
        config = {
            "job": {"name": self.name},
            "input": {"topics": self.inputs, "format": "json", "on-error": "dlq"},
            "output": {"topic": self.output, "format": "json", "dlq-topic": self.name + "-dlq"},
            "state": {"dir": process.state},
            "action-state": {"topic": self.name + "-actions"},
            "kafka": {"bootstrap.servers": self.cluster.proxied_brokers if self.cluster.proxy else self.cluster.brokers,
                      "client.id": repr(process), "session.timeout.ms": SESSION_MS,
                      "heartbeat.interval.ms": HEARTBEAT_MS, "auto.offset.reset": "earliest"},
        }
        for section, values in self.settings.items():
            if isinstance(values, dict):
                config[section] = dict(config.get(section, {}), **values)
            else:
                config[section] = values
        return config

    def environment(self, process, **more):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "STANDIN_"))}
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=0:handle_segv=0:handle_abort=0:allow_user_segv_handler=1")
        if self.program == STAND_IN:
            config = self.configuration(process)
            environment.update(
                STANDIN_BROKERS=config["kafka"]["bootstrap.servers"], STANDIN_INPUT=self.inputs[0],
                STANDIN_OUTPUT=self.output, STANDIN_CHANGELOG=self.name + "-changelog", STANDIN_GROUP=self.name,
                STANDIN_ID=repr(process), STANDIN_SESSION_MS=str(SESSION_MS), STANDIN_FOLDER=process.state)
        environment.update(self.env)
        environment.update(more)
        return environment

    # ---- processes -------------------------------------------------------------------------------------------------

    def start(self, *more, **env):
        """A new process, with a state folder of its own."""
        self.count += 1
        process = Process(self, self.count)
        self.processes.append(process)
        return process.start(*more, **env)

    def running(self):
        return [process for process in self.processes if process.is_running and not process.is_stopped]

    def unasked(self):
        """Takes notice of those that have ended by themselves: (process, exit status)."""
        ended = [process for process in self.processes if process.process is not None and not process.is_running]
        return [(process, process.wait()) for process in ended]

    def stop_all(self):
        """All by SIGTERM at once; the exit statuses."""
        for process in self.processes:
            process.signal(signal.SIGTERM)
        return [status for status in (process.wait() for process in self.processes) if status is not None]

    def start_all(self, *more):
        for process in self.processes:
            if not process.is_running:
                process.start(*more)

    def tool(self, verb, *words, process=None, patience=60):
        """`JOB parked --config …`, `JOB resolve --config …`."""
        process = process or self.processes[0]
        process.configure()
        ended = subprocess.run([self.program, verb, "--config", process.config, *words], stdin=subprocess.DEVNULL,
                               capture_output=True, check=False, timeout=patience, cwd=process.folder,
                               env=self.environment(process))
        return Ended(ended.returncode, ended.stdout, ended.stderr.decode("utf-8", "replace"))

    def parked(self):
        """What is parked, whichever process has it."""
        found = {}
        for process in self.processes:
            ended = self.tool("parked", process=process)
            check(ended.status == 0, f"parked of {process}: status {ended.status}: {ended.err}")
            for line in ended.out.splitlines():
                one = json.loads(line)
                found[one["run"], one["attempt"], one["call"]] = one
        return list(found.values())

    def resolve(self, parked, *how):
        return self.tool("resolve", parked["run"], "--attempt", str(parked["attempt"]), *how)

    # ---- the group -------------------------------------------------------------------------------------------------

    def members(self):
        return self.cluster.group(self.name)["members"]

    def wait_settled(self, count, seconds=story.PATIENCE):
        """The group has this many members, and each has what it will have."""
        def holds():
            group = self.cluster.group(self.name)
            return len(group["members"]) == count and (group["state"] == "Stable" or not count)
        return wait_for(holds, f"{self.name} has not settled with {count} members", seconds)

    def committed(self):
        """The group's offsets: {topic: [offset, …]}, 0 for none."""
        return {topic: [max(offset, 0) for offset, _ in self.cluster.offsets(self.name, topic)]
                for topic in self.inputs}

    def ends(self):
        return {topic: self.cluster.ends(topic) for topic in self.inputs}

    def wait_committed(self, ends, seconds=story.PATIENCE, watch=None, excuse=None):
        """Until the group's offsets are at least these; as long as they move on, there is time. What `watch` raises is
        the end of it; and `excuse`, asked with the offsets when they have stood still for 10 s, may let them stand."""
        began = moved = time.monotonic()
        before = have = None
        said = ""
        while True:
            if watch:
                watch()
            try:
                have = self.committed()
                if all(mine >= end for topic in ends for mine, end in zip(have[topic], ends[topic])):
                    return time.monotonic() - began
            except BrokerError as why:
                said = f"; the broker: {why}"
            if have != before:
                before, moved = have, time.monotonic()
            if excuse and have and time.monotonic() - moved > 10 and excuse(have, ends):
                return time.monotonic() - began
            if time.monotonic() - moved > seconds:
                words = "\n".join(process.last_words() for process in self.processes if process.is_running)
                raise AssertionError(f"{self.name} stands still for {seconds} s at {have}, want {ends}{said}\n{words}")
            time.sleep(0.1)

    def wait_caught_up(self, seconds=story.PATIENCE, watch=None, excuse=None):
        return self.wait_committed(self.ends(), seconds, watch, excuse)

    def keep_copy(self, process, name):
        """A copy of its state folder as it is; the process must not run."""
        check(not process.is_running, f"{process} runs")
        copy = os.path.join(self.folder, name)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(process.state, copy)
        return copy

    def put_back(self, process, copy):
        check(not process.is_running, f"{process} runs")
        shutil.rmtree(process.state)
        shutil.copytree(copy, process.state)
