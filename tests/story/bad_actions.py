#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Actions that fail, crash, leave, or never end: they are named, and cost no other record."""
import json
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
from story import check, complains, done, same, tell  # noqa: E402

GOOD = b'{"key":"a","value":1}'
BEFORE = b'{"a":1}\n{"a":2}\n'
OTHERS = b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n'
ALL = b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n{"a":5}\n'


def write(place, **what):
    """Two good records, a faulty one, two good ones."""
    place.write(GOOD, GOOD, {"key": "a", "value": what}, GOOD, GOOD)


def fails(place, *words, **what):
    write(place, **what)
    complains(place.run(state=False), 1, "input.jsonl:3", *words)
    same(place.read(), BEFORE, "what came before, without a state")
    os.remove(place.output)
    for _ in range(2):
        complains(place.run(), 1, "input.jsonl:3", *words)
        same(place.read(), BEFORE, "what came before")
    # Mended, the record runs, and nothing was lost.
    done(place.run(calm=True))
    same(place.read(), ALL)
    same(place.read(), place.undisturbed())


def is_passed_over(place, *words, **what):
    for on_error in "skip", "dlq":
        for name in os.listdir(place.folder):
            os.remove(place.path(name))
        write(place, **what)
        settings = [f"input.on-error={on_error}", "output.dlq-file=dead.jsonl"]
        state = place.path(on_error)
        complains(place.run(settings=settings, state=state), 0, "1 records passed over")
        same(place.read(), OTHERS, f"the others' outputs with {on_error}")
        done(place.run(settings=settings, state=state))
        same(place.read(), OTHERS, f"after another start with {on_error}")
        shutil.rmtree(state)
        if on_error == "dlq":
            dead = json.loads(place.read("dead.jsonl"))
            same((dead["line"], dead["index"]), (3, 2), "place of the dead letter")
            same(dead["record"], {"key": "a", "value": what, "timestamp": 0}, "the dead letter")
            for word in words:
                check(word in dead["error"], f"no '{word}' in {dead['error']}")


def crashes(place, cause, *words, status=None, **what):
    """Three times it ends the process; the fourth start passes it to input.on-error."""
    write(place, **what)
    for _ in range(3):
        complains(place.run(), status, "act'", "record 2", *words)
        same(place.read(), BEFORE[:len(place.read())], "what came before")
    complains(place.run(), 1, "input.jsonl:3", "3 times", "input.max-crashes", "act", cause)
    same(place.read(), BEFORE, "what came before")
    complains(place.run(settings=["input.on-error=dlq", "output.dlq-file=dead.jsonl"]), 0, "1 records passed over")
    same(place.read(), OTHERS, "the others' outputs, each once")
    same(json.loads(place.read("dead.jsonl"))["record"]["value"], what, "the dead letter")
    done(place.run())
    same(place.read(), OTHERS, "after one more start")


def crashes_and_is_mended(place, status, **what):
    write(place, **what)
    for _ in range(2):
        complains(place.run(), status, "record 2")
    done(place.run(calm=True))
    same(place.read(), ALL)
    same(place.read(), place.undisturbed())


def an_action_that_fails_is_named_with_its_record(place):
    fails(place, "act", "told to fail", do="fail")


def an_action_that_returns_a_code_without_words_is_named(place):
    fails(place, "act", do="code")


def a_failed_record_is_passed_over_or_a_dead_letter(place):
    is_passed_over(place, "act", "told to fail", do="fail")


def a_cycle_of_events_is_named(place):
    fails(place, "ping", "pong", "limits.events-per-run", do="cycle")


def a_cycle_of_events_is_passed_over(place):
    is_passed_over(place, "ping", do="cycle")


def a_crash_names_its_action_and_its_record(place):
    write(place, do="segv")
    complains(place.run(state=False), -signal.SIGSEGV, "act", "SIGSEGV", "record 2")


def a_segmentation_fault_is_passed_over_after_three_crashes(place):
    crashes(place, "SIGSEGV", "SIGSEGV", "input.max-crashes", status=-signal.SIGSEGV, do="segv")


def a_write_to_nowhere_is_passed_over_after_three_crashes(place):
    crashes(place, "SIGSEGV", "SIGSEGV", "input.max-crashes", status=-signal.SIGSEGV, do="null", at=4096)


def an_abort_is_passed_over_after_three_crashes(place):
    crashes(place, "SIGABRT", "SIGABRT", "input.max-crashes", status=-signal.SIGABRT, do="abort")


def an_overflow_is_passed_over_after_three_crashes(place):
    crashes(place, "stack-overflow", "overflowed its stack of 256 KiB", "limits.stack-kb",
            status=-signal.SIGSEGV, do="overflow")


def an_exit_is_passed_over_after_three_crashes_and_never_looks_like_success(place):
    crashes(place, "exit()", "called exit()", "input.max-crashes", status=1, do="exit")


def a_crash_that_was_mended_leaves_nothing_behind(place):
    crashes_and_is_mended(place, -signal.SIGSEGV, do="segv")


def an_exit_that_was_mended_leaves_nothing_behind(place):
    crashes_and_is_mended(place, 1, do="exit")


def two_records_that_crash_are_both_passed_over(place):
    place.write(GOOD, {"key": "a", "value": {"do": "segv"}}, GOOD, {"key": "b", "value": {"do": "abort"}}, GOOD)
    settings = ["input.on-error=skip"]
    statuses = [place.run(settings=settings).status for _ in range(7)]
    same(statuses, [-signal.SIGSEGV] * 3 + [-signal.SIGABRT] * 3 + [0], "exit statuses")
    same(place.read(), b'{"a":1}\n{"a":2}\n{"a":3}\n')


def max_crashes_may_be_one(place):
    write(place, do="abort")
    settings = ["input.max-crashes=1", "input.on-error=skip"]
    complains(place.run(settings=settings), -signal.SIGABRT, "record 2")
    complains(place.run(settings=settings), 0, "1 records passed over")
    same(place.read(), OTHERS)


def a_crash_among_many_records_loses_none_of_them(place):
    lines = [b'{"key":"%d","value":1}' % (n % 97) for n in range(20000)]
    lines[15000] = b'{"key":"x","value":{"do":"segv"}}'
    place.write(*lines)
    settings = ["input.on-error=skip", "commit-interval-ms=5", "commit-max-runs=500"]
    for _ in range(3):
        complains(place.run(settings=settings), -signal.SIGSEGV, "record 15000")
    complains(place.run(settings=settings), 0, "1 records passed over")
    del lines[15000]
    place.write(*lines, name="others.jsonl")
    same(place.read(), place.undisturbed(name="others.jsonl"))


tell()
