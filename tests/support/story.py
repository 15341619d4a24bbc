# SPDX-License-Identifier: Apache-2.0
"""What the story tests in Python share: a job started on real files, and TAP on stdout.

A story is a function with the name of its claim; it gets a Place: a folder of its own with `input.jsonl`,
`output.jsonl` and `state`, and ways to start a job there.
"""
import collections
import inspect
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ["top_builddir"]
SOURCE = os.environ["top_srcdir"]
FAULT_JOB = os.path.join(BUILD, "tests/support/fault-job")
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\S+Z (error|warn|info|debug) ")
ASAN_NOTE = "WARNING: ASan doesn't fully support makecontext"
PATIENCE = 120  # seconds until a test that waits gives up; far beyond what any of them takes

# Jobs crash here on purpose.
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Skip(Exception):
    """Why a story cannot be told here."""


def sanitized():
    with open(os.path.join(BUILD, "Makefile"), encoding="utf-8") as makefile:
        return "-fsanitize" in makefile.read()


def seed():
    """The seed of this run, printed; WEIR_TEST_SEED repeats one."""
    number = int(os.environ.get("WEIR_TEST_SEED", random.SystemRandom().randrange(1 << 31)))
    print(f"# seed {number}: repeat with WEIR_TEST_SEED={number}", flush=True)
    return random.Random(number)


class Ended:
    """A process that is over."""

    def __init__(self, status, out, err, peak_kb=0):
        self.status, self.out, self.peak_kb = status, out, peak_kb
        self.err = "".join(line for line in err.splitlines(True) if ASAN_NOTE not in line)

    @property
    def complaint(self):
        """The lines on stderr that are not the log's."""
        return [line for line in self.err.splitlines() if not LOG_LINE.match(line)]


class Place:
    def __init__(self, folder):
        self.folder = folder
        self.input = self.path("input.jsonl")
        self.output = self.path("output.jsonl")
        self.state = self.path("state")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, *records, name="input.jsonl", end="\n"):
        """Lines: bytes as they are, everything else as JSON."""
        lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
        with open(self.path(name), "wb") as file:
            file.write(b"\n".join(lines) + (end.encode() if lines else b""))

    def append(self, data, name="input.jsonl"):
        with open(self.path(name), "ab") as file:
            file.write(data)

    def read(self, name="output.jsonl"):
        with open(self.path(name), "rb") as file:
            return file.read()

    def command(self, *more, job=FAULT_JOB, output=True, state=True, source=None, settings=()):
        words = [job, "local", "--input", source or self.input]
        if output:
            words += ["--output", output if isinstance(output, str) else self.output]
        if state:
            words += ["--state-dir", state if isinstance(state, str) else self.state]
        for setting in settings:
            words += ["--set", setting]
        return words + list(more)

    @staticmethod
    def environment(calm=False, **more):
        # A job refuses variables of the tests' own, as it knows none of these properties.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "FAULT_"))}
        environment.update(more)
        if calm:
            environment["FAULT_JOB_CALM"] = "1"
        # A sanitizer's own handler would hide ours; and it need not find leaks in a process that dies.
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=0:handle_segv=0:handle_abort=0:allow_user_segv_handler=1")
        return environment

    def start(self, *more, calm=False, env=None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **kind):
        return subprocess.Popen(self.command(*more, **kind), cwd=self.folder, stdin=stdin, stdout=stdout,
                                stderr=subprocess.PIPE, env=self.environment(calm, **(env or {})))

    def run(self, *more, given=None, calm=False, env=None, stdout=None, **kind):
        """To the end. `given`: bytes for stdin; `stdout`: a descriptor, otherwise it is kept."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as feed:
            process = subprocess.Popen(
                self.command(*more, **kind), cwd=self.folder, stdout=stdout if stdout is not None else out, stderr=err,
                stdin=subprocess.PIPE if given is not None else feed, env=self.environment(calm, **(env or {})))
            if given is not None:
                try:
                    process.stdin.write(given)
                    process.stdin.close()
                except BrokenPipeError:
                    pass
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            return Ended(process.returncode, out.read(), err.read().decode("utf-8", "replace"), usage.ru_maxrss)

    def undisturbed(self, *more, name="input.jsonl", **kind):
        """What a run without faults, and without a state, prints."""
        ended = self.run(*more, source=self.path(name), output=self.path("undisturbed.jsonl"), state=False, calm=True,
                         **kind)
        check(ended.status == 0, f"the undisturbed run ended with {ended.status}: {ended.err}")
        return self.read("undisturbed.jsonl")


def by_key_of_lines(data):
    """{key: [output's bytes, …]}; a line is {KEY: OUTPUT}."""
    outputs = collections.defaultdict(list)
    for line in data.splitlines():
        (key,) = json.loads(line)
        begin = len(json.dumps(key, ensure_ascii=False).encode()) + 2
        outputs[key].append(line[begin:-1])
    return outputs


def hears(process, line):
    """True when the job says this next on stderr."""
    said = process.stderr.readline()
    while ASAN_NOTE.encode() in said:
        said = process.stderr.readline()
    return said == line


def finish(process):
    out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err.decode("utf-8", "replace"))


def wait_until(holds, process=None):
    """Polls, since there is nothing to wait on; the pause is no part of what is measured."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        check(time.monotonic() < deadline, "waited in vain")
        check(process is None or process.poll() is None, "the job ended while it was waited for")
        time.sleep(0.005)


def check(holds, why):
    if not holds:
        raise AssertionError(why)


def same(have, want, what="output"):
    if have != want and not isinstance(have, (bytes, str, list, tuple)):
        raise AssertionError(f"{what}: have {have!r}, want {want!r}")
    if have != want:
        if not isinstance(have, (str, bytes, list)):
            have, want = str(have), str(want)
        raise AssertionError(f"{what}: have {have[-300:]!r}, want {want[-300:]!r} (ends; {len(have)} and {len(want)})")


def complains(ended, status, *words):
    """Ended as the contract says, with one line on stderr that holds all these words."""
    check(ended.status == status, f"exit status {ended.status}, want {status}; stderr: {ended.err}")
    check(len(ended.complaint) == 1, f"want one line on stderr, have {ended.complaint}")
    for word in words:
        check(word in ended.complaint[0], f"no '{word}' in: {ended.complaint[0]}")
    check(len(ended.complaint[0]) < 700, "the line is too long to read")


def done(ended):
    check(ended.status == 0, f"exit status {ended.status}; stderr: {ended.err}")


def tell():
    """Runs the functions of the calling script that take a `place`, in order."""
    stories = [value for name, value in inspect.currentframe().f_back.f_globals.items()
               if inspect.isfunction(value) and list(inspect.signature(value).parameters) == ["place"]]
    wanted = sys.argv[1:]
    number = 0
    print(f"1..{len(stories)}", flush=True)
    for story in stories:
        number += 1
        name = story.__name__
        if wanted and name not in wanted:
            print(f"ok {number} - {name} # SKIP not asked for", flush=True)
            continue
        folder = tempfile.mkdtemp(prefix="weir-story-")
        started = time.monotonic()
        try:
            story(Place(folder))
            print(f"ok {number} - {name}")
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}")
        except Exception as why:  # pylint: disable=broad-except
            where = [frame for frame in traceback.extract_tb(why.__traceback__) if frame.filename == sys.argv[0]]
            for frame in where:
                print(f"# line {frame.lineno}: {frame.line}")
            for line in str(why).splitlines() or [type(why).__name__]:
                print(f"# {type(why).__name__}: {line}")
            print(f"not ok {number} - {name}")
        print(f"# {time.monotonic() - started:.1f} s", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
