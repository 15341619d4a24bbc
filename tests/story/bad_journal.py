#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A journal that cannot be read: nothing is run that it may tell of, nothing is lost, and the entry is named."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
from story import BUILD, check, complains, finish, same, tell, wait_until  # noqa: E402

CALL_JOB = os.path.join(BUILD, "tests/support/call-job")
HARM = os.path.join(BUILD, "tests/support/harm-journal")
WEIR = os.path.join(BUILD, "weir")
SETTINGS = ["calls.start-lease-ms=100", "calls.margin-ms=50"]


def job(place):
    return {"job": CALL_JOB, "settings": SETTINGS, "env": {"CALL_JOB_MADE": place.path("made")}}


def calls(place):
    return len(place.read("made").splitlines()) if os.path.exists(place.path("made")) else 0


def is_killed_in_a_call(place):
    """The journal holds an intent, and nobody knows what became of it."""
    place.write({"key": "ada", "value": {"kind": "once", "until": place.path("go"), "timeout_ms": 100}},
                {"key": "bob", "value": {"kind": "once", "bytes": 1, "timeout_ms": 1000}})
    process = place.start("--follow", **job(place))
    wait_until(lambda: calls(place) == 2 and place.read() == b'{"bob":"x"}\n', process)
    process.kill()
    finish(process)


def harm(place, how):
    subprocess.run([HARM, place.path("state"), "call-job", how], check=True)


def is_refused(place, how, *words):
    is_killed_in_a_call(place)
    before = place.read()
    harm(place, how)
    for _ in range(2):
        complains(place.run(**job(place)), 3, "journal of run", *words)
        # What was written and not committed is cut back.
        check(before.startswith(place.read()), f"output: {place.read()!r}, and {before!r} before")
        same(calls(place), 2, "calls made")
    told = subprocess.run([WEIR, "journal", "--state-dir", place.path("state")], capture_output=True, text=True,
                          check=False)
    same(told.returncode, 3, "weir journal's exit status")
    check("journal: place" in told.stderr, told.stderr)
    listed = subprocess.run([CALL_JOB, "parked", "--state-dir", place.path("state")], capture_output=True, text=True,
                            check=False)
    same(listed.returncode, 3, "parked's exit status")


def an_entry_of_a_newer_version_is_refused_and_named(place):
    is_refused(place, "version", "version 99")


def an_entry_of_an_unknown_kind_is_refused_and_named(place):
    is_refused(place, "kind", "entry")


def a_damaged_entry_is_refused_and_named(place):
    is_refused(place, "damaged", "checksum")


def an_entry_cut_off_in_the_middle_is_refused_and_named(place):
    is_refused(place, "cut", "entry")


def an_entry_of_no_bytes_is_refused_and_named(place):
    is_refused(place, "empty", "cut off")


tell()
