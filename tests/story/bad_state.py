#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""State folders that are another's, locked, full, or damaged: refused with a message, never a wrong output."""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
from story import BUILD, Skip, check, complains, done, finish, same, sanitized, seed, tell, wait_until  # noqa: E402

GOOD = b'{"key":"a","value":1}'
FIVE = b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n{"a":5}\n'
WORD_COUNT = os.path.join(BUILD, "jobs/word-count/word-count")
RANDOM = seed()


def used(place):
    place.write(GOOD, GOOD, GOOD)
    done(place.run())


def completes(place, rest=2):
    place.append((GOOD + b"\n") * rest)
    done(place.run())
    same(place.read(), FIVE)


def a_state_of_another_job_is_refused(place):
    used(place)
    complains(place.run(job=WORD_COUNT), 3, "state", "fault-job", "word-count")
    completes(place)


def a_state_is_known_by_the_jobs_name_that_the_configuration_gives(place):
    used(place)
    complains(place.run(settings=["job.name=other"]), 3, "state", "fault-job", "other")
    completes(place)


def xxh64(data, number):
    """The checksum of a page (store/checksum_vfs.h), so that a page can be changed and still be whole."""
    mask = (1 << 64) - 1
    first, second, third = 11400714785074694791, 14029467366897019727, 1609587929392839161
    fourth = 9650029242287828579

    def turn(value, by):
        return ((value << by) | (value >> (64 - by))) & mask

    def mix(lane, word):
        return turn((lane + word * second) & mask, 31) * first & mask

    words = [int.from_bytes(data[at:at + 8], "little") for at in range(0, len(data), 8)]
    lanes = [(number + first + second) & mask, (number + second) & mask, number, (number - first) & mask]
    stripes = len(words) // 4 * 4
    for at in range(stripes):
        lanes[at % 4] = mix(lanes[at % 4], words[at])
    total = sum(turn(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18))) & mask
    for lane in lanes:
        total = ((total ^ mix(0, lane)) * first + fourth) & mask
    total = (total + len(data)) & mask
    for word in words[stripes:]:
        total = (turn(total ^ mix(0, word), 27) * first + fourth) & mask
    total = (total ^ (total >> 33)) * second & mask
    total = (total ^ (total >> 29)) * third & mask
    return total ^ (total >> 32)


def a_state_of_a_newer_version_is_refused_and_left_alone(place):
    used(place)
    with open(os.path.join(place.state, "state.db"), "r+b") as file:
        before = file.read(4096)
        check(xxh64(before[:4088], 1) == int.from_bytes(before[4088:], "big"), "this is not how pages are summed")
        page = before[:60] + (99).to_bytes(4, "big") + before[64:4088]  # PRAGMA user_version
        file.seek(0)
        file.write(page + xxh64(page, 1).to_bytes(8, "big"))
        file.flush()
        complains(place.run(), 3, place.state, "made by a newer weir", "schema 99")
        file.seek(0)
        check(file.read(4096)[60:64] == (99).to_bytes(4, "big"), "it was changed")
        file.seek(0)
        file.write(before)
    completes(place)


def a_state_that_another_process_uses_is_refused_and_names_it(place):
    place.write(GOOD, GOOD, GOOD)
    first = place.start("--follow")
    try:
        wait_until(lambda: os.path.exists(place.output) and place.read() == FIVE[:24], first)
        complains(place.run(), 3, "state", f"process {first.pid}")
    finally:
        first.send_signal(signal.SIGTERM)
    check(finish(first).status == 143, "the first process did not end as it was asked to")
    completes(place)


def a_folder_that_holds_something_else_is_left_alone(place):
    place.write(GOOD)
    os.mkdir(place.state)
    with open(os.path.join(place.state, "state.db"), "wb") as file:
        file.write(b"my diary\n" * 1000)
    complains(place.run(), 3, "state")
    with open(os.path.join(place.state, "state.db"), "rb") as file:
        same(file.read(), b"my diary\n" * 1000, "the file")


def a_state_that_is_a_file_is_named(place):
    place.write(GOOD)
    place.append(b"", name="state")
    complains(place.run(), 3, "state")


def a_state_in_no_folder_is_named(place):
    place.write(GOOD)
    complains(place.run(state=place.path("no/such/state")), 3, "no/such/state")


def a_state_that_lost_a_file_is_refused(place):
    used(place)
    for name in "state.db", "floor":
        os.rename(os.path.join(place.state, name), place.path("away"))
        complains(place.run(), 3, "state", name)
        os.rename(place.path("away"), os.path.join(place.state, name))
    completes(place)


def a_full_disk_ends_the_run_and_a_larger_one_lets_it_go_on(place):
    if os.geteuid() != 0:
        raise Skip("only root mounts a small tmpfs")
    os.mkdir(place.state)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "weir-story", place.state],
                             stderr=subprocess.DEVNULL, check=False)
    if mounted.returncode != 0:
        raise Skip("no tmpfs can be mounted here")
    try:
        place.write(*[b'{"key":"%d","value":1}' % n for n in range(40000)])
        settings = ["commit-interval-ms=10", "commit-max-runs=500"]
        for _ in range(2):
            ended = place.run(settings=settings)
            complains(ended, 3, place.state)
            check("full" in ended.err or "No space" in ended.err, ended.err)
        before = place.read()
        subprocess.run(["mount", "-o", "remount,size=64m", place.state], check=True)
        done(place.run(settings=settings))
        check(len(before) > 0, "nothing was committed before the disk was full")
        same(place.read(), place.undisturbed())
    finally:
        subprocess.run(["umount", place.state], check=False)


def the_output_on_a_full_disk_ends_the_run_and_loses_nothing(place):
    if os.geteuid() != 0:
        raise Skip("only root mounts a small tmpfs")
    os.mkdir(place.path("small"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "weir-story", place.path("small")],
                             stderr=subprocess.DEVNULL, check=False)
    if mounted.returncode != 0:
        raise Skip("no tmpfs can be mounted here")
    try:
        output = place.path("small/output.jsonl")
        place.write(*[b'{"key":"%d","value":1}' % n for n in range(40000)])
        settings = ["commit-interval-ms=10", "commit-max-runs=500"]
        for _ in range(2):
            complains(place.run(settings=settings, output=output), 3, "small/output.jsonl", "No space left")
        subprocess.run(["mount", "-o", "remount,size=64m", place.path("small")], check=True)
        done(place.run(settings=settings, output=output))
        same(place.read("small/output.jsonl"), place.undisturbed())
    finally:
        subprocess.run(["umount", place.path("small")], check=False)


# ---- damage -------------------------------------------------------------------------------------------------------


class Snapshot:
    """State folder and output, put back in place, since the files are known by their inodes."""

    def __init__(self, place):
        self.place, self.output, self.files = place, place.read(), {}
        for name in sorted(os.listdir(place.state)):
            with open(os.path.join(place.state, name), "rb") as file:
                self.files[name] = file.read()

    def restore(self):
        shutil.rmtree(self.place.state)
        os.mkdir(self.place.state)
        for name, data in self.files.items():
            with open(os.path.join(self.place.state, name), "wb") as file:
                file.write(data)
        with open(self.place.output, "r+b") as file:
            file.truncate(0)
            file.write(self.output)


def damage(folder, name, how):
    """One file: some bits, some bytes, or cut off."""
    path = os.path.join(folder, name)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    at = RANDOM.randrange(len(data))
    if how == "bits":
        for _ in range(RANDOM.choice([1, 1, 8])):
            data[RANDOM.randrange(len(data))] ^= 1 << RANDOM.randrange(8)
    elif how == "zeros":
        data[at:at + 512] = bytes(len(data[at:at + 512]))
    elif how == "noise":
        data[at:at + 4096] = RANDOM.randbytes(len(data[at:at + 4096]))
    else:
        del data[at:]
    with open(path, "wb") as file:
        file.write(data)
    return f"{how} in {name} at or near byte {at}"


def right_or_refused(place, snapshot, want, times):
    refused = 0
    for _ in range(times):
        snapshot.restore()
        name = RANDOM.choice([n for n in snapshot.files if n not in ("lock", "state.db-shm") and snapshot.files[n]])
        what = damage(place.state, name, RANDOM.choice(["bits", "bits", "zeros", "noise", "cut"]))
        ended = place.run(settings=["commit-interval-ms=10"])
        if ended.status == 0:
            same(place.read(), want, f"output after {what}")
        else:
            refused += 1
            check(ended.status == 3, f"{what}: exit status {ended.status}, {ended.err}")
            check(len(ended.complaint) == 1 and place.state in ended.err, f"{what}: {ended.err}")
            check(want.startswith(place.read()) or place.read().startswith(snapshot.output),
                  f"{what}: wrong bytes in the output")
    snapshot.restore()
    done(place.run())
    same(place.read(), want, "output with the state as it was")
    print(f"# {times} times damaged, {refused} times refused")
    check(refused > 0, "no damage was ever noticed")


def half_done(place, keys=300):
    records = [b'{"key":"%d","value":1}' % (n * n % keys) for n in range(2000)]
    place.write(*records[:1000])
    return b"\n".join(records[1000:]) + b"\n"


def damage_to_a_state_that_was_closed_is_noticed_or_harmless(place):
    rest = half_done(place)
    done(place.run(settings=["commit-interval-ms=5", "commit-max-runs=100"]))
    place.append(rest)
    right_or_refused(place, Snapshot(place), place.undisturbed(), 15 if sanitized() else 60)


def damage_to_a_state_that_was_killed_is_noticed_or_harmless(place):
    rest = half_done(place)
    process = place.start("--follow", settings=["commit-interval-ms=5", "commit-max-runs=100"])
    wait_until(lambda: os.path.exists(place.output) and place.read().count(b"\n") == 1000, process)
    process.kill()
    finish(process)
    check(os.path.getsize(os.path.join(place.state, "state.db-wal")) > 0, "no log to damage")
    place.append(rest)
    right_or_refused(place, Snapshot(place), place.undisturbed(), 15 if sanitized() else 60)


tell()
