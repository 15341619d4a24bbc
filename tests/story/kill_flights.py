#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The kill test: flight-watch over all flights, ended with SIGKILL at random moments until it has gone through.

WEIR_TEST_KILLS says how often (25; 200 in check-long), WEIR_TEST_SEED repeats the moments.
"""
import hashlib
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
from story import BUILD, SOURCE, Skip, check, done, finish, seed, tell  # noqa: E402

FLIGHTS = os.path.join(SOURCE, "data/flights.jsonl")
JOB = os.path.join(BUILD, "jobs/flight-watch/flight-watch")
KILLS = int(os.environ.get("WEIR_TEST_KILLS", "25"))
RANDOM = seed()


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def kill_after(place, process, growth, seconds):
    """Waits for the output to grow, or for the time to pass, whatever is first; and kills in that moment."""
    begin, deadline = size(place.output), time.monotonic() + seconds
    while process.poll() is None and size(place.output) < begin + growth and time.monotonic() < deadline:
        time.sleep(0.0005)
    process.kill()
    return finish(process)


def flight_watch_killed_at_random_moments_prints_what_it_prints_undisturbed(place):
    if not os.access(FLIGHTS, os.R_OK):
        raise Skip("no data/flights.jsonl: run scripts/flights.py")
    started = time.monotonic()
    done(place.run(job=JOB, source=FLIGHTS, output=place.path("undisturbed.jsonl"), state=place.path("other")))
    whole_seconds = time.monotonic() - started
    whole = size(place.path("undisturbed.jsonl"))
    settings = ["commit-interval-ms=2"]

    kills = lives_with_commit = ended_early = 0
    while kills < KILLS:
        before = size(place.output)
        process = place.start(job=JOB, source=FLIGHTS, settings=settings)
        # Most lives are a share of the whole that lets all kills take place in one pass; some end before they begin.
        if RANDOM.random() < 0.2:
            ended = kill_after(place, process, whole, RANDOM.random() * 0.03)
        else:
            ended = kill_after(place, process, RANDOM.randrange(1, max(2, 2 * whole // (KILLS + 1))), whole_seconds)
        if ended.status == 0:
            # It has gone through before all kills were spent: that output must be right, and the rest begins anew.
            check(sha256(place.output) == sha256(place.path("undisturbed.jsonl")), "output before all kills")
            ended_early += 1
            os.remove(place.output)
            for name in os.listdir(place.state):
                os.remove(os.path.join(place.state, name))
            continue
        check(ended.status == -9, f"life {kills + 1} ended with {ended.status}: {ended.err}")
        kills += 1
        lives_with_commit += size(place.output) > before
    killed_at = size(place.output)
    done(place.run(job=JOB, source=FLIGHTS))
    print(f"# {kills} kills, {lives_with_commit} after new output, the last at {100 * killed_at // whole} % of the "
          f"output; gone through before the last kill: {ended_early} times; undisturbed {whole_seconds:.1f} s")
    check(lives_with_commit >= kills // 4, "too few lives came as far as an output")
    have, want = sha256(place.output), sha256(place.path("undisturbed.jsonl"))
    print(f"# sha256 {have}")
    check(have == want, f"killed: {have}, undisturbed: {want}")


def dead_letters_are_written_once_each_across_kills(place):
    lines = [b'{"key":"%d","value":1}' % (n % 911) for n in range(100000)]
    lines[::97] = [b'{"key":"%d","value":{"do":"fail"}}' % n for n in range(len(lines[::97]))]
    lines[50::331] = [b"bad %d" % n for n in range(len(lines[50::331]))]
    place.write(*lines)
    dead = place.path("dead.jsonl")
    settings = ["input.on-error=dlq", "commit-interval-ms=2", "commit-max-runs=500"]
    done(place.run(settings=[*settings, f"output.dlq-file={dead}.undisturbed"], output=place.path("undisturbed.jsonl"),
                   state=False))
    whole, kills = size(place.path("undisturbed.jsonl")), 0
    while kills < min(KILLS, 40):
        process = place.start(settings=[*settings, f"output.dlq-file={dead}"])
        if kill_after(place, process, RANDOM.randrange(1, 2 * whole // (KILLS + 1)), 60).status == 0:
            break
        kills += 1
    done(place.run(settings=[*settings, f"output.dlq-file={dead}"]))
    print(f"# {kills} kills")
    check(kills > 2, "it was hardly killed")
    check(sha256(place.output) == sha256(place.path("undisturbed.jsonl")), "the outputs differ")
    check(sha256(dead) == sha256(dead + ".undisturbed"), "the dead letters differ")


tell()
