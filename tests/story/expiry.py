#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Short-term memory that expires, through `local`: by the records' time, over restarts, with and without a state."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
from story import BUILD, complains, done, same, tell  # noqa: E402

WORD_COUNT = os.path.join(BUILD, "jobs/word-count/word-count")
TTL = ["state.ttl-ms=1000"]


def records(*times):
    return [{"key": "a", "value": "a", "timestamp": time} for time in times]


def counts(place, name="output.jsonl"):
    return [json.loads(line)["a"]["count"] for line in place.read(name).splitlines()]


def goes_on(place, *times, settings):
    """Another start, with these records behind those of before; the new counts."""
    before = len(counts(place)) if os.path.exists(place.output) else 0
    place.append(b"".join(json.dumps(record).encode() + b"\n" for record in records(*times)))
    done(place.run(job=WORD_COUNT, settings=settings))
    return counts(place)[before:]


def a_value_that_was_not_touched_for_its_time_is_gone(place):
    place.write(*records(0, 999, 1998, 2998, 2999))
    for state in (False, True):
        done(place.run(job=WORD_COUNT, settings=TTL, state=state))
        same(counts(place), [1, 2, 3, 1, 2])
        os.remove(place.output)


def without_a_time_to_live_nothing_expires(place):
    place.write(*records(0, 10**12))
    done(place.run(job=WORD_COUNT))
    same(counts(place), [1, 2])


def a_late_record_does_not_bring_back_what_has_expired(place):
    place.write()
    same(goes_on(place, 1000, 5000, settings=TTL), [1, 1])
    same(goes_on(place, 1500, settings=TTL), [2])  # of the value of 5000, which it touches as of then
    same(goes_on(place, 5999, settings=TTL), [3])


def a_value_expires_while_the_job_is_not_running(place):
    place.write()
    same(goes_on(place, 1000, settings=TTL), [1])
    same(goes_on(place, 1999, settings=TTL), [2])
    same(goes_on(place, 2999, settings=TTL), [1])


def a_value_of_a_time_without_expiry_counts_as_touched_when_it_is_met(place):
    place.write()
    same(goes_on(place, 1000, settings=[]), [1])
    same(goes_on(place, 9000, settings=TTL), [2])
    same(goes_on(place, 10000, settings=TTL), [1])
    same(goes_on(place, 99000, settings=[]), [2])  # and what was written with it stays when it is switched off


def a_time_to_live_below_zero_is_refused(place):
    place.write(*records(0))
    complains(place.run(job=WORD_COUNT, settings=["state.ttl-ms=-1"]), 2, "state.ttl-ms")
    complains(place.run(job=WORD_COUNT, settings=["state.ttl-update=never"]), 2, "state.ttl-update",
              "on-write, on-read-and-write")


tell()
