#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The clients of src/kafka against a real broker: what their headers say is what happens."""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from story import BUILD, PATIENCE, check, same, tell  # noqa: E402

CLIENTS = os.path.join(BUILD, "tests/support/kafka-clients")


def holds(claim):
    """Runs one claim, does to the broker what it asks for, and gives what else it says."""
    node, said = CLUSTER.nodes[0], []
    with open(os.path.join(CLUSTER.folder, claim + ".err"), "w+", encoding="utf-8") as err:
        with subprocess.Popen([CLIENTS, CLUSTER.brokers, claim], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=err, text=True) as process:
            try:
                for line in process.stdout:
                    if line == "kill\n":
                        node.kill()
                    elif line == "start\n":
                        node.start()
                        CLUSTER.wait_ready()
                    else:
                        said.append(line.strip())
                        continue
                    process.stdin.write("done\n")
                    process.stdin.flush()
                status = process.wait(PATIENCE)
            finally:
                process.kill()
                if not node.is_running:
                    node.start()
                    CLUSTER.wait_ready()
        err.seek(0)
        check(status == 0, f"{claim} ended with {status}: {err.read()[-2000:]}")
    for line in said:
        if line.startswith("#"):
            print(line)
    return [line for line in said if not line.startswith("#")]


def a_topic_is_made_described_and_its_settings_are_told(place):
    del place
    told, = holds("topics")
    known, = glob.glob(os.path.join(CLUSTER.nodes[0].folder, "topics-0", "partition.metadata"))
    with open(known, encoding="ascii") as file:
        same(told, re.search(r"topic_id: (\S+)", file.read()).group(1), "the topic's id")


def a_log_has_a_start_a_stable_end_and_an_end(place):
    del place
    holds("ends")


def what_is_committed_is_stable_and_has_its_metadata(place):
    del place
    holds("committed")


def a_transaction_is_seen_when_it_is_committed_and_its_ends_are_known(place):
    del place
    holds("transaction")
    read = CLUSTER.read("transaction")
    same([record[:4] for record in read],
         [(b"foobar", value, (("h", b"x"), ("none", None)), 0) for value in (b"one", b"", b"three")], "records")
    same({record.timestamp_ms for record in read}, {1234567890123}, "timestamps")


def a_zombie_is_fenced_and_leaves_nothing(place):
    del place
    holds("zombie")


def an_old_generation_is_refused_and_after_an_abort_the_same_goes_on(place):
    del place
    holds("old_generation")


def a_record_that_can_never_be_written_fails_and_says_why(place):
    del place
    holds("failures")


def a_journal_keeps_its_order_and_tells_each_record_once(place):
    del place
    holds("journal")
    same([int(record.value) for record in CLUSTER.read("journal")][:20005], list(range(20005)), "journal")


def a_reader_tells_of_gaps_before_and_behind_the_log(place):
    del place
    holds("gap")


def a_reader_tells_each_time_when_it_is_at_the_end(place):
    del place
    holds("follow")


def a_hold_loses_nothing_and_doubles_nothing(place):
    del place
    holds("hold")


def a_rebalance_waits_for_its_answer(place):
    del place
    holds("rebalance")


def a_static_member_is_fenced_by_its_double(place):
    del place
    holds("static_member")


def a_start_where_the_log_is_not_is_said(place):
    del place
    holds("out_of_range")


def brokers_may_go_and_come_and_nothing_hangs(place):
    del place
    holds("away")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster() as CLUSTER:
    tell()
