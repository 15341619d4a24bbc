#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills payments with -9 at random moments, while the service that it charges answers slowly, and believes the
service's own counts.

    payments_kills.py [KILLS [SEED]] [STORY …]

KILLS (25; or WEIR_TEST_KILLS) are made in each of the three kinds, over at least 240 orders; SEED (or WEIR_TEST_SEED)
draws the same orders and the same times again. When all orders are done before all kills are made, another round begins
in a fresh folder.
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
from payments import Payments, Service, is_parked, order_of, outputs_are, record  # noqa: E402
from story import Place, check, done, finish, same, tell, wait_until  # noqa: E402

NUMBERS = []
while len(sys.argv) > 1 and sys.argv[1].isdigit():
    NUMBERS.append(int(sys.argv.pop(1)))
KILLS = NUMBERS[0] if NUMBERS else int(os.environ.get("WEIR_TEST_KILLS", 25))
SEED = NUMBERS[1] if len(NUMBERS) > 1 else int(os.environ.get("WEIR_TEST_SEED",
                                                              random.SystemRandom().randrange(1 << 31)))
CUSTOMERS, ORDERS_EACH = 12, 20
LIFE_SECONDS = 0.02, 1.2   # before a kill; around the 600 ms after which doubt is judged
SLOW_MS = 10, 90
LIMIT, DECLINED = 1000000, 2000000
MOST_LIVES = 2000          # far more than the kills and the decisions need

print(f"# {KILLS} kills a kind, seed {SEED}: payments_kills.py {KILLS} {SEED} draws the same times again", flush=True)


def draw_orders(chance, keys_count, with_refusals):
    """Orders of all customers, mixed. The service is slow before it charges, or after it, or both; of ONCE it refuses
    a few without a word, so that there is something to decide that was not charged."""
    customers = [f"c-{n % CUSTOMERS}" for n in range(CUSTOMERS * ORDERS_EACH)]
    chance.shuffle(customers)
    records = []
    for number, customer in enumerate(customers):
        does = chance.choice(["slow", "slow-effect", "slow+slow-effect"]) + ("" if keys_count else "+ignore-key")
        if with_refusals and chance.random() < 0.03:
            does = "drop-before"
        amount = DECLINED if chance.random() < 0.05 else chance.randrange(1, 10000)
        records.append(record(customer, f"o-{number};{does}={chance.randint(*SLOW_MS)}", amount,
                              currency="USD" if chance.random() < 0.1 else "EUR"))
    return records


def euros(value):
    return (value["amount"] * 920 + 500) // 1000 if value["currency"] == "USD" else value["amount"]


class Round:
    """All orders, from the first life of the job to the one that ends them."""

    def __init__(self, folder, kind, chance):
        os.mkdir(folder)
        self.place, self.kind, self.chance = Place(folder), kind, chance
        self.records = draw_orders(chance, keys_count=kind == "idempotent", with_refusals=kind == "once")
        self.place.write(*self.records)
        self.by_customer = {}
        for one in self.records:
            self.by_customer.setdefault(one["key"], []).append(one["value"])
        self.failed, self.retried, self.known = set(), 0, 0
        self.lives = self.kills = 0

    def live(self, job, kills_left):
        """One life of the job; None: it was killed."""
        self.lives += 1
        check(self.lives < MOST_LIVES, "it does not end")
        process = job.start()
        if kills_left > 0:
            try:
                process.wait(timeout=self.chance.uniform(*LIFE_SECONDS))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                self.kills += 1
        ended = finish(process)
        return None if ended.status == -signal.SIGKILL else ended

    def check_parked(self, service, job):
        """Each customer's orders are done up to one that is parked, and none behind it was asked for."""
        done_by = {customer: [] for customer in self.by_customer}
        for customer, said in job.outputs():
            done_by[customer].append(said["order"])
        parked = {}
        for one in job.parked():
            check(one["key"] not in parked, f"two runs of {one['key']} are parked")
            check((one["kind"], one["call"], one["reason"]) == (self.kind, "charge", "doubt"), f"parked: {one}")
            parked[one["key"]] = one
        check(parked, "nothing is parked")
        counts = service.counts()["orders"]
        for customer, values in self.by_customer.items():
            left = [value["order"] for value in values
                    if value["order"] not in done_by[customer] and value["order"] not in self.failed]
            if customer not in parked:
                check(not left, f"{left[:1]} of {customer} is neither done nor parked")
                continue
            same(order_of(parked[customer]), left[0] if left else None, f"the parked order of {customer}")
            for order in left[1:]:
                check(order not in counts, f"{order} was asked for before {left[0]} was resolved")
        return parked.values()

    def resolve(self, service, job):
        """As somebody would who asks the service: what was charged is a result; the rest may be retried, or fail."""
        service.wait_until_landed()
        for one in self.check_parked(service, job):
            order = order_of(one)
            charges = service.charges(order)
            check(len(charges) <= 1, f"{order} was charged {len(charges)} times")
            if charges:
                self.known += 1
                job.resolve_as_charged(one, charges[0])
            elif self.chance.random() < 0.5:
                self.retried += 1
                done(job.resolve(one, "--retry"))
            else:
                self.failed.add(order)
                done(job.resolve(one, "--fail"))

    def check_end(self, service, job):
        service.wait_until_landed()
        check(not job.parked(), "something is parked after all")
        counts, outputs, problems = service.counts()["orders"], {}, []
        for customer, said in job.outputs():
            outputs.setdefault(customer, []).append(said)
        for customer, values in self.by_customer.items():
            balance, wanted = 0, []
            for value in values:
                order, charged = value["order"], euros(value) <= LIMIT
                seen = counts.get(order, {})
                if order in self.failed:
                    want = {"effects": 0, "receipts": 0}
                else:
                    want = {"effects": int(charged), "receipts": int(charged)}
                    balance += euros(value) if charged else 0
                    wanted.append({"order": order, "charged": charged,
                                   "charge_id": f"ch-{order}-1" if charged else None, "balance": balance})
                if any(seen.get(name, 0) != number for name, number in want.items()):
                    problems.append(f"{order} of {customer}: want {want}, the service counts {seen}")
            if outputs.get(customer, []) != wanted:
                problems.append(f"outputs of {customer}: have {outputs.get(customer)}, want {wanted}")
        dead = [json.loads(line)["record"]["value"]["order"] for line in self.place.read("dead.jsonl").splitlines()] \
            if os.path.exists(self.place.path("dead.jsonl")) else []
        check(not problems, "\n".join(problems[:20]))
        same(sorted(dead), sorted(self.failed), "the dead letters")


def kill_at_random(place, kind):
    chance = random.Random(f"{SEED}/{kind}")
    rounds, began = [], time.monotonic()
    while not rounds or sum(one.kills for one in rounds) < KILLS:
        this = Round(place.path(f"round-{len(rounds)}"), kind, chance)
        rounds.append(this)
        with Service(this.place) as service:
            job = Payments(this.place, service, kind,
                           settings=["input.on-error=dlq", "output.dlq-file=" + this.place.path("dead.jsonl")])
            while True:
                ended = this.live(job, KILLS - sum(one.kills for one in rounds))
                if ended is None:
                    continue
                if ended.status == 0:
                    break
                check(kind == "once", f"exit status {ended.status}: {ended.err}")
                is_parked(ended)
                this.resolve(service, job)
            this.check_end(service, job)
            asked = sum(one["requests"] for one in service.counts()["orders"].values())
        print(f"# {kind}: {this.kills} kills in {this.lives} lives, {len(this.records)} orders, {asked} requests to "
              f"charge; resolved: {this.known} as charged, {this.retried} to be retried, {len(this.failed)} as failed",
              flush=True)
    print(f"# {kind}: {sum(one.kills for one in rounds)} kills in {time.monotonic() - began:.0f} s", flush=True)


def once_charges_at_most_once_and_parks_what_it_does_not_know(place):
    kill_at_random(place, "once")


def idempotent_charges_exactly_once_where_the_service_honours_the_key(place):
    kill_at_random(place, "idempotent")


def checked_charges_exactly_once_where_not_done_is_final_by_the_deadline(place):
    kill_at_random(place, "checked")


def checked_charges_twice_where_not_done_is_not_final_which_is_its_limit(place):
    """The first charge lands long after its deadline: when the reconciler asks there is none, and another is made."""
    place.write(record("ada", "o-1"))
    with Service(place) as service:
        service.behave(["slow-effect", "ignore-key"], order="o-1", ms=3600000, times=1)
        service.behave(["ignore-key"])
        job = Payments(place, service, "checked")
        process = job.start()
        wait_until(lambda: service.count("o-1", "requests") == 1, process)
        process.kill()
        finish(process)
        done(job.run())
        same(service.count("o-1"), 1, "charges before the first one has landed")
        service.land()
        service.wait_until_landed()
        same(service.count("o-1"), 2, "charges in the end")
        outputs_are(job, ("ada", "o-1", True))


tell()
