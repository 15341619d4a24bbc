#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""State that goes on elsewhere: from 1.20 to 2.2 with the same JAR, in other parallelisms, behind savepoints that are
taken in the midst of the input, and from a checkpoint that a canceled job left; and a failure when there is none yet.
What Kafka has in the end, read_committed, is per key, byte for byte, what `local` prints."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from flink_job import Clusters, Run, flights, kill_worker, nothing_is_left, unavailable, workers_of  # noqa: E402
from kafka_job import BROKER_CONFIG, FLIGHT_WATCH  # noqa: E402
from story import check, same, tell  # noqa: E402

# Flink's own default follows from the first parallelism, and state is bound to it for good.
MAX_PARALLELISM = ["-Dpipeline.max-parallelism=128"]


def stopped(run):
    """A savepoint, with which the job has ended while input came."""
    began, before = time.monotonic(), run.written
    run.may_write(0.1)
    savepoint = run.cluster.stop_with_savepoint(run.job)
    run.cluster.wait_state(run.job, "FINISHED")
    nothing_is_left(run.cluster)
    check(before < run.written < len(run.lines), f"no input came while it stopped: {before}, {run.written}")
    print(f"# stopped in {time.monotonic() - began:.1f} s, {run.seen} of {run.total} outputs are there, "
          f"{run.written} of {len(run.lines)} inputs")
    return savepoint


def newest_checkpoint(cluster, job):
    return cluster.checkpoints(job)["latest"]["completed"]["external_path"]


def start(run, cluster, parallelism, savepoint=None):
    run.start(cluster, parallelism=parallelism, savepoint=savepoint, options=MAX_PARALLELISM)
    same(len(workers_of(cluster, FLIGHT_WATCH)), parallelism, "workers")
    print(f"# Flink {cluster.version}, parallelism {parallelism}: {run.check_names()}")


def goes_on(run, more=20):
    """There are new outputs: the checkpoints behind them are complete."""
    run.may_write(0.1)
    run.wait_outputs(least=min(run.seen + more, run.total))


def a_job_goes_from_1_20_to_2_2_and_from_2_to_3_and_back(place):
    run = Run(place, KAFKA, "moving", FLIGHT_WATCH, flights())
    start(run, CLUSTERS["1.20.3"], 2)
    run.feed(lots=150)
    goes_on(run)
    savepoint = stopped(run)
    cluster = CLUSTERS["2.2.1"]
    start(run, cluster, 3, savepoint)
    goes_on(run)
    savepoint = stopped(run)
    start(run, cluster, 2, savepoint)
    goes_on(run)
    cluster.cancel(run.job)
    checkpoint = newest_checkpoint(cluster, run.job)
    nothing_is_left(cluster)
    check(run.written < len(run.lines), "the input was over before the job")
    start(run, cluster, 3, checkpoint)
    run.wait_fed()
    run.finish()


def a_failure_before_the_first_checkpoint_begins_again(place):
    run = Run(place, KAFKA, "early", FLIGHT_WATCH, flights(10))
    run.write(0.5)
    cluster = CLUSTERS["2.2.1"]
    # Checkpoints are those that are asked for.
    run.start(cluster, "--set", "flink.worker-restarts=0", parallelism=1,
              options=["-Dexecution.checkpointing.interval=1 h"])
    cluster.wait(lambda: any(map(int, cluster.metrics(run.job, "weir.inputs", "logbook").values())),
                 "no input has come")
    kill_worker(cluster, FLIGHT_WATCH)
    same(cluster.checkpoints(run.job)["counts"]["completed"], 0, "checkpoints before the failure")
    cluster.wait(lambda: cluster.exceptions(run.job), "the failure is not in the job's exceptions")
    check("by signal 9" in cluster.exceptions(run.job)[0], cluster.exceptions(run.job)[0][:300])
    run.write()
    cluster.wait(lambda: cluster.checkpoint(run.job) or run.seen >= run.total, "not all outputs can be read")
    run.finish()


why = unavailable()
if why:
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as KAFKA:
    with Clusters(slots=3, conf={"metrics.fetcher.update-interval": 100,
                                 "execution.checkpointing.interval": "300 ms"}) as CLUSTERS:
        tell()
