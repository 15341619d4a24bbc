#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs on both versions, submitted by the real client: what Kafka has in the end, read_committed, is per key, byte for
byte, what `local` prints for the same input; also after kill -9 of the worker, and of the TaskManager."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import flink  # noqa: E402
from flink_job import Clusters, Run, flights, kill_worker, unavailable, worker_of  # noqa: E402
from kafka_job import BROKER_CONFIG, FLIGHT_WATCH, WORD_COUNT  # noqa: E402
from story import check, tell, wait_until  # noqa: E402

# All faults on one version; the longer form has them on the other.
VERSION = os.environ.get("WEIR_TEST_FLINK_VERSION", "2.2.1")
OTHER = next(version for version in flink.VERSIONS if version != VERSION)


def words():
    return [{"key": word, "value": word} for word in "to be or not to be that is the qu\u00e9stion".split() * 50]


def undisturbed(place, version):
    cluster = CLUSTERS[version]
    for name, program, lines, parallelism in (("words", WORD_COUNT, words(), 1),
                                              ("flights", FLIGHT_WATCH, flights(), 2)):
        run = Run(place, KAFKA, f"{name}-{version}", program, lines)
        run.start(cluster, parallelism=parallelism)
        check(run.job in cluster.flink("list"), "flink list does not show it")
        names = run.check_names()
        began = time.monotonic()
        run.write()
        run.finish()
        print(f"# {len(run.lines)} records in {time.monotonic() - began:.1f} s; {names}")
    check("No running jobs" in cluster.flink("list"), "flink list shows a job that is over")


def killed(place, version, kill, seen):
    """`seen` tells of how many kills the cluster knows."""
    cluster = CLUSTERS[version]
    run = Run(place, KAFKA, f"{kill.__name__}-{version}", FLIGHT_WATCH, flights())
    run.start(cluster, parallelism=1)
    before = seen(run)
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
    cluster.wait(lambda: seen(run) - before >= 2, "the cluster has not seen both kills")
    run.finish()


def worker(cluster):
    kill_worker(cluster, FLIGHT_WATCH)


def taskmanager(cluster):
    pid = worker_of(cluster, FLIGHT_WATCH)
    began = time.monotonic()
    cluster.taskmanagers[0].kill()
    wait_until(lambda: pid not in cluster.processes())
    print(f"# the worker is gone {time.monotonic() - began:.1f} s after its TaskManager")
    cluster.taskmanagers[0].start()
    cluster.wait_ready()
    print(f"# another TaskManager is there after {time.monotonic() - began:.1f} s")


def workers_begun(run):
    return sum(run.cluster.taskmanager_log(server).count("worker started") for server in run.cluster.taskmanagers)


def failures(run):
    return len(run.cluster.exceptions(run.job))


def flink_1_20_has_the_outputs_of_local(place):
    undisturbed(place, "1.20.3")


def flink_2_2_has_the_outputs_of_local(place):
    undisturbed(place, "2.2.1")


def a_worker_killed_with_9_loses_and_repeats_nothing(place):
    killed(place, VERSION, worker, workers_begun)


def a_taskmanager_killed_with_9_loses_and_repeats_nothing(place):
    killed(place, VERSION, taskmanager, failures)


def nor_does_a_worker_that_is_killed_on_the_other_version(place):
    killed(place, OTHER, worker, workers_begun)


why = unavailable()
if why:
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as KAFKA:
    with Clusters(conf={"execution.checkpointing.interval": "300 ms"}) as CLUSTERS:
        tell()
