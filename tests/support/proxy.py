#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy before Kafka brokers that knows requests apart, and delays, cuts and loses them on demand.

As a module, in front of brokers that advertise the proxy's ports (broker.py: Cluster(proxied=True) does it):

    proxy = Proxy({LISTENS_ON: BROKER_PORT, …})
    rule = proxy.fault("lose-answer", "EndTxn")     # the next commit is made, and nobody is told
    proxy.hits(rule)                                # how often it has been applied so far
    proxy.cut()                                     # every connection, now
    proxy.forget()                                  # no rules any more
    proxy.shut()                                    # nobody comes through, until proxy.open()
    proxy.close()

What a fault does, to the next `times` requests of these APIs (none named: of any):

    lose-answer    the request is delivered; when its answer comes, the connection is cut instead
    lose-request   the connection is cut and the request is not delivered
    late-request   the client's side is cut at once; the request is delivered `ms` later, whatever the client does then
    hold-answer    the answer, and what follows it on its connection, comes `ms` later
    hold-request   the request, and what follows it on its connection, is delivered `ms` later
    late-behind    the request is delivered behind the next one of its connection, or `ms` later if none comes

The proxy is a process of its own, so that what it carries does not wait for the test's own Python; it ends when its
stdin closes. It speaks one line of JSON a command. Source: the Kafka protocol guide, "Protocol Primitive Types",
"Headers": size, api key, version, correlation id; the answers of a connection come in the order of its requests.
"""
import asyncio
import collections
import json
import os
import struct
import subprocess
import sys
import threading

APIS = {"Produce": 0, "Fetch": 1, "ListOffsets": 2, "Metadata": 3, "OffsetCommit": 8, "OffsetFetch": 9,
        "FindCoordinator": 10, "JoinGroup": 11, "Heartbeat": 12, "LeaveGroup": 13, "SyncGroup": 14, "ApiVersions": 18,
        "CreateTopics": 19, "DeleteRecords": 21, "InitProducerId": 22, "AddPartitionsToTxn": 24, "AddOffsetsToTxn": 25,
        "EndTxn": 26, "TxnOffsetCommit": 28}
FAULTS = {"lose-answer", "lose-request", "late-request", "hold-answer", "hold-request", "late-behind"}
MOST_BYTES = 128 << 20  # a frame beyond is no Kafka


class Proxy:
    """The process, seen from a test. Threads: any."""

    def __init__(self, ports):
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-BI", __file__, *(f"{mine}:{broker}" for mine, broker in ports.items())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask(verb="ask")  # it listens

    def ask(self, **command):
        with self.lock:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()
            said = self.process.stdout.readline()
        if not said:
            raise OSError(f"the proxy ended with {self.process.wait()}")
        return json.loads(said)

    def fault(self, does, *apis, times=1, ms=0):
        """The number of a new rule. Older rules come first."""
        assert does in FAULTS, does
        return self.ask(verb="fault", do=does, apis=[APIS[name] for name in apis], times=times, ms=ms)["rule"]

    def hits(self, rule):
        return self.ask(verb="ask")["hits"].get(str(rule), 0)

    def seen(self, api):
        """How many requests of an API have come."""
        return self.ask(verb="ask")["seen"].get(str(APIS[api]), 0)

    def cut(self):
        return self.ask(verb="cut")["cut"]

    def forget(self):
        self.ask(verb="forget")

    def shut(self):
        self.ask(verb="shut")

    def open(self):
        self.ask(verb="open")

    def close(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()


# ---- the process ---------------------------------------------------------------------------------------------------


async def read_frame(reader):
    """A size and that many bytes; None at the end of the stream."""
    try:
        head = await reader.readexactly(4)
        size, = struct.unpack(">i", head)
        if not 0 <= size <= MOST_BYTES:
            return None
        return head + await reader.readexactly(size)
    except (asyncio.IncompleteReadError, OSError):
        return None


class Link:
    """One client's connection and the one to the broker that stands for it."""

    def __init__(self, relay, client, broker):
        self.relay, self.client, self.broker = relay, client, broker
        self.asked = collections.deque()  # what is done to the answers to come

    def cut(self):
        for _, writer in self.client, self.broker:
            if writer:
                writer.transport.abort()

    async def carry_requests(self):
        coming = None
        while True:
            frame = await (coming or read_frame(self.client[0]))
            coming = None
            if frame is None:
                break
            rule = self.relay.take(struct.unpack_from(">h", frame, 4)[0] if len(frame) >= 6 else -1)
            does = rule["do"] if rule else None
            if does == "lose-request":
                break
            if does == "late-request":
                self.client[1].transport.abort()
                self.client = (None, None)
                await asyncio.sleep(rule["ms"] / 1000)
            elif does == "hold-request":
                await asyncio.sleep(rule["ms"] / 1000)
            elif does == "late-behind":
                coming = asyncio.ensure_future(read_frame(self.client[0]))
                await asyncio.wait({coming}, timeout=rule["ms"] / 1000)
                if coming.done() and coming.result() is not None:
                    self.asked.append(None)
                    self.broker[1].write(coming.result())
                    coming = None
            self.asked.append(rule)
            self.broker[1].write(frame)
            await self.broker[1].drain()
            if does == "late-request":
                await asyncio.sleep(1)  # what it answers is nobody's business, but it shall be answered
                break

    async def carry_answers(self):
        while True:
            frame = await read_frame(self.broker[0])
            if frame is None:
                break
            rule = self.asked.popleft() if self.asked else None
            does = rule["do"] if rule else None
            if does == "lose-answer":
                break
            if does == "hold-answer":
                await asyncio.sleep(rule["ms"] / 1000)
            if self.client[1]:
                self.client[1].write(frame)
                await self.client[1].drain()

    async def carry(self):
        ways = [asyncio.ensure_future(self.carry_requests()), asyncio.ensure_future(self.carry_answers())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for done in await asyncio.gather(*ways, return_exceptions=True):
            if isinstance(done, Exception) and not isinstance(done, OSError):
                print(f"proxy: {done!r}", file=sys.stderr)
        self.cut()


class Relay:
    def __init__(self):
        self.rules, self.links = [], set()
        self.hits, self.seen = collections.Counter(), collections.Counter()
        self.count = 0
        self.is_shut = False

    def take(self, api):
        self.seen[api] += 1
        for rule in self.rules:
            if rule["times"] > 0 and (not rule["apis"] or api in rule["apis"]):
                rule["times"] -= 1
                self.hits[rule["number"]] += 1
                return rule
        return None

    def serve(self, port):
        async def take_client(reader, writer):
            if self.is_shut:
                writer.transport.abort()
                return
            try:
                broker = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            except OSError:
                writer.transport.abort()
                return
            link = Link(self, (reader, writer), broker)
            if self.is_shut:  # meanwhile
                link.cut()
                return
            self.links.add(link)
            try:
                await link.carry()
            finally:
                self.links.discard(link)
        return take_client

    def obey(self, command):
        if command["verb"] == "fault":
            self.count += 1
            self.rules = [rule for rule in self.rules if rule["times"] > 0] + [dict(command, number=self.count)]
            return {"rule": self.count}
        if command["verb"] == "forget":
            self.rules.clear()
        if command["verb"] in ("shut", "open"):
            self.is_shut = command["verb"] == "shut"
        if command["verb"] in ("cut", "shut"):
            links = list(self.links)
            for link in links:
                link.cut()
            return {"cut": len(links)}
        return {"hits": self.hits, "seen": self.seen, "links": len(self.links)}


async def main(pairs):
    relay = Relay()
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    for pair in pairs:
        mine, _, port = pair.partition(":")
        await asyncio.start_server(relay.serve(int(port)), "127.0.0.1", int(mine), limit=1 << 20)
    while True:
        line = await commands.readline()
        if not line:
            os._exit(0)  # the connections are nobody's any more
        print(json.dumps(relay.obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
