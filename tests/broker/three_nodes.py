#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Three brokers: while two of them live, what was acknowledged is there, whichever dies."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from broker import Record  # noqa: E402
from story import check, same, tell  # noqa: E402


def each_leader_that_dies_is_followed_by_another(place):
    del place
    CLUSTER.create_topic("followed", partitions=6)
    for count, node in enumerate(CLUSTER.nodes, 1):
        node.kill()
        CLUSTER.wait_ready()
        for end in "commit", "abort":
            CLUSTER.write("followed", [Record(b"%d" % n, b"%d %s" % (count, end.encode())) for n in range(100)], end)
        seen = len(CLUSTER.read("followed"))
        check(seen == 100 * count, f"{seen} records, want {100 * count}")
        node.start()
        CLUSTER.wait_ready()
    seen = {record.value for record in CLUSTER.read("followed")}
    same(sorted(seen), [b"1 commit", b"2 commit", b"3 commit"], "values")
    print(f"# most memory: {', '.join(f'{node.memory_mb()} MB' for node in CLUSTER.nodes)}")


def a_paused_leader_is_followed_by_another(place):
    del place
    CLUSTER.create_topic("paused", partitions=3)
    for node in CLUSTER.nodes:
        node.pause()
        CLUSTER.write("paused", [Record(b"%d" % n, b"") for n in range(30)])
        node.resume()
        CLUSTER.wait_ready()
    check(len(CLUSTER.read("paused")) == 90, "records are missing")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
begun = time.monotonic()
with broker.Cluster(nodes=3) as CLUSTER:
    print(f"# ready after {time.monotonic() - begun:.1f} s")
    tell()
