#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A program whose stream tells nothing of positions, and gives each key's inputs in another order after a failure: what
the journal has does not fit, which is counted and logged; runs that made ONCE calls park, and outputs come once."""
import collections
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import flink  # noqa: E402
import flink_java  # noqa: E402
from broker import Record  # noqa: E402
from flink_job import Packaged, nothing_is_left, unavailable  # noqa: E402
from kafka_job import BROKER_CONFIG  # noqa: E402
from story import BUILD, SOURCE, check, done, same, tell, wait_until  # noqa: E402

CALL_JOB, WEIR = os.path.join(BUILD, "tests/support/call-job"), os.path.join(BUILD, "weir")
# The longer form has it on the other version.
VERSION = os.environ.get("WEIR_TEST_FLINK_VERSION", "2.2.1")
EACH = 5  # inputs of a key in a lot: the one in the middle keeps its number when the others change theirs


class Unplaced:
    """OwnTopic.java with a job whose runs make one call each; a record is known by the size of what that returns."""

    def __init__(self, place, cluster, made):
        self.cluster, self.made, self.job = cluster, made, None
        self.name = "unplaced"
        self.packaged = Packaged(place, CALL_JOB, {
            "job": {"name": self.name}, "action-state": {"topic": f"{self.name}-actions"},
            # The topic is not read by it, but `parked`, `resolve` and `journal` want one.
            "input": {"topics": [f"{self.name}-in"], "on-error": "skip"},
            "kafka": {"bootstrap.servers": KAFKA.brokers}}, self.name)
        self.jar = flink_java.compiled(place, cluster.version, "own-topic",
                                       os.path.join(SOURCE, "tests/flink/OwnTopic.java"))
        self.size, self.begin_ms = 0, int(time.time()) * 1000
        KAFKA.create_topic(f"{self.name}-out")
        KAFKA.create_topic(f"{self.name}-in")

    def start(self):
        # Only checkpoints that are asked for: what is behind the last one is known.
        self.job = self.cluster.run(self.jar, KAFKA.brokers, self.name, parallelism=1, options=[
            "-Dexecution.checkpointing.interval=1 h", *flink_java.with_job(self.packaged, "OwnTopic")])
        self.cluster.wait_running(self.job)

    def draw(self):
        """New records: three keys with PURE calls, one with ONCE calls."""
        lot = [key for _ in range(EACH) for key in ("a", "b", "c", "once")]
        self.size += len(lot)
        return [(key, {"kind": "once" if key == "once" else "pure", "bytes": self.size - n})
                for n, key in enumerate(lot)]

    def write(self, lot):
        """A record has the same time whenever it is written: that is a part of what is compared."""
        KAFKA.write(f"{self.name}-in", [
            Record(None, f"{key}:{json.dumps(value)}".encode(), (), None, None, self.begin_ms + value["bytes"])
            for key, value in lot])

    def replace(self, *lots):
        """The topic anew."""
        KAFKA.admin("delete", f"{self.name}-in")
        wait_until(lambda: f"{self.name}-in" not in KAFKA.topics())
        KAFKA.create_topic(f"{self.name}-in")
        for lot in lots:
            self.write(lot)

    def metric(self, name):
        """Of the agent, in this attempt."""
        found = self.cluster.metrics(self.job, f"weir.{name}", "caller")
        return sum(int(value) for full, value in found.items() if full.endswith(f".weir.{name}"))

    def calls(self):
        """How many were made."""
        with open(self.made, encoding="utf-8") as file:
            return len(file.readlines())

    def outputs(self):
        """{key: [size, …]} as whoever reads read_committed sees them."""
        found = collections.defaultdict(list)
        for record in KAFKA.read(f"{self.name}-out"):
            found[record.key.decode()].append(len(json.loads(record.value)))
        return dict(found)

    def recorded(self):
        """Of how many runs the journal knows what came of the call, or of the whole action."""
        ended = subprocess.run([WEIR, "journal", "--config", self.packaged.config], capture_output=True, check=True)
        entries = map(json.loads, ended.stdout.splitlines())
        return len({entry["run"] for entry in entries if entry["kind"] in ("outcome", "result")})

    def decide(self):
        """What is parked now fails: it was done in the life before, under another number. How many there were."""
        ended = self.packaged.tool("parked")
        done(ended)
        for line in ended.out.splitlines():
            one = json.loads(line)
            check((one["reason"], one["key"]) == ("divergence", "once"), f"this should not park: {one}")
            done(self.packaged.tool("resolve", one["run"], "--attempt", str(one["attempt"]), "--fail"))
        return len(ended.out.splitlines())


def sizes(*lots):
    found = collections.defaultdict(list)
    for lot in lots:
        for key, value in lot:
            found[key].append(value["bytes"])
    return dict(found)


def another_order_after_a_failure_diverges_and_outputs_come_once(place):
    made = place.path("made")
    with flink.Cluster(VERSION, slots=1, conf={"metrics.fetcher.update-interval": 100},
                       environment={"CALL_JOB_MADE": made}) as cluster:
        job = Unplaced(place, cluster, made)
        first, second = job.draw(), job.draw()
        job.start()
        job.write(first)
        cluster.wait(lambda: job.metric("outputs") == len(first), "the first outputs")
        cluster.checkpoint(job.job)
        cluster.wait(lambda: job.outputs() == sizes(first), "the outputs of the checkpoint")
        job.write(second)
        cluster.wait(lambda: job.metric("outputs") == len(first + second), "the second outputs")
        same(job.metric("worker.divergences"), 0, "divergences before the failure")
        same(job.calls(), len(first + second), "calls")

        cluster.wait(lambda: job.recorded() == len(first + second), "the journal has not all")

        cluster.taskmanagers[0].kill()
        another = second[::-1]
        job.replace(first, another)
        cluster.taskmanagers[0].start()
        others = EACH - EACH % 2  # of a key: what has another number than before
        kept = [(key, value) for n, (key, value) in enumerate(another) if key != "once" or n // 4 == EACH // 2]
        parked = 0

        def all_are_out():
            nonlocal parked
            parked += job.decide()
            cluster.checkpoint(job.job)
            return parked == others and len(KAFKA.read(f"{job.name}-out")) >= len(first + kept)
        cluster.wait(all_are_out, "the outputs in the other order")
        same(job.outputs(), sizes(first, kept), "outputs")
        same(job.calls(), len(first + second) + 3 * others, "calls, of which PURE ones are made again")
        cluster.wait(lambda: job.metric("worker.divergences") >= 4 * others, f"{4 * others} divergences")
        same(job.metric("worker.divergences"), 4 * others, "divergences")
        cluster.wait(lambda: job.metric("worker.runs_parked") == 0, "the worker tells of parked runs, and none is left")
        said = cluster.taskmanager_log(cluster.taskmanagers[0])
        same((said.count("the journal diverges, what is recorded is dropped run=unplaced:"),
              said.count("the journal diverges, the run is parked run=unplaced:")), (3 * others, others), "in the log")
        cluster.cancel(job.job)
        nothing_is_left(cluster)
        print(f"# Flink {VERSION}: {len(second)} inputs in another order, {4 * others} divergences, {parked} parked")


why = unavailable() or flink_java.unavailable()
if why:
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as KAFKA:
    tell()
