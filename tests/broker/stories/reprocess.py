#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`run --reprocess` throws a state away: all of a partition's, in one transaction; it says how long that took.
WEIR_TEST_KEYS says how many keys the partition has, WEIR_TEST_TRANSACTION_MS how long a transaction may take."""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from kafka_job import BROKER_CONFIG, CHAOS_JOB, Job, wait_for  # noqa: E402
from story import BUILD, check, same, tell  # noqa: E402

KEYS = int(os.environ.get("WEIR_TEST_KEYS", "20000"))
TRANSACTION_MS = int(os.environ.get("WEIR_TEST_TRANSACTION_MS", "10000"))  # as without a setting
AGAIN = 10  # records that are read again


def peak_mb(process):
    with open(f"/proc/{process.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) // 1024


def fill(topic):
    subprocess.run([broker.TOPIC, CLUSTER.brokers, "fill", topic, str(KEYS)], input=b"%d\n" % KEYS, check=True,
                   stdout=subprocess.DEVNULL, timeout=600)


def a_state_is_thrown_away_as_a_whole(place):
    for topic in "again-in", "again-out":
        CLUSTER.create_topic(topic, 1)
    with Job(place.path("again"), CLUSTER, "again", CHAOS_JOB, ["again-in"], "again-out",
             {"log": {"level": "info"}, "kafka": {"session.timeout.ms": 45000,
                                                 "transaction.timeout.ms": TRANSACTION_MS}}) as job:
        fill("again-in")
        process = job.start()
        job.wait_caught_up(600)
        before = peak_mb(process)
        check(job.stop_all() == [0], process.last_words())
        end, = CLUSTER.ends("again-in")
        CLUSTER.admin("set-offsets", "again", "again-in", str(end - AGAIN))
        process.start()
        status = process.wait()
        check(status == 3 and "--reprocess" in process.said_now(), f"exit status {status}; {process.last_words()}")
        began = time.monotonic()
        process.start("--reprocess")
        wait_for(lambda: re.search("task runs", process.said_now()), f"it runs; {process.last_words()}", 600)
        took = time.monotonic() - began
        job.wait_caught_up(600)
        check("transaction aborted" not in process.said_now(), f"it took more than one; {process.last_words()}")
        check("task is lost" not in process.said_now() and "leaving the group" not in process.said_now(),
              f"it lost its partition; {process.last_words()}")
        print(f"# {KEYS} keys were thrown away in {took:.1f} s from the start on; peak memory {peak_mb(process)} MB, "
              f"{before} MB when they were counted")
        check(job.stop_all() == [0], process.last_words())
        # What was thrown away is gone from the changelog, too: only what was read again is there, and counted anew.
        ended = subprocess.run([os.path.join(BUILD, "weir"), "state", "--config", process.config], capture_output=True,
                               check=False, timeout=600)
        check(ended.returncode == 0, ended.stderr)
        same(len(ended.stdout.splitlines()), AGAIN, "keys that have a state")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as CLUSTER:
    tell()
