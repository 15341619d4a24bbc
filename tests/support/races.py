# SPDX-License-Identifier: Apache-2.0
"""Which of ThreadSanitizer's reports are about weir, when librdkafka is not instrumented.

librdkafka counts references with atomics that the sanitizer does not see. So when one of its threads frees a buffer
that ours have read, nothing orders the two. Of its own code only what libc does for it is seen (free, memcpy,
pthread_*). A report is librdkafka's when one of the two accesses is: of the frames that are not the sanitizer's or
libc's the innermost is librdkafka's. A callback of ours that librdkafka calls has our frame innermost, and counts.
"""
import glob
import re
import sys

REPORT = re.compile(r"^WARNING: ThreadSanitizer: (.*?) \(pid=\d+\)$", re.MULTILINE)
ACCESS = re.compile(r"(previous )?(atomic )?(read|write) of ", re.IGNORECASE)
FRAME = re.compile(r"^    #\d+ (\S+) (.*)$")
# librdkafka's names, also those of what it brings along.
THEIRS = re.compile(r"^_?(rd_|rdk_|rwlock_|cnd_timedwait_|thrd_|snappy_|LZ4|cJSON_)")
# What the sanitizer intercepts, what libc has, and tests/support/c11_threads.c.
LIBC = re.compile(r"libtsan|libsanitizer|libc\.so|c11_threads")


def stacks_of(report):
    """The stacks of a report: [(headline, [(function, place), …]), …]."""
    found = []
    for line in report.splitlines():
        frame = FRAME.match(line)
        if frame and found:
            found[-1][1].append((frame[1], frame[2]))
        elif line.startswith("  ") and line.strip().endswith(":"):
            found.append((line.strip(), []))
    return found


def is_theirs(frames):
    for function, place in frames:
        if not LIBC.search(place):
            return bool(THEIRS.match(function))
    return False


def reports_in(path):
    for name in sorted(glob.glob(path + ".*")):
        with open(name, encoding="utf-8", errors="replace") as file:
            text = file.read()
        starts = [match.start() for match in REPORT.finditer(text)]
        for start, end in zip(starts, starts[1:] + [len(text)]):
            yield text[start:end]


def races_in(path):
    """(the reports that count, how many do not) of all processes with log_path=PATH."""
    found, others = [], 0
    for report in reports_in(path):
        accesses = [frames for headline, frames in stacks_of(report) if ACCESS.match(headline)]
        # What is read after it was freed, or a lock that is misused, is ours in any case.
        if REPORT.match(report)[1] == "data race" and any(map(is_theirs, accesses)):
            others += 1
        else:
            found.append(report)
    return found, others


if __name__ == "__main__":
    # races.py PATH: prints the reports that count.
    print("\n".join(races_in(sys.argv[1])[0][:5]))
