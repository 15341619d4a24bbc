# SPDX-License-Identifier: Apache-2.0
"""What the chaos test writes, and how it judges what came out: inputs that are drawn from a seed, and checks that say
what was lost, doubled, reordered or forgotten."""
import collections
import json

from payments import order_of
from story import check, done

LIMIT, DECLINED = 1000000, 2000000
SLOW_MS = 10, 90


class Counting:
    """Records of chaos-job: each key's are numbered from 0."""

    def __init__(self, chance, keys):
        self.chance, self.keys = chance, keys
        self.counts = collections.Counter()

    def draw(self):
        # A few keys get most of it, as in life.
        key = f"k-{int(self.keys * self.chance.random() ** 2)}"
        number = self.counts[key]
        self.counts[key] += 1
        return key, {"n": number}

    def judge_input(self, records):
        return judge_written({key: list(range(count)) for key, count in self.counts.items()}, records,
                             lambda value: value["n"])

    def judge(self, records):
        """Problems by their name, each with its count and some examples. `records`: in order within each partition."""
        problems = Problems()
        seen, last, places, runs = collections.defaultdict(set), {}, {}, set()
        for record in records:
            key, value = record.key.decode(), json.loads(record.value)
            number, where = value["n"], f"{key} at {record.partition}/{record.offset}: {value}"
            if key not in self.counts or not 0 <= number < self.counts[key]:
                problems.add("unknown", where)
                continue
            if places.setdefault(key, record.partition) != record.partition:
                problems.add("key in two partitions", where)
            if number in seen[key]:
                problems.add("duplicate", where)
            elif number < last.get(key, -1):
                problems.add("reordered", where)
            elif value["count"] != number + 1 or value["odd"] != (number % 2 == 1):
                problems.add("wrong count or state", where)
            seen[key].add(number)
            last[key] = max(number, last.get(key, -1))
            run = tuple(content for name, content in record.headers if name in ("weir-run", "weir-seq"))
            if run and run in runs:
                problems.add("run id twice", where)
            runs.add(run)
        for key, count in self.counts.items():
            for number in set(range(count)) - seen[key]:
                problems.add("lost", f"{key}: {number}")
        return problems


class Problems:
    def __init__(self):
        self.counts, self.examples = collections.Counter(), collections.defaultdict(list)

    def add(self, name, example):
        self.counts[name] += 1
        if len(self.examples[name]) < 5:
            self.examples[name].append(example)

    def __bool__(self):
        return bool(self.counts)

    def lines(self):
        return [f"{name}: {count}, such as {'; '.join(map(str, self.examples[name]))}"
                for name, count in self.counts.items()]


def judge_written(drawn, records, identify):
    """The input itself: what a writer has doubled or lost is no job's fault. `drawn`: {key: [identity, …]}."""
    problems, have = Problems(), collections.defaultdict(list)
    for record in records:
        have[record.key.decode()].append(identify(json.loads(record.value)))
    for key, wanted in drawn.items():
        found = have.pop(key, [])
        if found == wanted:
            continue
        more, less = collections.Counter(found), collections.Counter(wanted)
        for one, times in (more - less).items():
            problems.add("written too often", f"{one} of {key}, {times} times")
        for one, times in (less - more).items():
            problems.add("not written", f"{one} of {key}, {times} times")
        if more == less:
            problems.add("written out of order", key)
    for key in have:
        problems.add("written and not drawn", key)
    return problems


def euros(value):
    return (value["amount"] * 920 + 500) // 1000 if value["currency"] == "USD" else value["amount"]


class Ordering:
    """Records of jobs/payments, of the kinds that have effects, mixed."""

    def __init__(self, chance, customers, kinds, slow_ms=SLOW_MS):
        self.chance, self.customers, self.kinds, self.slow_ms = chance, customers, kinds, slow_ms
        self.count = 0
        self.by_customer = collections.defaultdict(list)
        self.kind_of = {}
        self.failed, self.known, self.retried, self.parked = set(), 0, 0, set()
        self.surprises = Problems()

    def draw(self, customer=None):
        chance = self.chance
        kind = chance.choice(self.kinds)
        does = chance.choice(["slow", "slow-effect", "slow+slow-effect"])
        does += "" if kind == "idempotent" else "+ignore-key"
        if kind == "once" and chance.random() < 0.02:
            does = chance.choice(["drop-before", "lose-answer+ignore-key"])
        order = f"o-{self.count};{does}={chance.randint(*self.slow_ms)}"
        self.count += 1
        value = {"order": order, "kind": kind, "currency": "USD" if chance.random() < 0.1 else "EUR",
                 "amount": DECLINED if chance.random() < 0.05 else chance.randrange(1, 10000)}
        customer = customer or f"c-{chance.randrange(self.customers)}"
        self.by_customer[customer].append(value)
        self.kind_of[order] = kind
        return customer, value

    def resolve(self, service, job):
        """Decides what is parked as somebody would who asks the service: what was charged is a result; the rest may be
        retried, or fail. How many there were. What should not park is noted, and decided as well: the rest is to be
        seen."""
        service.wait_until_landed()
        all_parked = job.parked()
        for one in all_parked:
            order = order_of(one)
            check(one["call"] == "charge", f"this cannot park: {one}")
            if one["kind"] != "once":
                self.surprises.add(f"parked though {one['kind']}", one)
            self.parked.add(order)
            charges = service.charges(order)
            check(len(charges) <= 1, f"{order} was charged {len(charges)} times")
            if charges:
                self.known += 1
                answer = {"status": 200, "headers": {}, "body": charges[0]}
                done(job.resolve(one, "--result", json.dumps(answer)))
            elif self.chance.random() < 0.5:
                self.retried += 1
                done(job.resolve(one, "--retry"))
            else:
                self.failed.add(order)
                done(job.resolve(one, "--fail"))
        return len(all_parked)

    def judge_input(self, records):
        return judge_written({customer: [value["order"] for value in values]
                              for customer, values in self.by_customer.items()}, records, lambda value: value["order"])

    def wanted_outputs(self):
        """{customer: all its outputs, in order}"""
        outputs = {}
        for customer, values in self.by_customer.items():
            balance, outputs[customer] = 0, []
            for value in values:
                order, charged = value["order"], euros(value) <= LIMIT
                if order in self.failed:
                    continue
                balance += euros(value) if charged else 0
                outputs[customer].append({"order": order, "charged": charged, "balance": balance,
                                          "charge_id": f"ch-{order}-1" if charged else None})
        return outputs

    def judge_outputs(self, records):
        problems = Problems()
        outputs, places, runs = collections.defaultdict(list), collections.defaultdict(list), set()
        for record in records:
            value, headers = json.loads(record.value), {name: content.decode() for name, content in record.headers}
            where = f"{record.partition}/{record.offset} of {headers.get('weir-run')}"
            outputs[record.key.decode()].append(value)
            places[value["order"]].append(where)
            run = headers.get("weir-run"), headers.get("weir-seq")
            if run in runs:
                problems.add("run id twice", f"{value['order']} at {where}")
            runs.add(run)
        for customer, wanted in self.wanted_outputs().items():
            have = outputs.pop(customer, [])
            orders, wanted_orders = [one["order"] for one in have], [one["order"] for one in wanted]
            if have == wanted:
                continue
            for order, times in (collections.Counter(wanted_orders) - collections.Counter(orders)).items():
                problems.add("lost", f"{order} of {customer}, {times} times")
            for order, times in (collections.Counter(orders) - collections.Counter(wanted_orders)).items():
                problems.add("duplicate", f"{order} of {customer}, {times} times too often: "
                                          f"{', '.join(places[order])}")
            if sorted(orders) == sorted(wanted_orders):
                problems.add("reordered or wrong", f"{customer}: have {have[-3:]}, want {wanted[-3:]}")
        for customer in outputs:
            problems.add("unknown", customer)
        return problems

    def judge_effects(self, service, kinds):
        """Counted by the service: what is of these kinds."""
        service.wait_until_landed()
        counts, problems = service.counts()["orders"], Problems()
        for values in self.by_customer.values():
            for value in values:
                order = value["order"]
                if self.kind_of[order] not in kinds:
                    continue
                want = int(order not in self.failed and euros(value) <= LIMIT)
                seen = counts.get(order, {})
                for name in "effects", "receipts":
                    if seen.get(name, 0) != want:
                        problems.add(f"{name} of {self.kind_of[order]}", f"{order}: want {want}, counted {seen}")
        return problems

    def judge_dead(self, records):
        problems = Problems()
        dead = collections.Counter(json.loads(record.value)["order"] for record in records)
        for order in self.failed | set(dead):
            if dead[order] != int(order in self.failed):
                problems.add("dead letters", f"{order}: {dead[order]}, failed: {order in self.failed}")
        return problems
