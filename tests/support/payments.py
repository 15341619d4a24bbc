# SPDX-License-Identifier: Apache-2.0
"""What the stories of jobs/payments share: the service that it charges, and the job started against it."""
import atexit
import http.client
import json
import os
import subprocess
import time
import urllib.parse

from story import BUILD, SOURCE, Ended, check, same, wait_until

JOB = os.path.join(BUILD, "jobs/payments/payments")
SERVER = os.path.join(SOURCE, "tests/support/charge_server.py")
# A call is judged 600 ms after its intent: long for a request on this machine, short for a test. Where the machine is
# so busy that the service takes long to start, a request has several times as long, and the rest grows with it.
TIMEOUT_MS, LEASE_MS, MARGIN_MS = 400, 100, 100
STARTS_PER_TIMEOUT = 3

STARTED = []


@atexit.register
def end_started():
    """Jobs that a story which failed has left behind: with --follow they would stay."""
    for process in STARTED:
        if process.poll() is None:
            process.kill()
            process.wait()


class Service:
    """charge_server.py, with a ledger in the place's folder; restarted, it has the same port and ledger."""

    def __init__(self, place, name="ledger.jsonl"):
        self.ledger, self.port, self.process = place.path(name), 0, None
        self.timeout_ms = TIMEOUT_MS
        self.start()

    def start(self):
        began = time.monotonic()
        self.process = subprocess.Popen(["/usr/bin/python3", "-B", SERVER, "--log", self.ledger, "--port",
                                         str(self.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        self.timeout_ms = max(self.timeout_ms, int(STARTS_PER_TIMEOUT * 1000 * (time.monotonic() - began)))

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            said = json.loads(answer.read())
            check(answer.status == 200, f"{method} {path}: {answer.status} {said}")
            return said
        finally:
            connection.close()

    def behave(self, do, **more):
        self.ask("POST", "/behave", dict(more, do=do))

    def counts(self):
        return self.ask("GET", "/counts")

    def count(self, order, what="effects"):
        return self.counts()["orders"].get(order, {}).get(what, 0)

    def charges(self, order):
        return self.ask("GET", "/charges?order=" + urllib.parse.quote(order))["charges"]

    def land(self):
        """What is slow to land lands now."""
        self.ask("POST", "/land", {})

    def wait_until_landed(self):
        """Nothing that was asked for can have an effect any more."""
        wait_until(lambda: self.counts()["landing"] == 0)


class Payments:
    """The job, in a place, with a service."""

    def __init__(self, place, service, kind, attempts=100, timeout_ms=None, settings=()):
        self.place, self.program = place, JOB
        self.words = {
            "job": JOB,
            "env": {"PAYMENTS_URL": service.url, "PAYMENTS_KIND": kind,
                    "PAYMENTS_TIMEOUT_MS": str(timeout_ms or service.timeout_ms),
                    "PAYMENTS_ATTEMPTS": str(attempts), "PAYMENTS_BACKOFF_MS": "10"},
            "settings": [f"calls.start-lease-ms={service.timeout_ms // 4}",
                         f"calls.margin-ms={service.timeout_ms // 4}", "commit-interval-ms=5", *settings]}

    def start(self, *more, **kind):
        process = self.place.start(*more, **self.words, **kind)
        STARTED.append(process)
        return process

    def run(self, *more, **kind):
        return self.place.run(*more, **self.words, **kind)

    def tool(self, *words):
        """`payments parked`, `payments resolve`."""
        ended = subprocess.run([self.program, words[0], "--state-dir", self.place.state, *words[1:]],
                               stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120,
                               cwd=self.place.folder, env=self.place.environment())
        return Ended(ended.returncode, ended.stdout, ended.stderr.decode("utf-8", "replace"))

    def parked(self):
        ended = self.tool("parked")
        check(ended.status == 0, f"parked: status {ended.status}: {ended.err}")
        return [json.loads(line) for line in ended.out.splitlines()]

    def resolve(self, parked, *how):
        return self.tool("resolve", parked["run"], "--attempt", str(parked["attempt"]), *how)

    def resolve_as_charged(self, parked, charge):
        answer = {"status": 200, "headers": {}, "body": charge}
        ended = self.resolve(parked, "--result", json.dumps(answer))
        check(ended.status == 0, f"resolve --result: status {ended.status}: {ended.err}")

    def outputs(self):
        """(customer, what became of an order), in the order of the file."""
        return [next(iter(json.loads(line).items())) for line in self.place.read().splitlines()]


def order_of(parked):
    """The order that a parked charge is about: the body of its request is behind the first line of its arguments."""
    return json.loads(parked["args"].partition("\n")[2])["order"]


def record(customer, order, amount=100, **more):
    return {"key": customer, "value": dict(more, order=order, amount=amount)}


def is_parked(ended):
    """The run ended because only parked runs were left, and says who lists them."""
    check(ended.status == 1, f"exit status {ended.status}, want 1; stderr: {ended.err}")
    last = ended.complaint[-1] if ended.complaint else ""
    check("parked" in last and "lists what to decide" in last, f"stderr does not say it: {ended.err}")


def outputs_are(job, *wanted):
    """These (customer, order, charged), in this order."""
    same([(customer, said["order"], said["charged"]) for customer, said in job.outputs()], list(wanted), "outputs")
