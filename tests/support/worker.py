# SPDX-License-Identifier: Apache-2.0
"""A host for `JOB worker`, written from docs/worker-protocol.md alone: it keeps pending inputs and memory as Flink
would, applies what BATCH tells, and hands out RUN, FORGET and the rest.

    with Worker(place, program, settings=["action-state.required=false"]) as worker:
        worker.open()
        worker.run(key=b"ada", payload=b'{"n": 1}')
        worker.settle()
        print(worker.state.outputs)
"""
import os
import queue
import struct
import subprocess
import threading

import story
from story import check

MAGIC = b"WEIR"
HELLO, OPEN, RUN, FORGET, STOP, KEY = range(1, 7)
UP_HELLO, READY, BATCH, PARKED, KEEP, LOG, METRICS, FATAL, BYE, KEYED = range(1, 11)
HAS_MEMORY, IS_JSON, IS_RESTORED, HAS_NO_POSITION = 1, 2, 4, 8
DONE, FAILED, SKIPPED, DEAD = range(4)
GROUPS = 128


# ---- bytes -----------------------------------------------------------------------------------------------------------

def u8(number):
    return struct.pack(">B", number)


def u16(number):
    return struct.pack(">H", number)


def u32(number):
    return struct.pack(">I", number)


def u64(number):
    return struct.pack(">Q", number)


def i64(number):
    return struct.pack(">q", number)


def bytes_of(value):
    return u32(0xFFFFFFFF) if value is None else u32(len(value)) + value


def text_of(value):
    return bytes_of(value.encode() if isinstance(value, str) else value)


def list_of(items):
    items = list(items)
    return u32(len(items)) + b"".join(items)


def frame(kind, body=b""):
    return u32(1 + len(body)) + u8(kind) + body


class Body:
    """A body that is taken apart; all of it must be used."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        check(self.at + size <= len(self.data), "a frame of the worker's is cut off")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def u8(self):
        return self.number("B")

    def u16(self):
        return self.number("H")

    def u32(self):
        return self.number("I")

    def u64(self):
        return self.number("Q")

    def i64(self):
        return self.number("q")

    def bytes(self):
        size = self.u32()
        return None if size == 0xFFFFFFFF else self.take(size)

    def text(self):
        value = self.bytes()
        check(value is not None and b"\0" not in value, "a text of the worker's is absent, or has a NUL")
        return value.decode()

    def list(self, item):
        return [item() for _ in range(self.u32())]

    def done(self):
        check(self.at == len(self.data), f"{len(self.data) - self.at} bytes stand behind a frame's last field")


def hello(lowest=1, highest=1, name="tests", magic=MAGIC):
    return frame(HELLO, magic + u16(lowest) + u16(highest) + text_of(name))


def opening(settings=(), markers=(), groups=(0, GROUPS - 1), attempt=0, is_restored=False, partitions=0, subtask=0,
            parallelism=1, most=GROUPS):
    return frame(OPEN, u32(subtask) + u32(parallelism) + u32(most) + u32(groups[0]) + u32(groups[1]) + u32(attempt)
                 + u8(is_restored) + text_of("tests") + list_of(text_of(n) + text_of(v) for n, v in settings)
                 + list_of(u32(p) + i64(o) for p, o in markers) + u32(partitions))


def running(ticket, key, payload, group=0, flags=HAS_MEMORY, source="tests/0", index=None, timestamp=0, cells=(),
            entries=()):
    return frame(RUN, u64(ticket) + u32(group) + u8(flags) + text_of(source)
                 + u64(ticket - 1 if index is None else index) + i64(timestamp) + bytes_of(key) + bytes_of(payload)
                 + list_of(bytes_of(p) + bytes_of(v) for p, v in cells)
                 + list_of(i64(p) + bytes_of(e) for p, e in entries))


def forgetting(key):
    return frame(FORGET, bytes_of(key))


def stopping(at_once=False):
    return frame(STOP, u8(at_once))


def asking(ticket, payload):
    return frame(KEY, u64(ticket) + bytes_of(payload))


# ---- what the worker tells -------------------------------------------------------------------------------------------

class End:
    def __init__(self, body):
        self.ticket, self.kind = body.u64(), body.u8()
        self.outputs, self.code, self.message = [], None, None
        if self.kind == DONE:
            self.outputs = body.list(body.bytes)
        else:
            check(self.kind in (FAILED, SKIPPED, DEAD), f"an end of kind {self.kind}")
            self.code, self.message = body.text(), body.text()


class Batch:
    def __init__(self, body):
        self.ends = body.list(lambda: End(body))
        self.changes = body.list(lambda: (body.bytes(), body.list(lambda: (body.bytes(), body.bytes()))))
        self.markers = body.list(lambda: (body.u32(), body.i64()))


class Told:
    """One frame of the worker's, taken apart: `kind`, and what its kind has."""

    def __init__(self, kind, data):
        body = Body(data)
        self.kind = kind
        if kind == UP_HELLO:
            check(body.take(4) == MAGIC, "the worker's magic number")
            self.version, self.weir, self.job, self.pid = body.u16(), body.text(), body.text(), body.u32()
        elif kind == READY:
            self.partitions, self.is_holding, self.at_end = body.u32(), body.u8(), body.u8()
        elif kind == BATCH:
            self.batch = Batch(body)
        elif kind == PARKED:
            self.ticket, self.is_parked, self.what = body.u64(), body.u8(), body.text()
        elif kind == KEEP:
            self.ticket, self.entries = body.u64(), body.list(lambda: (body.i64(), body.bytes()))
        elif kind == LOG:
            self.level, self.line = body.u8(), body.text()
        elif kind == METRICS:
            self.metrics = {name: value for _, name, value in body.list(lambda: (body.u8(), body.text(), body.i64()))}
        elif kind == FATAL:
            self.code, self.message = body.text(), body.text()
        elif kind == KEYED:
            self.ticket, self.how = body.u64(), body.u8()
            self.key = body.bytes() if self.how == DONE else None
            self.code, self.message = (None, None) if self.how == DONE else (body.text(), body.text())
        else:
            check(kind == BYE, f"a frame of type {kind}")
        body.done()


# ---- what lasts ------------------------------------------------------------------------------------------------------

class Input:
    def __init__(self, key, payload, index, timestamp=0, source="tests/0", flags=0, group=0):
        self.key, self.payload, self.index, self.timestamp = key, payload, index, timestamp
        self.source, self.flags, self.group = source, flags, group
        self.entries, self.is_restored = [], False


class State:
    """What a checkpoint holds: inputs that are pending, memory, markers; and, beside it, what was sent on."""

    def __init__(self):
        self.number = 0    # of inputs that came
        self.pending = {}  # by number, in order: Input
        self.memory = {}   # by key: {path: value}
        self.markers = {}
        self.partitions = 0
        self.outputs = []  # (key, output)
        self.refused = []  # (Input, End)

    def apply(self, batch, number_of):
        for end in batch.ends:
            given = self.pending.pop(number_of(end.ticket))
            self.outputs += [(given.key, output) for output in end.outputs]
            if end.kind != DONE:
                self.refused.append((given, end))
        for key, cells in batch.changes:
            memory = self.memory.setdefault(key, {})
            for path, value in cells:
                if value is None:
                    memory.pop(path, None)
                else:
                    memory[path] = value
        self.markers.update(batch.markers)


class Worker:
    """One process, and what it was given."""

    def __init__(self, place, program, settings=(), config=None, state=None, environment=(), keys_kept=1000):
        self.state = state or State()
        self.tickets = {}         # ticket: number
        self.next_ticket = 1
        self.known = {}           # keys whose memory the worker has, least lately used first: runs under way
        self.keys_kept = keys_kept
        self.told, self.logs, self.parked, self.metrics, self.fatal, self.hello = [], [], {}, {}, None, None
        self.ready, self.is_over = None, False
        words = [program, "worker"] + (["--config", config] if config else [])
        for setting in settings:
            words += ["--set", setting]
        self.errors = open(place.path(f"stderr-{os.urandom(4).hex()}"), "w+b")
        self.process = subprocess.Popen(words, cwd=place.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, env=place.environment(**dict(environment)))
        self.frames = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.errors.close()

    # Reading, on a thread of its own: the worker is never kept from writing.

    def read(self):
        stream = self.process.stdout
        while True:
            head = stream.read(5)
            if len(head) < 5:
                self.frames.put(None if not head else ("cut", head))
                return
            data = stream.read(struct.unpack(">I", head[:4])[0] - 1)
            self.frames.put((head[4], data))

    def take(self, seconds=story.PATIENCE):
        """The next frame, applied; None at the end of what the worker tells."""
        try:
            got = self.frames.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"the worker tells nothing; stderr: {self.said()}") from None
        if got is None:
            self.is_over = True
            return None
        check(got[0] != "cut", f"the worker's last frame is cut off: {got[1]!r}")
        told = Told(*got)
        self.note(told)
        return told

    def note(self, told):
        self.told.append(told)
        if told.kind == UP_HELLO:
            self.hello = told
        elif told.kind == READY:
            self.ready = told
            if told.partitions:
                self.state.partitions = told.partitions
        elif told.kind == BATCH:
            for end in told.batch.ends:
                key = self.state.pending[self.tickets[end.ticket]].key
                self.known[key] -= 1
            self.state.apply(told.batch, lambda ticket: self.tickets[ticket])
        elif told.kind == KEEP:
            self.state.pending[self.tickets[told.ticket]].entries += told.entries
        elif told.kind == PARKED:
            if told.is_parked:
                self.parked[self.tickets[told.ticket]] = told.what
            else:
                self.parked.pop(self.tickets[told.ticket], None)
        elif told.kind == LOG:
            self.logs.append((told.level, told.line))
        elif told.kind == METRICS:
            self.metrics.update(told.metrics)
        elif told.kind == FATAL:
            self.fatal = told

    def until(self, holds, what="what was waited for"):
        while not holds():
            check(self.take() is not None, f"the worker ended before {what}; it said {self.said()}, "
                                           f"{self.fatal and self.fatal.message}; status {self.process.poll()}")

    # Writing.

    def send(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def open(self, settings=(), **more):
        self.send(hello() + opening(settings, markers=sorted(self.state.markers.items()),
                                    partitions=self.state.partitions, **more))
        self.until(lambda: self.ready, "READY")
        return self

    def give(self, number):
        """A pending input becomes a RUN, with the memory of its key if the worker has it not."""
        given = self.state.pending[number]
        ticket = self.next_ticket
        self.next_ticket += 1
        self.tickets[ticket] = number
        flags, cells = given.flags, ()
        if given.is_restored:
            flags |= IS_RESTORED
        if given.key not in self.known:
            flags |= HAS_MEMORY
            cells = sorted(self.state.memory.get(given.key, {}).items())
        self.known[given.key] = self.known.pop(given.key, 0) + 1
        self.send(running(ticket, given.key, given.payload, given.group, flags, given.source, given.index,
                          given.timestamp, cells, given.entries))
        if len(self.known) > self.keys_kept:
            self.evict()
        return ticket

    def evict(self):
        for key in [key for key, runs in self.known.items() if not runs][:len(self.known) - self.keys_kept]:
            del self.known[key]
            self.send(forgetting(key))

    def run(self, key, payload, index=None, **more):
        """A new input."""
        number = self.state.number = self.state.number + 1
        self.state.pending[number] = Input(key, payload, number - 1 if index is None else index, **more)
        return self.give(number)

    def restore(self):
        """Gives what a checkpoint had pending."""
        for number in sorted(self.state.pending):
            self.state.pending[number].is_restored = True
            self.give(number)

    def settle(self):
        """Until every input is over, or parked."""
        self.until(lambda: len(self.state.pending) == len(self.parked), "all runs were over")

    # The end.

    def said(self):
        self.errors.flush()
        with open(self.errors.name, "rb") as file:
            return "".join(line for line in file.read().decode("utf-8", "replace").splitlines(True)
                           if story.ASAN_NOTE not in line)

    def wait(self):
        """Its exit status, once it has told all."""
        while not self.is_over:
            self.take()
        return self.process.wait(timeout=story.PATIENCE)

    def stop(self, at_once=False):
        self.send(stopping(at_once))
        return self.wait()

    def end_input(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.end_input()
        self.reader.join()
        self.process.stdout.close()
