#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`run` with records that crash the process: it gets past them after input.max-crashes lives, and the others are run
exactly once, each key's in order."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from broker import Record  # noqa: E402
from kafka_job import BROKER_CONFIG, Job, wait_for  # noqa: E402
from story import BUILD, check, same, tell  # noqa: E402

FAULT_JOB = os.path.join(BUILD, "tests/support/fault-job")
CALL_JOB = os.path.join(BUILD, "tests/support/call-job")
PARTITIONS, KEYS, RECORDS = 4, 20, 2000
SEGV, ABORT = -signal.SIGSEGV, -signal.SIGABRT


def job_of(place, name, program=FAULT_JOB, is_static=True, env=None, **more):
    CLUSTER.create_topic(f"{name}-in", PARTITIONS)
    CLUSTER.create_topic(f"{name}-out", PARTITIONS)
    settings = {"threads": 2, "commit-interval-ms": 20, **more}
    if is_static:  # a new life has its partitions at once
        settings["kafka"] = {"group.instance.id": "one"}
    return Job(place.path(name), CLUSTER, name, program, [f"{name}-in"], f"{name}-out", settings, env)


def good(number):
    return Record(b"k-%d" % (number % KEYS), b'{"n":%d}' % number, (), number % KEYS % PARTITIONS)


def write_with(name, *poison):
    """Good records, with poison, (partition, value), in the middle."""
    records = [good(number) for number in range(RECORDS)]
    records[RECORDS // 2:RECORDS // 2] = [Record(b"p-%d" % partition, json.dumps(value).encode(), (), partition)
                                          for partition, value in poison]
    CLUSTER.write(f"{name}-in", records)


def is_exact(name):
    """Each key's count goes from 1 to what was written, without a gap, in order."""
    counted = {}
    for record in CLUSTER.read(f"{name}-out"):
        counted.setdefault(record.key, []).append(json.loads(record.value))
    same(sorted(counted), sorted({b"k-%d" % key for key in range(KEYS)}), "keys")
    for key, outputs in counted.items():
        same(outputs, list(range(1, RECORDS // KEYS + 1)), f"outputs of {key}")


def notes_of(process):
    with open(os.path.join(process.state, "crashes"), encoding="ascii") as file:
        return file.read().splitlines()


def crashes(process, status, times, *words):
    for _ in range(times):
        ended = process.wait()
        check(ended == status, f"exit status {ended}, want {status}; {process.last_words()}")
        for word in words:
            check(word in process.said_now(), f"no '{word}'; {process.last_words()}")
        process.start()


def revive(job, statuses):
    """Until all is committed, whatever ends is started again."""
    def look():
        for process, status in job.unasked():
            statuses.append(status)
            process.start()
    job.wait_caught_up(watch=look)


def offset_of_poison(name):
    found = [record.offset for record in CLUSTER.read(f"{name}-in") if record.key.startswith(b"p-")]
    same(len(found), 1, "poison")
    return found[0]


def a_record_that_crashes_three_times_becomes_a_dead_letter(place):
    with job_of(place, "letter") as job:
        write_with(job.name, (1, {"do": "segv"}))
        offset = offset_of_poison(job.name)
        process = job.start()
        crashes(process, SEGV, 3, "faulty.act", "SIGSEGV", f"record {offset} of ", "input.max-crashes")
        job.wait_caught_up()
        is_exact(job.name)
        dead = CLUSTER.read("letter-dlq")
        same([(record.key, record.value) for record in dead], [(b"p-1", b'{"do": "segv"}')], "dead letters")
        headers = {name: value.decode() for name, value in dead[0].headers}
        same((headers["weir-topic"], headers["weir-partition"], headers["weir-offset"]),
             ("letter-in", "1", str(offset)), "place")
        for word in "3 times", "input.max-crashes", "faulty.act", "SIGSEGV":
            check(word in headers["weir-reason"], f"no '{word}' in {headers['weir-reason']}")
        # The notes go with the record: it could be written again, by a job that was mended.
        wait_for(lambda: notes_of(process)[-1].endswith(f"/1 {offset} over"), f"notes: {notes_of(process)}")
        check(job.stop_all() == [0], process.last_words())
        process.start()
        wait_for(lambda: not notes_of(process), "notes of records that are over are gone")
        check(process.stop() == 0, process.last_words())
        is_exact(job.name)
        same(len(CLUSTER.read("letter-dlq")), 1, "dead letters")


def crashes_of_all_kinds_are_noted_on_all_threads(place):
    """A stack that overflows, too, and exit(), which must not look like success."""
    kinds = {0: "overflow", 1: "overflow", 2: "exit", 3: "abort"}
    with job_of(place, "kinds", input={"on-error": "skip", "max-crashes": 1}) as job:
        write_with(job.name, *((partition, {"do": kind}) for partition, kind in kinds.items()))
        process = job.start()
        statuses = []
        revive(job, statuses)
        # Two threads may crash in one life; then each leaves a note, and the status is the first one's.
        check(set(statuses) <= {SEGV, 1, ABORT} and 2 <= len(statuses) <= len(kinds), f"exit statuses {statuses}")
        noted = sorted(line.split()[-1] for line in notes_of(process) if not line.endswith(" over"))
        same(noted, sorted(["stack-overflow", "stack-overflow", "exit()", "SIGABRT"]), "crashes noted")
        is_exact(job.name)
        check(job.stop_all() == [0], process.last_words())
        check("records passed over" in process.said_now(), f"it does not say so; {process.last_words()}")


def a_record_that_crashes_ends_a_job_that_shall_fail(place):
    with job_of(place, "fail", input={"on-error": "fail"}) as job:
        write_with(job.name, (2, {"do": "null", "at": 4096}))
        offset = offset_of_poison(job.name)
        process = job.start()
        crashes(process, SEGV, 3, "faulty.act")
        for _ in range(2):
            status = process.wait()
            check(status == 1, f"exit status {status}, want 1; {process.last_words()}")
            for word in "fail-in", "partition 2", f"offset {offset}", "3 times", "input.max-crashes", "faulty.act":
                check(word in process.said_now(), f"no '{word}'; {process.last_words()}")
            process.start()
        process.wait()
        # Mended, it is run, once it is let.
        job.settings["input"] = {"on-error": "fail", "max-crashes": 0}
        process.start(env={"FAULT_JOB_CALM": "1"})
        job.wait_caught_up()
        outputs = [record for record in CLUSTER.read("fail-out") if record.key != b"p-2"]
        same(len(outputs), RECORDS, "outputs of the others")
        same([record.value for record in CLUSTER.read("fail-out") if record.key == b"p-2"], [b"1"], "its own")
        same(CLUSTER.read("fail-dlq") if "fail-dlq" in CLUSTER.topics() else [], [], "dead letters")


def a_crash_that_was_mended_in_time_leaves_nothing_behind(place):
    with job_of(place, "mended") as job:
        write_with(job.name, (0, {"do": "segv"}))
        process = job.start()
        crashes(process, SEGV, 1)
        check(process.wait() == SEGV, process.last_words())
        process.start(env={"FAULT_JOB_CALM": "1"})
        job.wait_caught_up()
        check("crashed the process, it is run again" in process.said_now(), f"not said; {process.last_words()}")
        same([record.value for record in CLUSTER.read("mended-out") if record.key == b"p-0"], [b"1"], "its own")
        wait_for(lambda: notes_of(process)[-1].endswith(" over"), "the note goes")


def processes_of_one_job_count_for_themselves(place):
    """A partition whose process has crashed goes to another, which crashes as well: each has notes of its own."""
    with job_of(place, "two", is_static=False, input={"on-error": "dlq", "max-crashes": 2}) as job:
        write_with(job.name, (3, {"do": "segv"}))
        for _ in range(2):
            job.start()
        statuses = []
        revive(job, statuses)
        is_exact(job.name)
        same(len(CLUSTER.read("two-dlq")), 1, "dead letters")
        check(2 <= len(statuses) <= 3 and set(statuses) == {SEGV}, f"exit statuses {statuses}")


SHORT = {"calls": {"start-lease-ms": 10, "margin-ms": 0}}


def calls_made(folder):
    try:
        with open(folder.path("made"), encoding="ascii") as file:
            return [line.split() for line in file]
    except FileNotFoundError:
        return []


def a_call_that_crashes_becomes_a_dead_letter(place):
    """In its function, on a thread of the pool. A ONCE call behind it, of the same key, is made once."""
    with job_of(place, "call", CALL_JOB, env={"CALL_JOB_MADE": place.path("made")}, **SHORT) as job:
        values = b'{"kind":"pure"}', b'{"kind":"idempotent","crash":true}', b'{"kind":"once","bytes":3}'
        CLUSTER.write("call-in", [Record(b"a", value, (), 0) for value in values])
        process = job.start()
        crashes(process, SEGV, 3, "caller.act, call 'make'", "SIGSEGV", "record 1 of ")
        job.wait_caught_up()
        same([record.value for record in CLUSTER.read("call-out")], [b'""', b'"xxx"'], "outputs")
        dead = [dict(record.headers) for record in CLUSTER.read("call-dlq")]
        same([headers["weir-offset"] for headers in dead], [b"1"], "dead letters")
        check(b"call 'make'" in dead[0]["weir-reason"], f"reason: {dead[0]['weir-reason']}")
        keys = [key for key, _ in calls_made(place)]
        same(keys[-4:].count(keys[-2]), 3, f"calls that crashed, under one key: {keys}")
        same(keys.count(keys[-1]), 1, "calls of the one behind it")
        check(job.stop_all() == [0], process.last_words())


def a_reconciler_that_crashes_parks_its_run(place):
    """Its call may have been made: it is for somebody to say. The input waits in the inbox."""
    with job_of(place, "judge", CALL_JOB, env={"CALL_JOB_MADE": place.path("made")}, **SHORT,
                **{"inbox-age-ms": 100}) as job:
        value = {"kind": "checked", "until": place.path("never"), "timeout_ms": 3000, "reconcile": "crash"}
        CLUSTER.write("judge-in", [Record(b"a", json.dumps(value).encode(), (), 0),
                                   Record(b"b", b'{"kind":"pure"}', (), 0)])
        process = job.start()
        wait_for(lambda: len(calls_made(place)) == 2, "the call is made")
        job.wait_caught_up()  # it does not hold the offset
        process.kill()
        process.start()
        crashes(process, SEGV, 3, "reconciler of call 'make'", "SIGSEGV", "record 0 of ")
        wait_for(job.parked, f"it is parked; {process.last_words()}")
        parked, = job.parked()
        ended = job.resolve(parked, "--result", '"by hand"')
        check(ended.status == 0, f"resolve: {ended.err}")
        wait_for(lambda: len(CLUSTER.read("judge-out")) == 2, f"it goes on; {process.last_words()}")
        same(sorted((record.key, record.value) for record in CLUSTER.read("judge-out")),
             [(b"a", b'"by hand"'), (b"b", b'""')], "outputs")
        wait_for(lambda: notes_of(process)[-1].endswith("/0 0 over"), "the note goes")
        check(job.stop_all() == [0], process.last_words())
        same(len(calls_made(place)), 2, "calls made")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as CLUSTER:
    tell()
