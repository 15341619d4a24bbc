#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A year of flights through `local` and through `run`: each aircraft's outputs are the same bytes in the same order.
WEIR_TEST_FLIGHTS: only the first so many."""
import collections
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
import story  # noqa: E402
from broker import Record  # noqa: E402
from kafka_job import BROKER_CONFIG, FLIGHT_WATCH, Job  # noqa: E402
from story import Skip, by_key_of_lines, check, done, tell  # noqa: E402

FLIGHTS = os.path.join(story.SOURCE, "data/flights.jsonl")


def flights_come_out_of_run_as_out_of_local(place):
    if not os.path.exists(FLIGHTS):
        raise Skip("no data/flights.jsonl: scripts/flights.py makes it")
    with open(FLIGHTS, "rb") as file:
        lines = file.read().splitlines()[:int(os.environ.get("WEIR_TEST_FLIGHTS", 10 ** 9))]
    with open(place.input, "wb") as file:
        file.writelines(line + b"\n" for line in lines)
    done(place.run(job=FLIGHT_WATCH, state=False))
    wanted = by_key_of_lines(place.read())
    check(wanted, "local has no outputs")

    def records():
        for line in lines:
            flight = json.loads(line)
            yield Record(flight["key"].encode(), json.dumps(flight["value"], separators=(",", ":")).encode(), (), None,
                         None, flight.get("timestamp"))
    with broker.Cluster(config=BROKER_CONFIG) as cluster:
        # The flights are of 2013; nothing shall take them for old.
        cluster.create_topic("flights", 4, {"retention.ms": "-1", "message.timestamp.before.max.ms": str(2 ** 62)})
        cluster.write("flights", records())
        with Job(place.path("job"), cluster, "flight-watch", FLIGHT_WATCH, ["flights"], "reports") as job:
            for _ in range(2):
                job.start()
            print(f"# {len(lines)} flights in {job.wait_caught_up():.1f} s")
            check(not any(job.stop_all()), "it did not stop cleanly: " + job.processes[0].last_words())
        found = collections.defaultdict(list)
        for record in cluster.each("reports"):
            found[record.key.decode()].append(record.value)
    differ = sorted(key for key in set(found) | set(wanted) if found.get(key) != wanted.get(key))
    print(f"# {sum(map(len, wanted.values()))} outputs of {len(wanted)} aircraft")
    for key in differ[:3]:
        pairs = list(zip(found.get(key, []), wanted.get(key, [])))
        first = next((pair for pair in pairs if pair[0] != pair[1]), None)
        print(f"# {key}: {len(found.get(key, []))} and {len(wanted.get(key, []))} outputs; run has, local has: {first}")
    check(not differ, f"{len(differ)} aircraft differ, such as {differ[:5]}")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
tell()
