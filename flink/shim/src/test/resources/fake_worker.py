#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A worker for tests of the Flink side: counts per key, checks what the host sends, and misbehaves on demand.

The payload is JSON text. Words in it ask for something: `slow:MS` (ends later), `park`, `skip`, `fail`, `dead`, `keep`
(tells an entry, parks once, and wants the entry back), `die:PATH` (exits with 9, once: PATH is made), `huge`. `--set
fake.mode=MODE` asks for a bad start: exit, hang, hang-open, rubbish, rubbish-later, flood, fatal, wrong-version,
mute-stop.
"""
import json
import os
import select
import struct
import sys
import time

MAGIC = 0x57454952
HELLO, OPEN, RUN, FORGET, STOP, KEY = 1, 2, 3, 4, 5, 6
U_HELLO, U_READY, U_BATCH, U_PARKED, U_KEEP, U_LOG, U_METRICS, U_FATAL, U_BYE, U_KEYED = range(1, 11)


def setting(name, fallback):
    for i, word in enumerate(sys.argv):
        if word == "--set" and sys.argv[i + 1].startswith(name + "="):
            return sys.argv[i + 1].split("=", 1)[1]
    return fallback


def write_all(data):
    while data:
        data = data[os.write(1, data):]


def frame(kind, body=b""):
    return struct.pack(">IB", len(body) + 1, kind) + body


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">I", len(data)) + data


def fatal(message):
    write_all(frame(U_FATAL, text("WEIR_INVALID") + text(message)))
    sys.stderr.write(message + "\n")
    sys.stderr.flush()
    os._exit(3)


class Body:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value, = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value

    def bytes(self):
        size = self.take("I")
        if size == 0xFFFFFFFF:
            return None
        value = self.data[self.at:self.at + size]
        if len(value) != size:
            fatal("a frame is cut short")
        self.at += size
        return value

    def list(self, *forms):
        count = self.take("I")
        return [tuple(self.bytes() if form == "B*" else self.take(form) for form in forms) for _ in range(count)]

    def end(self):
        if self.at != len(self.data):
            fatal("a frame has bytes left over")


class Worker:
    def __init__(self):
        self.mode = setting("fake.mode", "")
        self.memory = {}
        self.queues = {}     # key -> its runs, in order
        self.next = 1
        self.waiting = []    # (when, key)
        self.ends = []
        self.changes = {}
        self.frames = []
        self.runs = 0
        self.known_places = set()

    def hello(self, body):
        if body.take("I") != MAGIC:
            fatal("no magic")
        low, high = body.take("H"), body.take("H")
        body.bytes()
        body.end()
        if not low <= 1 <= high:
            fatal("no version in common")
        version = 7 if self.mode == "wrong-version" else 1
        said = struct.pack(">IH", MAGIC, version) + text("fake") + text("fake") + struct.pack(">I", os.getpid())
        write_all(frame(U_HELLO, said))

    def open(self, body):
        for form in "IIIIIIB":
            body.take(form)
        body.bytes()
        settings = dict(body.list("B*", "B*"))
        markers = body.list("I", "q")
        told = body.take("I")
        body.end()
        if b"nonsense" in settings:
            fatal("'nonsense' is no property")
        if self.mode == "hang-open":
            time.sleep(3600)
        partitions = int(setting("fake.partitions", "4"))
        write_all(frame(U_LOG, b"\x02" + text("opened with markers %s, partitions %d" % (markers, told))))
        at_end = 1 if setting("flink.parked-at-end", "fail") == "wait" else 0
        holds = 0 if setting("flink.parked-holds-watermark", "true") == "false" else 1
        write_all(frame(U_READY, struct.pack(">IBB", partitions, holds, at_end)))
        if self.mode == "rubbish-later":
            write_all(b"hello, world\n")

    def run(self, body):
        ticket = body.take("Q")
        if ticket != self.next:
            fatal("ticket %d, %d expected" % (ticket, self.next))
        self.next += 1
        body.take("I")
        flags = body.take("B")
        source, index, when = body.bytes(), body.take("Q"), body.take("q")
        key, payload = body.bytes(), body.bytes()
        cells = dict(body.list("B*", "B*"))
        entries = body.list("q", "B*")
        body.end()
        if flags & 1:
            if key in self.memory:
                fatal("memory of a key that is known")
            self.memory[key] = cells
        elif key not in self.memory:
            fatal("no memory of a key that is not known")
        queue = self.queues.setdefault(key, [])
        queue.append((ticket, (payload or b"null").decode(), entries, flags, source.decode(), index))
        if len(queue) == 1:
            self.begin(key)

    def begin(self, key):
        while self.queues[key]:
            ticket, payload, entries, _, _, _ = self.queues[key][0]
            words = payload.replace('"', " ").replace(",", " ").split()
            for word in words:
                if word.startswith("die:") and not os.path.exists(word[4:]):
                    open(word[4:], "w").close()
                    sys.stderr.write("dying as asked\n")
                    sys.stderr.flush()
                    os._exit(9)
            if "park" in words:
                self.frames.append(frame(U_PARKED, struct.pack(">QB", ticket, 1) + text("{}")))
                return
            if "keep" in words and not entries:
                self.frames.append(frame(U_KEEP, struct.pack(">QIq", ticket, 1, 42) + text(b"sealed")))
                self.frames.append(frame(U_PARKED, struct.pack(">QB", ticket, 1) + text("{}")))
                return
            if "keep" in words and entries != [(42, b"sealed")]:
                fatal("the entry did not come back: %r" % entries)
            slow = [int(word[5:]) for word in words if word.startswith("slow:")]
            if slow:
                self.waiting.append((time.monotonic() + slow[0] / 1000, key))
                return
            self.finish(key)

    def finish(self, key):
        ticket, payload, _, flags, source, index = self.queues[key].pop(0)
        if not self.queues[key]:
            del self.queues[key]
            self.queues.setdefault(key, [])
        words = payload.replace('"', " ").split()
        self.runs += 1
        for word, kind in ("fail", 1), ("skip", 2), ("dead", 3):
            if word in words:
                self.ends.append(struct.pack(">QB", ticket, kind) + text("WEIR_FAILED") + text("asked for " + word))
                return
        cells = self.memory[key]
        count = struct.unpack(">q", cells[b"count"][1:])[0] + 1 if b"count" in cells else 1
        cells[b"count"] = b"\x02" + struct.pack(">q", count)
        self.changes.setdefault(key, {})[b"count"] = cells[b"count"]
        out = json.dumps({"count": count, "input": json.loads(payload)}).encode()
        if "huge" in words:
            out = b'"' + b"x" * (8 << 20) + b'"'
        self.ends.append(struct.pack(">QBI", ticket, 0, 1) + text(out))

    def forget(self, body):
        key = body.bytes()
        body.end()
        if self.queues.get(key):
            fatal("a key with runs under way is forgotten")
        if key not in self.memory:
            fatal("a key that is not known is forgotten")
        if key in self.changes:
            fatal("a key is forgotten before its change is told")
        del self.memory[key]

    def key(self, body):
        ticket, payload = body.take("Q"), body.bytes()
        body.end()
        value = json.loads(payload)
        if isinstance(value, dict) and "user" in value:
            self.frames.append(frame(U_KEYED, struct.pack(">QB", ticket, 0) + text(str(value["user"]))))
        else:
            why = text("WEIR_INVALID") + text("nothing stands at /user")
            self.frames.append(frame(U_KEYED, struct.pack(">QB", ticket, 3) + why))

    def tell(self):
        if self.ends or self.changes:
            body = struct.pack(">I", len(self.ends)) + b"".join(self.ends)
            body += struct.pack(">I", len(self.changes))
            for key, cells in self.changes.items():
                body += text(key) + struct.pack(">I", len(cells))
                for path, value in cells.items():
                    body += text(path) + text(value)
            body += struct.pack(">IIq", 1, 1, self.runs)
            self.frames.append(frame(U_BATCH, body))
            runs = struct.pack(">IB", 2, 0) + text("runs:all") + struct.pack(">q", self.runs)
            self.frames.append(frame(U_METRICS, runs + struct.pack(">B", 1) + text("keys")
                                     + struct.pack(">q", len(self.memory))))
            self.ends, self.changes = [], {}
        out, self.frames = b"".join(self.frames), []
        if out:
            write_all(out)

    def take(self, kind, body):
        if kind == HELLO:
            self.hello(body)
        elif kind == OPEN:
            self.open(body)
        elif kind == RUN:
            self.run(body)
        elif kind == FORGET:
            self.forget(body)
        elif kind == KEY:
            self.key(body)
        elif kind == STOP:
            if self.mode == "mute-stop":
                time.sleep(3600)
            self.tell()
            write_all(frame(U_BYE))
            os._exit(0)
        else:
            fatal("unknown type %d" % kind)

    def serve(self):
        data = b""
        while True:
            timeout = max(0, min(when for when, _ in self.waiting) - time.monotonic()) if self.waiting else None
            ready, _, _ = select.select([0], [], [], timeout)
            if ready:
                chunk = os.read(0, 1 << 20)
                if not chunk:
                    os._exit(0)
                data += chunk
                at = 0
                while len(data) - at >= 4:
                    size, = struct.unpack_from(">I", data, at)
                    if len(data) - at - 4 < size:
                        break
                    self.take(data[at + 4], Body(data[at + 5:at + 4 + size]))
                    at += 4 + size
                data = data[at:]
            now = time.monotonic()
            for item in sorted(self.waiting):
                if item[0] <= now:
                    self.waiting.remove(item)
                    self.finish(item[1])
                    self.begin(item[1])
            self.tell()


def main():
    mode = setting("fake.mode", "")
    if mode == "exit":
        sys.stderr.write("fake: error while loading shared libraries: libfake.so.1\n")
        sys.exit(127)
    if mode == "hang":
        time.sleep(3600)
    if mode == "rubbish":
        print("counting starts now, with a lot of words", flush=True)
        time.sleep(3600)
    if mode == "flood":
        for _ in range(200000):
            sys.stderr.write("the same line again and again\n")
    if mode == "fatal":
        fatal("input.format: 'xml' is none of json, string")
    Worker().serve()


main()
