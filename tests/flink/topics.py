#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Input topics that are deleted and made anew: an offset in a job's state is of the topic that it was read from, and
never goes for another of the same name."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import flink  # noqa: E402
from flink_job import OLD, Run, kill_worker, nothing_is_left, unavailable  # noqa: E402
from kafka_job import BROKER_CONFIG, WORD_COUNT  # noqa: E402
from story import check, tell, wait_until  # noqa: E402


def words(place, name):
    """A run that has read the first half of its input, and has a checkpoint behind it."""
    run = Run(place, KAFKA, name, WORD_COUNT,
              [{"key": f"key {n % 7}", "value": f"word {n}", "timestamp": n} for n in range(420)])
    run.start(FLINK, "--set", "flink.worker-restarts=0")
    run.write(0.5)
    run.wait_outputs(0.5)
    return run


def make_anew(run):
    """The second half stands in a topic of the same name, of which each partition has as many records as before."""
    topic = f"{run.name}-in"
    before = KAFKA.ends(topic)
    KAFKA.admin("delete", topic)
    wait_until(lambda: topic not in KAFKA.topics())
    KAFKA.create_topic(topic, 4, OLD)
    run.write()
    check(KAFKA.ends(topic) == before, f"{before} records became {KAFKA.ends(topic)}")


def refusal(run, job):
    """What the job says that ends by the refusal, without being started again and again."""
    FLINK.wait_state(job, "FAILED")
    said = next((text for text in FLINK.exceptions(job) if "made anew" in text), None)
    check(said, f"no refusal: {FLINK.exceptions(job)}")
    line = next(line for line in said.splitlines() if "made anew" in line)
    for part in f"topic '{run.name}-in', partition ", "has the id ", "flink.topic-made-anew: begin":
        check(part in line, f"'{part}' is not in: {line}")
    print(f"# {line}")
    nothing_is_left(FLINK)


def a_savepoint_of_a_topic_made_anew_is_refused_and_begins_it_when_told_to(place):
    run = words(place, "anew")
    savepoint = FLINK.stop_with_savepoint(run.job)
    FLINK.wait_state(run.job, "FINISHED")
    make_anew(run)
    refusal(run, FLINK.run(run.jar, savepoint=savepoint))
    check(run.seen == run.total // 2, f"{run.seen} outputs of a job that was refused")
    # Memory goes on, so all outputs together are those of one input.
    run.start(FLINK, "--set", "flink.topic-made-anew=begin", savepoint=savepoint)
    run.wait_outputs()
    # The next state is of the new topic.
    savepoint = FLINK.stop_with_savepoint(run.job)
    FLINK.wait_state(run.job, "FINISHED")
    run.start(FLINK, savepoint=savepoint)
    run.finish()


def a_topic_made_anew_under_a_running_job_is_met_when_it_restarts(place):
    run = words(place, "under")
    FLINK.wait_checkpoints(run.job)
    make_anew(run)
    kill_worker(FLINK, WORD_COUNT)
    refusal(run, run.job)
    with run.follower:
        pass


why = unavailable()
if why:
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as KAFKA, flink.Cluster(flink.VERSIONS[-1], conf={
        "execution.checkpointing.interval": "300 ms"}) as FLINK:
    tell()
