# SPDX-License-Identifier: Apache-2.0
"""What happens to jobs and brokers in the chaos test, by chance: each event is a method of Events, named as it is
counted. It ends when what it did has been seen to have happened; the caller then waits until the job has gone on."""
import json
import os
import re
import shutil
import subprocess
import threading
import time

import broker
from kafka_job import SESSION_MS, STAND_IN, wait_for
from story import PATIENCE, check

MOST_PROCESSES, LEAST_PROCESSES = 4, 2

def short_memory(milliseconds):
    """Of a job's changelog, so that what is deleted is soon forgotten."""
    return ["cleanup.policy=compact", f"delete.retention.ms={milliseconds}", "segment.ms=1000",
            "min.cleanable.dirty.ratio=0.01", "max.compaction.lag.ms=2000"]


STAND_IN_MEMORY = short_memory(2000)
LEAST_MEMORY = short_memory(60000)  # a job takes no less


class Feeder:
    """Writes a job's input through one producer, at a rate, as much as it is allowed to. Brokers that are away are
    waited for."""

    def __init__(self, cluster, topic, draw, rate):
        self.draw, self.rate = draw, rate
        self.sent = self.allowed = 0
        self.is_over = False
        self.changed = threading.Condition()
        self.process = subprocess.Popen([broker.TOPIC, cluster.brokers, "write", topic, "plain"],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.thread = threading.Thread(target=self.feed, daemon=True)
        self.thread.start()

    def allow(self, count):
        with self.changed:
            self.allowed += count
            self.changed.notify_all()

    def feed(self):
        due = time.monotonic()
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.sent < self.allowed or self.is_over)
                if self.sent >= self.allowed:
                    return
                lot = min(self.allowed - self.sent, max(1, self.rate // 50))
            lines = []
            for _ in range(lot):
                key, value = self.draw()
                lines.append(json.dumps({"key": key, "value": json.dumps(value, separators=(",", ":"))}))
            try:
                self.process.stdin.write("".join(line + "\n" for line in lines).encode())
                self.process.stdin.flush()
            except BrokenPipeError:
                return  # finish() says why
            with self.changed:
                self.sent += lot
                self.changed.notify_all()
            # The load of the test, not a wait for something.
            due = max(due + lot / self.rate, time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))

    def wait_sent(self, count):
        with self.changed:
            check(self.changed.wait_for(lambda: self.sent >= count or not self.thread.is_alive(), PATIENCE),
                  "the input is not taken")

    def finish(self):
        """All that was allowed is in the topic, acknowledged."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        self.thread.join()
        _, said = self.process.communicate(timeout=PATIENCE)
        check(self.process.returncode == 0, f"the input's writer ended with {self.process.returncode}: {said.decode()}")

    def halt(self):
        """No more than what has been sent by now, and that is acknowledged."""
        with self.changed:
            self.allowed = self.sent
        self.finish()

    def close(self):
        with self.changed:
            self.is_over, self.allowed = True, self.sent
            self.changed.notify_all()
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Events:
    """
    cluster  with a proxy
    chance   draws all that is by chance
    watch    called while something is waited for; takes notice of processes that ended unasked
    """

    def __init__(self, cluster, chance, watch):
        self.cluster, self.chance, self.watch = cluster, chance, watch

    @staticmethod
    def kinds(nodes):
        kinds = [name for name, value in vars(Events).items() if callable(value) and getattr(value, "is_event", False)]
        return [name for name in kinds if nodes > 1 or not getattr(Events, name).needs_three]

    def wait_for(self, holds, what, seconds=PATIENCE):
        def watched():
            self.watch()
            return holds()
        return wait_for(watched, what, seconds)

    # ---- processes -------------------------------------------------------------------------------------------------

    def killed(self, job):
        """kill -9, and back at once, or when the others have taken over."""
        victims = self.chance.sample(job.running(), 1 if self.chance.random() < 0.8 else len(job.running()))
        for victim in victims:
            victim.kill()
        if len(job.running()) > 0 and self.chance.random() < 0.5:
            count = len(job.running())
            self.wait_for(lambda: len(job.members()) == count, f"{job.name}: the dead leave the group")
        for victim in victims:
            victim.start()
        return ", ".join(map(str, victims))

    def frozen(self, job):
        """A zombie: stopped for longer than the session time-out, and then it goes on as if nothing had been."""
        victim = self.chance.choice(job.running())
        count = len(job.running())
        victim.freeze()
        try:
            self.wait_for(lambda: len(job.members()) < count, f"{job.name}: the frozen leave the group")
        finally:
            victim.thaw()
        return str(victim)

    def added(self, job):
        resting = [process for process in job.processes if not process.is_running]
        if len(job.running()) >= MOST_PROCESSES:
            return self.removed(job)
        if resting and self.chance.random() < 0.5:
            return str(self.chance.choice(resting).start())
        return str(job.start())

    def removed(self, job):
        """A clean stop, for some time."""
        if len(job.running()) <= LEAST_PROCESSES:
            return self.added(job)
        victim = self.chance.choice(job.running())
        status = victim.stop()
        check(status == 0, f"{victim} ended with {status} when asked to; {victim.last_words()}")
        return str(victim)

    def same_folder(self, job):
        """A second process on the state folder of one that runs: it refuses, and the first goes on."""
        first = self.chance.choice(job.running())
        ended = subprocess.run(first.command(), cwd=first.folder, stdin=subprocess.DEVNULL, capture_output=True,
                               check=False, timeout=PATIENCE, env=job.environment(first))
        said = ended.stderr.decode(errors="replace")
        check(ended.returncode == 3, f"a second process on the folder of {first} ended with {ended.returncode}: {said}")
        check(first.is_running, f"{first} ended when another wanted its folder")
        return str(first)

    def old_folder(self, job):
        """A state folder as it was some time ago."""
        victim = self.chance.choice(job.running())
        victim.kill()
        copy = job.keep_copy(victim, "old")
        victim.start()
        mark = [end + 500 for end in self.cluster.ends(job.inputs[0])]
        deadline = time.monotonic() + 5
        self.wait_for(lambda: self.cluster.ends(job.inputs[0]) >= mark or time.monotonic() > deadline, "input")
        job.wait_caught_up(watch=self.watch, excuse=lambda have, ends: True)
        victim.kill()
        job.put_back(victim, copy)
        victim.start()
        return str(victim)

    def folder_gone(self, job):
        """A state folder that is lost, with the process that had it."""
        victim = self.chance.choice(job.running())
        victim.kill()
        for entry in os.listdir(victim.state):
            shutil.rmtree(os.path.join(victim.state, entry), ignore_errors=True)
            if os.path.exists(os.path.join(victim.state, entry)):
                os.unlink(os.path.join(victim.state, entry))
        victim.start()
        return str(victim)

    # ---- brokers ---------------------------------------------------------------------------------------------------

    def broker_stopped(self, job):
        return self.restart_broker(broker.Node.stop)

    def broker_killed(self, job):
        return self.restart_broker(broker.Node.kill)

    def restart_broker(self, end):
        node = self.chance.choice(self.cluster.nodes)
        if len(self.cluster.nodes) > 1:
            end(node)
            self.cluster.wait_ready()
            node.start()
            self.cluster.wait_ready()
            return f"node {node.number}"
        lost = self.cluster.restart_alone(node, end)
        return f"node {node.number}" + (f", which lost {len(lost)} markers: {'; '.join(lost)}" if lost else "")

    def leaders_moved(self, job):
        """A node that is stopped in the middle of everything loses its leaders, and wakes up when others have them."""
        node = self.chance.choice(self.cluster.nodes)
        others = [other for other in self.cluster.nodes if other is not node]
        node.pause()
        try:
            self.wait_for(lambda: all(node.number not in broker.ask_metadata(other.port)[0] for other in others),
                          "the others take over")
        finally:
            node.resume()
        self.cluster.wait_ready()
        return f"node {node.number}"

    # ---- the network -----------------------------------------------------------------------------------------------

    def commit_unanswered(self, job):
        """The commit was made, and nobody is told."""
        return self.meet("lose-answer", ["EndTxn"], times=self.chance.randint(1, 3))

    def commit_late(self, job):
        """The commit arrives when its sender has given it up."""
        return self.meet("late-request", ["EndTxn"], ms=self.chance.choice([50, 300, 1000, 3000]))

    def coordinator_cut(self, job):
        """What leads to a commit is not delivered, or not answered."""
        return self.meet(self.chance.choice(["lose-request", "lose-answer"]),
                         [self.chance.choice(["AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit"])],
                         times=self.chance.randint(1, 3))

    def coordinator_slow(self, job):
        return self.meet(self.chance.choice(["hold-request", "hold-answer"]),
                         ["EndTxn", "TxnOffsetCommit", "Heartbeat"], times=6,
                         ms=self.chance.choice([200, 1000, SESSION_MS + 1000]))

    def writes_unanswered(self, job):
        return self.meet(self.chance.choice(["lose-request", "lose-answer"]), ["Produce"],
                         times=self.chance.randint(1, 8))

    def connections_cut(self, job):
        return f"{sum(self.cluster.proxy.cut() for _ in range(self.chance.randint(1, 3)))} connections"

    def meet(self, does, apis, times=1, ms=0):
        """Until it has met a request, of whichever job."""
        rule = self.cluster.proxy.fault(does, *apis, times=times, ms=ms)
        self.wait_for(lambda: self.cluster.proxy.hits(rule) >= 1, f"{does} of {apis}")
        return f"{does} {'/'.join(apis)} {times} times" + (f", {ms} ms" if ms else "")

    # ---- offsets ---------------------------------------------------------------------------------------------------

    def stop_and_empty(self, job):
        statuses = job.stop_all()
        check(not any(statuses), f"{job.name}: exit statuses {statuses} when asked to stop\n" +
              "\n".join(process.last_words() for process in job.processes))
        self.wait_for(lambda: not job.members(), f"{job.name}: an empty group")

    def offsets_deleted(self, job):
        """As if they had expired: it goes on by itself, from its changelog, and says so."""
        count = len(job.running())
        self.stop_and_empty(job)
        for topic in job.inputs:
            self.cluster.admin("delete-offsets", job.name, topic)
        started = job.processes[:count]
        for process in started:
            process.start()
        self.wait_for(lambda: all(offset >= 0 for offset, _ in self.cluster.offsets(job.name, job.inputs[0])),
                      f"{job.name}: the group has offsets again")
        check(any(re.search("has no offset any more", process.said_now()) for process in job.running()),
              f"{job.name}: nobody says that the offsets were gone\n" +
              "\n".join(process.last_words() for process in started))
        return job.name

    def offsets_reset(self, job):
        """By somebody else: it refuses; told to resume, it goes on from its changelog."""
        count = len(job.running())
        self.stop_and_empty(job)
        where = self.chance.choice(["the start", "the end", "the middle"])
        for topic in job.inputs:
            ends, have = self.cluster.ends(topic), [offset for offset, _ in self.cluster.offsets(job.name, topic)]
            wanted = {"the start": [0 for _ in ends], "the end": ends, "the middle": [offset // 2 for offset in have]}
            self.cluster.admin("set-offsets", job.name, topic,
                               *[one if one != mine else max(0, one - 1) for one, mine in zip(wanted[where], have)])
        started = job.processes[:count]
        first = started[0].start()
        status = first.wait(30)
        check(status == 3, f"{first} ended with {status} on offsets that somebody has set; {first.last_words()}")
        check("--resume" in first.said_now(), f"{first} does not say what helps; {first.last_words()}")
        for process in started:
            process.start("--resume")
        self.wait_for(lambda: all(metadata for _, metadata in self.cluster.offsets(job.name, job.inputs[0])) or
                      job.program == STAND_IN, f"{job.name}: the group has its own offsets again")
        return f"{job.name} to {where}"


for event in (Events.killed, Events.frozen, Events.added, Events.removed, Events.same_folder, Events.old_folder,
              Events.folder_gone, Events.broker_stopped, Events.broker_killed, Events.leaders_moved,
              Events.commit_unanswered, Events.commit_late, Events.coordinator_cut, Events.coordinator_slow,
              Events.writes_unanswered, Events.connections_cut, Events.offsets_deleted, Events.offsets_reset):
    event.is_event, event.needs_three = True, event is Events.leaders_moved
