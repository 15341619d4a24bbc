#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Workers that do not start: why is in the job's exceptions, soon, and nothing is left of them."""
import os
import subprocess
import sys
import time
import zipfile

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import flink  # noqa: E402
from flink_job import Packaged, nothing_is_left, unavailable  # noqa: E402
from kafka_job import BROKER_CONFIG, WORD_COUNT  # noqa: E402
from story import Place, Skip, check, tell  # noqa: E402

BINARY = "weir/bin/word-count"
IS_LONG = "WEIR_TEST_LONG" in os.environ


def packaged(folder):
    return Packaged(Place(folder), WORD_COUNT, {
        "input": {"topics": ["words"]}, "output": {"topic": "counts"}, "action-state": {"required": False},
        "kafka": {"bootstrap.servers": KAFKA.brokers}}).jar


def with_binary(place, change):
    """The job's JAR, with another program in the place of its own."""
    path = place.path("changed.jar")
    with zipfile.ZipFile(WHOLE) as whole, zipfile.ZipFile(path, "w") as changed:
        for entry in whole.infolist():
            content = whole.read(entry)
            entry.compress_type = zipfile.ZIP_STORED
            changed.writestr(entry, change(content) if entry.filename == BINARY else content)
    return path


def only_long():
    if not IS_LONG:
        raise Skip("make check-long has it")


def fails(jar, *settings, says):
    """The job fails at its first attempt, and says all this in its exceptions, and on one line."""
    began = time.monotonic()
    words = [word for setting in settings for word in ("--set", setting)]
    job = CLUSTER.run(jar, *words, parallelism=1, options=["-Drestart-strategy.type=none"])
    CLUSTER.wait_state(job, "FAILED")
    said = CLUSTER.exceptions(job)
    lines = [line for line in (said or [""])[0].splitlines() if all(word in line for word in says)]
    causes = [line for one in said for line in one.splitlines() if "Caused by" in line]
    check(lines, f"no line with {says} in: {causes}")
    nothing_is_left(CLUSTER)
    print(f"# {time.monotonic() - began:.1f} s: {lines[0]}"[:400])


def a_worker_that_exits_at_once_is_named(place):
    jar = with_binary(place, lambda _: b"#!/bin/sh\necho 'no luck today' >&2\nexit 7\n")
    fails(jar, says=["the worker ended before it said hello", "exit status 7", "no luck today"])


def a_worker_that_hangs_at_its_start_is_killed(place):
    jar = with_binary(place, lambda _: b"#!/bin/sh\necho 'asleep' >&2\nexec sleep 600\n")
    fails(jar, "flink.worker-start-timeout-ms=1500",
          says=["said no hello within 1500 ms", "flink.worker-start-timeout-ms", "asleep"])


def a_binary_for_another_cpu_is_refused(place):
    only_long()

    def of_another(content):
        return content[:18] + (243).to_bytes(2, "little") + content[20:]  # e_machine, elf(5)
    fails(with_binary(place, of_another), says=["cannot be started", "it is for RISC-V"])


def a_missing_library_is_named(place):
    only_long()

    def without(content):
        check(b"libjansson.so" in content, "the binary needs no libjansson")
        return content.replace(b"libjansson.so", b"libjansso_.so")
    fails(with_binary(place, without),
          says=["the worker ended before it said hello", "libjansso_.so", "cannot open shared object file"])


def a_worker_that_floods_standard_error_fails_like_another(place):
    only_long()
    flood = b"#!/bin/sh\nhead -c 50000000 /dev/zero | tr '\\0' x >&2\necho end >&2\nexit 9\n"
    fails(with_binary(place, lambda _: flood), says=["the worker ended before it said hello", "exit status 9"])


def a_work_dir_mounted_noexec_is_named(place):
    folder = place.path("noexec")
    os.mkdir(folder)
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec,size=64m", "tmpfs", folder], capture_output=True,
                           check=False)
    if mount.returncode:
        raise Skip(f"nothing may be mounted here: {mount.stderr.decode().strip()}")
    try:
        fails(WHOLE, f"flink.work-dir={folder}",
              says=["cannot be started", "mounted noexec", "flink.work-dir names another folder"])
    finally:
        subprocess.run(["umount", folder], check=True)


why = unavailable()
if why:
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
VERSION = os.environ.get("WEIR_TEST_FLINK_VERSION", "2.2.1")
with broker.Cluster(config=BROKER_CONFIG) as KAFKA, flink.Cluster(VERSION, slots=1) as CLUSTER:
    KAFKA.create_topic("words")
    KAFKA.create_topic("counts")
    WHOLE = packaged(KAFKA.folder)
    tell()
