#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The chaos test's own test: on a bare job that is right it finds nothing, and on one that is wrong it finds what."""
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from broker import Record  # noqa: E402
from chaos_check import Counting  # noqa: E402
from story import check, same, tell  # noqa: E402

CHAOS = os.path.join(os.environ["top_srcdir"], "tests/broker/chaos.py")


def chaos(stand_in, only, events=2, records=8000):
    """The claims that did not hold, and all that was said."""
    ended = subprocess.run([sys.executable, "-B", CHAOS, "--events", str(events), "--records", str(records),
                            "--seed", "2", "--only", only, "--stand-in", *stand_in], capture_output=True, check=False,
                           timeout=280)
    said = ended.stdout.decode() + ended.stderr.decode()
    check(ended.returncode == 0, f"status {ended.returncode}: {said}")
    check(said.count("\nok ") + said.count("\nnot ok ") == 7, f"not all claims were judged: {said}")
    return [line.rpartition(" - ")[2] for line in said.splitlines() if line.startswith("not ok")], said


def finds(stand_in, only, claim, *words):
    failed, said = chaos([stand_in], only)
    check(claim in failed, f"{stand_in} was not found: {failed}\n{said}")
    for word in words:
        check(f"# {word}:" in said, f"no '{word}' in: {said}")


EACH, GAPLESS = "each_record_is_counted_once_and_in_order", "counters_are_gapless_and_no_deletion_is_forgotten"


def each_kind_of_mistake_has_a_name(place):
    del place

    def judged(*outputs):
        counting = Counting(random.Random(1), 1)
        for _ in range(3):
            counting.draw()
        return sorted(counting.judge(
            Record(b"k-0", b'{"n":%d,"count":%d,"odd":%s}' % (n, count, b"true" if odd else b"false"),
                   (("weir-run", b"r%d" % run), ("weir-seq", b"0")), partition, offset)
            for offset, (n, count, odd, run, partition) in enumerate(outputs)).counts.items())
    good = [(0, 1, 0, 0, 0), (1, 2, 1, 1, 0), (2, 3, 0, 2, 0)]
    same(judged(*good), [])
    same(judged(*good[:2]), [("lost", 1)])
    same(judged(good[0], good[2]), [("lost", 1)])
    same(judged(*good, (2, 3, 0, 3, 0)), [("duplicate", 1)])
    same(judged(*good, good[2]), [("duplicate", 1), ("run id twice", 1)])
    same(judged(good[0], good[2], good[1]), [("reordered", 1)])
    same(judged(*good[:2], (2, 4, 0, 2, 0)), [("wrong count or state", 1)])
    same(judged(*good[:2], (2, 3, 1, 2, 0)), [("wrong count or state", 1)])
    same(judged(*good[:2], (2, 3, 0, 2, 1)), [("key in two partitions", 1)])
    same(judged(*good, (3, 4, 1, 3, 0)), [("unknown", 1)])


def so_has_each_mistake_of_the_writer(place):
    del place

    def judged(*written):
        counting = Counting(random.Random(1), 1)
        for _ in range(3):
            counting.draw()
        return sorted(counting.judge_input(Record(b"k-%d" % key, b'{"n":%d}' % n, (), 0, offset)
                                           for offset, (key, n) in enumerate(written)).counts.items())
    same(judged((0, 0), (0, 1), (0, 2)), [])
    same(judged((0, 0), (0, 1), (0, 1), (0, 2)), [("written too often", 1)])
    same(judged((0, 0), (0, 2)), [("not written", 1)])
    same(judged((0, 0), (0, 2), (0, 1)), [("written out of order", 1)])
    same(judged((0, 0), (0, 1), (0, 2), (1, 0)), [("written and not drawn", 1)])


def a_job_that_is_right_passes(place):
    del place
    failed, said = chaos([], "killed,commit_late,offsets_reset,frozen", events=4)
    same(failed, [], said)


def offsets_before_outputs_are_found_as_loss(place):
    del place
    finds("loss", "killed", EACH, "lost")


def outputs_outside_of_transactions_are_found_as_duplicates(place):
    del place
    finds("duplicates", "killed", EACH, "duplicate")


def outputs_out_of_order_are_found(place):
    del place
    finds("reorder", "connections_cut", EACH, "reordered")


def a_state_that_is_not_read_back_is_found(place):
    del place
    finds("forget", "killed", GAPLESS, "wrong count or state")


def offsets_of_somebody_else_that_are_obeyed_are_found(place):
    del place
    finds("obey", "offsets_reset", "each_event_is_survived")


def a_commit_that_ends_a_later_transaction_is_found(place):
    del place
    failed, said = chaos(["trust"], "commit_late", events=8, records=30000)
    check(EACH in failed, f"it was not found: {failed}\n{said}")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
tell()
