#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A payment service for tests: small, but real. It keeps a log of its own, synced before it answers, and read back when
it starts again; its counts are what the tests of jobs/payments believe.

    charge_server.py --log FILE [--port N] [--limit AMOUNT] [--behave JSON]… [--seed N]

Prints its port, and stops when its stdin is closed, so that nothing stays behind.

    POST /charge    {"order": …, "amount": …}   200 {"id", "order", "amount"}, or 402: declined (beyond --limit).
                    Honours Idempotency-Key: the same key gets the same answer, and has no second effect.
    POST /receipt   {"order": …, …}             200 {"receipt": …}; honours the key, too
    GET /charges?order=…                        200 {"order", "charges": [{"id", "amount"}, …]}
    GET /rates?currency=…                       200 {"currency", "per_mille"}
    GET /counts     {"orders": {ORDER: {"effects", "requests", "receipts", "receipt_requests", "declined"}},
                     "keys": {KEY: effects}, "landing": how many effects are still to land}
    POST /behave    {"do": NAME or [NAME, …], "order"?: …, "path"?: "/charge", "ms"?: N or [LOW, HIGH], "times"?: N}
                    How to treat requests from now on; the latest that fits counts, an order's own before those of all.
                    "times": for so many requests, then no more. {"do": "forget"} drops all.
    POST /land      {}: what is slow to land lands now

An order may bring its own: `o-17;slow=300`, `o-18;lose-answer+ignore-key`. The names:
    slow          has its effect, and answers `ms` later          hang         has its effect, and never answers
    slow-effect   answers when the effect has landed, `ms` after the request; it lands whether or not anybody waits
    decline       402                                             fail-before  500, without an effect
    retry-later   503 with Retry-After: 1, without an effect      fail-after   500, with the effect
    drop-before   closes the connection, without an effect        lose-answer  has its effect, closes the connection
    die-before    the whole process ends, without an effect       die-after    has its effect, then the process ends
    garbage       has its effect, answers what is no HTTP         half-body    has its effect, answers half of it
    endless       has its effect, answers without an end          huge         has its effect, answers 100 MB
    redirect      without an effect; sends on to itself           no-json      has its effect, answers 200 with a text
    ignore-key    a service that honours no keys
"""
import argparse
import asyncio
import collections
import contextlib
import json
import os
import random
import sys
import threading
import urllib.parse

WITHOUT_EFFECT = {"decline", "fail-before", "retry-later", "drop-before", "die-before", "redirect"}
WITH_EFFECT = {"slow", "hang", "slow-effect", "fail-after", "lose-answer", "die-after", "garbage", "half-body",
               "endless", "huge", "no-json", "ignore-key"}
RATES = {"EUR": 1000, "USD": 920, "GBP": 1170, "CHF": 1040}  # per mille of a euro
HUGE_BYTES = 100 * 1000 * 1000
ENDLESS_BYTES = 4 * 1000 * 1000 * 1000  # nobody should read that far, and nothing here goes on for ever
LIFE_SECONDS = 3600
REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 402: "Payment Required", 404: "Not Found",
           500: "Internal Server Error", 503: "Service Unavailable"}


class Bad(Exception):
    """A request that is none."""


class Ledger:
    """What has happened, in a file: one JSON object a line."""

    def __init__(self, path):
        self.charges = collections.defaultdict(list)   # order: [{"id", "amount"}]
        self.receipts = collections.Counter()          # order: effects
        self.requests = collections.Counter()          # (path, order)
        self.declined = collections.Counter()          # order
        self.keys = collections.Counter()              # key: effects
        self.answers = {}                              # (path, key): (status, answer)
        self.file = open(path, "a+b", buffering=0)     # pylint: disable=consider-using-with
        self.file.seek(0)
        whole = 0
        for line in self.file.read().splitlines(True):
            if not line.endswith(b"\n"):
                break
            self.take(json.loads(line))
            whole += len(line)
        self.file.truncate(whole)  # half a line had no effect: nobody was told of it

    def take(self, entry):
        path, order, key = entry["path"], entry["order"], entry.get("key")
        if entry["entry"] == "request":
            self.requests[path, order] += 1
            return
        if entry["entry"] == "declined":
            self.declined[order] += 1
        else:
            if path == "/charge":
                self.charges[order].append({"id": entry["answer"]["id"], "amount": entry["answer"]["amount"]})
            else:
                self.receipts[order] += 1
            if key:
                self.keys[key] += 1
        if key:
            self.answers.setdefault((path, key), (entry["status"], entry["answer"]))

    def add(self, sync, **entry):
        self.file.write(json.dumps(entry).encode() + b"\n")
        if sync:
            os.fsync(self.file.fileno())
        self.take(entry)

    def counts(self):
        orders = set(self.charges) | set(self.receipts) | set(self.declined) | {order for _, order in self.requests}
        return {"orders": {order: {"effects": len(self.charges.get(order, ())),
                                   "requests": self.requests["/charge", order],
                                   "receipts": self.receipts[order],
                                   "receipt_requests": self.requests["/receipt", order],
                                   "declined": self.declined[order]} for order in sorted(orders)},
                "keys": dict(self.keys)}


class Behaviours:
    """How requests are treated: by rules, and by what an order's id says."""

    def __init__(self, seed):
        self.rules, self.seed = [], seed

    @staticmethod
    def names(do):
        names = set(do if isinstance(do, list) else [do])
        unknown = names - WITHOUT_EFFECT - WITH_EFFECT
        if unknown:
            raise Bad(f"no behaviour is called {sorted(unknown)}")
        return names

    def add(self, rule):
        if rule.get("do") == "forget":
            self.rules.clear()
            return
        self.names(rule.get("do"))
        self.rules.append(dict(rule))

    def find(self, path, order, number):
        """The names that count for a request, the `number`-th of its order, and a time."""
        text = order.partition(";")[2]
        if text and path == "/charge":
            name, _, ms = text.partition("=")
            return self.names(name.split("+")), int(ms or 0)
        fitting = [rule for rule in self.rules if rule.get("times", 1) > 0 and rule.get("path", "/charge") == path
                   and rule.get("order", order) == order]
        if not fitting:
            return set(), 0
        rule = ([rule for rule in fitting if "order" in rule] or fitting)[-1]
        if "times" in rule:
            rule["times"] -= 1
        ms = rule.get("ms", 0)
        if isinstance(ms, list):
            ms = random.Random(f"{self.seed}/{path}/{order}/{number}").uniform(*ms)
        return self.names(rule["do"]), ms


class Service:
    def __init__(self, options):
        self.ledger = Ledger(options.log)
        self.behaviours = Behaviours(options.seed)
        for rule in options.behave:
            self.behaviours.add(json.loads(rule))
        self.limit = options.limit
        self.landing = {}  # (path, key) or a lone object: the task that has an effect some time
        self.must_land = asyncio.Event()

    # ---- effects ---------------------------------------------------------------------------------------------------

    async def land(self, path, order, amount, key, does, ms):
        """Has the effect, and gives the answer; on its own, whatever becomes of who asked."""
        if "slow-effect" in does:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.must_land.wait(), ms / 1000)
        if path == "/charge" and ("decline" in does or amount > self.limit):
            answer = {"order": order, "declined": True}
            self.ledger.add(True, entry="declined", path=path, order=order, key=key, status=402, answer=answer)
            return 402, answer
        if path == "/charge":
            answer = {"id": f"ch-{order}-{len(self.ledger.charges[order]) + 1}", "order": order, "amount": amount}
        else:
            answer = {"receipt": f"re-{order}-{self.ledger.receipts[order] + 1}"}
        self.ledger.add(True, entry="effect", path=path, order=order, key=key, status=200, answer=answer)
        return 200, answer

    async def effect(self, path, order, amount, key, does, ms):
        """The answer to a request: that of the first with this key, if the key counts."""
        honours = key and "ignore-key" not in does
        if honours and (path, key) in self.ledger.answers:
            return self.ledger.answers[path, key]
        what = (path, key) if honours else object()
        task = self.landing.get(what)
        if not task:
            task = asyncio.create_task(self.land(path, order, amount, key, does, ms))
            self.landing[what] = task
            task.add_done_callback(lambda _: self.landing.pop(what))
        return await asyncio.shield(task)

    async def post(self, path, body, key, writer):
        try:
            asked = json.loads(body)
            order, amount = asked["order"], asked.get("amount", 0)
            if not isinstance(order, str) or not isinstance(amount, int):
                raise Bad("order or amount is of another type")
        except (ValueError, KeyError, TypeError, AttributeError) as why:
            raise Bad(f"the body is no {path[1:]}: {why}") from why
        self.ledger.add(False, entry="request", path=path, order=order, key=key)
        does, ms = self.behaviours.find(path, order, self.ledger.requests[path, order])

        if "die-before" in does:
            os._exit(1)
        if "drop-before" in does:
            return False
        if "fail-before" in does:
            return answer(writer, 500, {"error": "nothing was charged"})
        if "retry-later" in does:
            return answer(writer, 503, {"error": "come back"}, "Retry-After: 1")
        if "redirect" in does:
            return answer(writer, 302, {}, f"Location: {path}")
        status, said = await self.effect(path, order, amount, key, does, ms)
        if "die-after" in does:
            os._exit(1)
        if "lose-answer" in does:
            return False
        if "fail-after" in does:
            return answer(writer, 500, {"error": "something was charged"})
        if "slow" in does:
            await asyncio.sleep(ms / 1000)
        if "hang" in does:
            await asyncio.sleep(LIFE_SECONDS)
        return await self.misanswer(status, said, does, writer)

    @staticmethod
    async def misanswer(status, said, does, writer):
        """The answer, or what takes its place."""
        text = json.dumps(said).encode()
        if "garbage" in does:
            writer.write(b"\x00\x16\x03 this is no HTTP\r\n\r\n" + b"\xff" * 64)
        elif "half-body" in does:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text[:len(text) // 2])
        elif "no-json" in does:
            text = b"thank you"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
            return True
        elif "endless" in does or "huge" in does:
            size = HUGE_BYTES if "huge" in does else ENDLESS_BYTES
            length = b"Content-Length: %d\r\n" % size if "huge" in does else b"Connection: close\r\n"
            writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
            for _ in range(size // 100000):
                writer.write(b"x" * 100000)
                await writer.drain()
        else:
            return answer(writer, status, said)
        return False

    # ---- requests --------------------------------------------------------------------------------------------------

    async def answer_request(self, method, target, headers, body, writer):
        """False: the connection ends."""
        path, _, query = target.partition("?")
        asked = {name: values[-1] for name, values in urllib.parse.parse_qs(query).items()}
        if method == "POST" and path in ("/charge", "/receipt"):
            return await self.post(path, body, headers.get("idempotency-key"), writer)
        if method == "POST" and path == "/behave":
            self.behaviours.add(json.loads(body))
            return answer(writer, 200, {})
        if method == "POST" and path == "/land":
            self.must_land.set()
            self.must_land.clear()
            return answer(writer, 200, {})
        if method == "GET" and path == "/counts":
            return answer(writer, 200, dict(self.ledger.counts(), landing=len(self.landing)))
        if method != "GET" or path not in ("/charges", "/rates"):
            return answer(writer, 404, {"error": f"no {method} {path}"})

        order = asked.get("order", "")
        self.ledger.add(False, entry="request", path=path, order=order)
        does, ms = self.behaviours.find(path, order, self.ledger.requests[path, order])
        if "redirect" in does:
            return answer(writer, 302, {}, f"Location: {target}")
        if "fail-before" in does:
            return answer(writer, 500, {"error": "not now"})
        if "drop-before" in does:
            return False
        if "slow" in does:
            await asyncio.sleep(ms / 1000)
        if "hang" in does:
            await asyncio.sleep(LIFE_SECONDS)
        if path == "/charges":
            return await self.misanswer(200, {"order": order, "charges": self.ledger.charges.get(order, [])}, does,
                                        writer)
        if asked.get("currency") not in RATES:
            return answer(writer, 404, {"error": "no such currency"})
        return await self.misanswer(200, {"currency": asked["currency"], "per_mille": RATES[asked["currency"]]}, does,
                                    writer)

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ", 2)
                headers = {}
                for line in lines[1:-2]:
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                if headers.get("expect", "").lower() == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                try:
                    goes_on = await self.answer_request(method, target, headers, body, writer)
                except (Bad, ValueError) as why:
                    goes_on = answer(writer, 400, {"error": str(why)})
                await writer.drain()
                if not goes_on:
                    break
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # who asked is gone, or does not speak HTTP
        finally:
            writer.close()


def answer(writer, status, said, *headers):
    text = json.dumps(said).encode()
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", "Content-Type: application/json", f"Content-Length: {len(text)}"]
    writer.write("\r\n".join(lines + list(headers) + ["", ""]).encode() + text)
    return True


def end_with_stdin():
    # Below the buffer: a thread that holds its lock would upset the interpreter's own end.
    while os.read(0, 4096):
        pass
    os._exit(0)


async def main():
    parser = argparse.ArgumentParser(description="A payment service for tests.")
    parser.add_argument("--log", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--limit", type=int, default=1000000)
    parser.add_argument("--behave", action="append", default=[])
    parser.add_argument("--seed", type=int, default=0)
    service = Service(parser.parse_args())
    options = parser.parse_args()
    server = await asyncio.start_server(service.serve, "127.0.0.1", options.port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    await asyncio.sleep(LIFE_SECONDS)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
