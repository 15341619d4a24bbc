#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Java programs that apply a packaged job to a stream or a table of their own: the examples, compiled against either
version's libraries, print there what `local` prints."""
import collections
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import flink  # noqa: E402
import flink_java  # noqa: E402
from flink_java import EXAMPLES, compiled, with_job  # noqa: E402
from flink_job import Packaged, nothing_is_left, unavailable  # noqa: E402
from kafka_job import WORD_COUNT  # noqa: E402
from story import BUILD, by_key_of_lines, check, done, same, tell  # noqa: E402

def local(place, lines):
    """{key: [output's text, …]} of a word count."""
    place.write(*lines)
    done(place.run(job=WORD_COUNT, state=False))
    return {key: [value.decode() for value in values] for key, values in by_key_of_lines(place.read()).items()}


def by_key(pairs):
    found = collections.defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return dict(found)


def examples(place, cluster):
    """Both, compiled against the cluster's own libraries."""
    job = Packaged(place, WORD_COUNT, {"action-state": {"required": False}}, "words")
    jar = compiled(place, cluster.version, "examples", *(f"{EXAMPLES}/{name}.java" for name in (
        "StreamProgram", "TableProgram")))
    stream(place, cluster, with_job(job, "weir.examples.StreamProgram"), jar)
    table(place, cluster, with_job(job, "weir.examples.TableProgram"), jar)
    return job


def stream(place, cluster, options, jar):
    words = "to be or not to be that is the qu\u00e9stion".split() * 5
    lines = [{"key": word[:1], "value": {"word": word, "n": n}} for n, word in enumerate(words)]
    printed = cluster.taskmanagers[0].out
    before = os.path.getsize(printed)
    job = cluster.run(jar, *(f"{line['key']}:{json.dumps(line['value'])}" for line in lines), parallelism=2,
                      options=options)
    cluster.wait_state(job, "FINISHED")
    names = " / ".join(name for _, name in cluster.graph(job))
    check("counter" in names, f"no 'counter' in the graph: {names}")
    nothing_is_left(cluster)
    with open(printed, encoding="utf-8") as file:
        file.seek(before)
        said = file.read().splitlines()
    # A subtask's number stands before what it prints.
    found = by_key(re.fullmatch(r"\d+> (\S+) (.*)", line).groups() for line in said)
    same(found, local(place, lines), "outputs")
    print(f"# {len(said)} outputs, Flink {cluster.version}: {names}")


def table(place, cluster, options, jar):
    """Its own three rows, of which two have one key; what it selects is printed by the client."""
    lines = [{"key": name, "value": {"name": name, "amount": amount, "since": since}}
             for name, amount, since in (("ann", 3, "2026-01-31"), ("bob", 5, None), ("ann", 4, None))]
    said = cluster.flink("run", "-p", 2, "-D", "table.display.max-column-width=100", *options, jar)
    rows = [re.fullmatch(r"\| +\+I \| +(\S+) \| +(\d+) \| +(\{.*\}) \|", line)
            for line in said.splitlines() if "+I" in line]
    check(rows and all(rows), f"no table: {said}")
    nothing_is_left(cluster)
    found = by_key((row[1], row[3]) for row in rows)
    # A table promises no order of its rows.
    wanted = [local(place, order) for order in (lines, lines[::-1])]
    check(found in wanted, f"rows: have {found}, want one of {wanted}")
    check(all(int(row[2]) == len(row[3]) for row in rows), f"the sizes are not those of the values: {said}")
    print(f"# {len(rows)} rows, Flink {cluster.version}")


def the_examples_print_on_1_20_what_local_prints(place):
    with flink.Cluster("1.20.3") as cluster:
        examples(place, cluster)


def the_examples_print_on_2_2_what_local_prints(place):
    with flink.Cluster("2.2.1") as cluster:
        job = examples(place, cluster)
        # The JAR that `make flink` has made against 1.20; its manifest names the program.
        stream(place, cluster, with_job(job), os.path.join(BUILD, "flink/weir-flink-examples.jar"))


why = unavailable() or flink_java.unavailable()
if why:
    print(f"1..0 # SKIP {why}")
    sys.exit(0)
tell()
