#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""`JOB worker` without a journal: what it tells, what it keeps, what it refuses, and when it ends."""
import collections
import json
import os
import pty
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests", "support"))
import story  # noqa: E402
import worker as protocol  # noqa: E402
from story import BUILD, FAULT_JOB, SOURCE, check, same, wait_until  # noqa: E402
from worker import State, Worker, frame, hello, opening, running, stopping, u8, u32  # noqa: E402

FLIGHT_WATCH = os.path.join(BUILD, "jobs/flight-watch/flight-watch")
PAYMENTS = os.path.join(BUILD, "jobs/payments/payments")
CALL_JOB = os.path.join(BUILD, "tests/support/call-job")
FREE = ["action-state.required=false"]  # no journal, and none wanted


def records_of(job):
    with open(os.path.join(SOURCE, "jobs", job, "input.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def expected_of(job):
    """Outputs by key, as the local host has printed them."""
    outputs = collections.defaultdict(list)
    with open(os.path.join(SOURCE, "jobs", job, "expected.jsonl"), "rb") as file:
        for line in file:
            (key, _), = json.loads(line).items()
            head = json.dumps({key: 0}, ensure_ascii=False, separators=(",", ":"))[:-2].encode()
            check(line.startswith(head), f"an output begins otherwise: {line[:60]!r}")
            outputs[key.encode()].append(line[len(head):-2])
    return dict(outputs)


def by_key(outputs):
    keys = collections.defaultdict(list)
    for key, output in outputs:
        keys[key].append(output)
    return dict(keys)


def give_records(worker, records):
    for record in records:
        worker.run(record["key"].encode(), json.dumps(record["value"], separators=(",", ":")).encode(),
                   timestamp=record.get("timestamp", 0))


def count(worker, key=b"k", **more):
    return worker.run(key, b"{}", **more)


def refused(worker, status, *words):
    """Ends with FATAL, the same on stderr, and that status."""
    have = worker.wait()
    check(worker.fatal is not None, f"no FATAL; stderr: {worker.said()}")
    for word in words:
        check(word in worker.fatal.message, f"no '{word}' in: {worker.fatal.message}")
    check(worker.fatal.message in worker.said(), f"stderr says something else: {worker.said()}")
    check(have == status, f"exit status {have}, want {status}")


# ---- what it tells ---------------------------------------------------------------------------------------------------

def flight_watch_tells_what_the_local_host_prints(place):
    with Worker(place, FLIGHT_WATCH, settings=FREE) as worker:
        worker.open()
        give_records(worker, records_of("flight-watch"))
        worker.settle()
        check(worker.stop() == 0, worker.said())
        same(by_key(worker.state.outputs), expected_of("flight-watch"))
        check(worker.told[-1].kind == protocol.BYE, "no BYE")


def keys_that_were_forgotten_come_back_with_their_memory(place):
    with Worker(place, FLIGHT_WATCH, settings=FREE, keys_kept=2) as worker:
        worker.open()
        for record in records_of("flight-watch"):
            give_records(worker, [record])
            worker.settle()
        same(by_key(worker.state.outputs), expected_of("flight-watch"))
        check(len(worker.known) <= 2, "the driver forgot nothing")
        check(worker.stop() == 0, worker.said())
        check(worker.metrics["memory.keys"] <= 3, f"keys in memory: {worker.metrics}")


def at_every_cut_a_new_worker_goes_on_with_what_was_applied(place):
    records = [(b"ada", 1), (b"bob", 2), (b"ada", 3), (b"ada", 4), (b"bob", 5), (b"eve", 6)] * 2
    want = {b"ada": [b"1", b"2", b"3", b"4", b"5", b"6"], b"bob": [b"1", b"2", b"3", b"4"], b"eve": [b"1", b"2"]}
    for cut in range(len(records) + 1):
        state = State()
        with Worker(place, FAULT_JOB, settings=FREE, state=state) as first:
            first.open()
            for number, (key, _) in enumerate(records):
                if number == cut:
                    first.settle()
                    first.process.kill()  # what it has told from here on is not applied
                count(first, key)
            first.settle() if cut == len(records) else None
        with Worker(place, FAULT_JOB, settings=FREE, state=state) as second:
            second.open(is_restored=True)
            second.restore()
            second.settle()
            same(by_key(state.outputs), want, f"outputs after a cut at {cut}")


def a_batch_tells_the_last_value_of_each_path_and_what_went(place):
    with Worker(place, FLIGHT_WATCH, settings=FREE) as worker:
        worker.open()
        give_records(worker, records_of("flight-watch"))
        worker.settle()
        for told in worker.told:
            if told.kind == protocol.BATCH:
                for key, cells in told.batch.changes:
                    paths = [path for path, _ in cells]
                    check(len(paths) == len(set(paths)), f"a path stands twice for {key!r}")
                keys = [key for key, _ in told.batch.changes]
                check(len(keys) == len(set(keys)), "a key stands twice")


def ends_of_one_key_come_in_order_also_of_what_cannot_be_read(place):
    with Worker(place, FAULT_JOB, settings=FREE + ["input.on-error=skip"]) as worker:
        worker.open()
        for number in range(50):
            worker.run(b"k", b"{" if number % 3 else b"{}")
        worker.settle()
        tickets = [end.ticket for told in worker.told if told.kind == protocol.BATCH for end in told.batch.ends]
        same(tickets, list(range(1, 51)), "tickets")
        check(len(worker.state.refused) == 33, "how many were skipped")


def values_expire_in_input_time(place):
    with Worker(place, FAULT_JOB, settings=FREE) as worker:
        worker.open([("short-term-memory.state-ttl.ms", "1000"),
                     ("agent.short-term-memory.state-ttl.update-type", "ON_CREATE_AND_WRITE")])
        for time_ms in (1000, 1500, 2600):
            count(worker, timestamp=time_ms)
        worker.settle()
        same(worker.state.outputs, [(b"k", b"1"), (b"k", b"2"), (b"k", b"1")])


def other_formats_are_read_and_written(place):
    with Worker(place, FAULT_JOB, settings=FREE + ["input.format=string"]) as worker:
        worker.open()
        worker.run(b"k", b"no JSON at all")
        worker.run(b"k", b"{}", flags=protocol.IS_JSON)
        worker.run(b"k", None)
        worker.settle()
        same(worker.state.outputs, [(b"k", b"1"), (b"k", b"2"), (b"k", b"3")])
    with Worker(place, FAULT_JOB, settings=FREE + ["output.format=string"]) as worker:
        worker.open()
        count(worker)
        refused(worker, 2, "an output of run tests/0/0")


def keys_are_found_by_a_worker_that_has_no_key_groups(place):
    with Worker(place, FAULT_JOB, settings=["input.key-by=/user"]) as worker:
        worker.open(groups=(1, 0))
        for ticket, payload in [(7, b'{"user": "ada"}'), (8, b'{"user": 42}'), (9, b'{"a": 1}'), (7, b"{")]:
            worker.send(protocol.asking(ticket, payload))
        worker.until(lambda: len([t for t in worker.told if t.kind == protocol.KEYED]) == 4, "the keys")
        keyed = [t for t in worker.told if t.kind == protocol.KEYED]
        same([(t.ticket, t.how, t.key) for t in keyed],
             [(7, 0, b"ada"), (8, 0, b"42"), (9, protocol.FAILED, None), (7, protocol.FAILED, None)])
        check(keyed[2].code == "WEIR_INVALID" and "/user" in keyed[2].message, keyed[2].message)
        check(worker.stop() == 0, worker.said())


# ---- runs that fail --------------------------------------------------------------------------------------------------

def a_run_that_fails_the_job_is_told_alone_and_nothing_after_it(place):
    with Worker(place, FAULT_JOB, settings=FREE) as worker:
        worker.open()
        for number in range(20):
            worker.run(b"k%d" % (number % 3), b'{"do": "fail"}' if number == 10 else b"{}")
        worker.until(lambda: worker.state.refused, "the failure")
        given, end = worker.state.refused[0]
        check(end.kind == protocol.FAILED and end.code == "WEIR_FAILED" and "told to fail" in end.message, end.message)
        check(given.index == 10 and sorted(worker.state.pending) == list(range(12, 21)), "what was told")
        last = [told for told in worker.told if told.kind == protocol.BATCH][-1].batch
        check(len(last.ends) == 1 and not last.changes, "the failure did not come alone")
        check(worker.stop() == 0, worker.said())


def runs_that_fail_are_skipped_or_sent_on(place):
    for policy, kind in (("skip", protocol.SKIPPED), ("dlq", protocol.DEAD)):
        with Worker(place, FAULT_JOB, settings=FREE + [f"input.on-error={policy}"]) as worker:
            worker.open()
            for what in (b"{}", b'{"do": "fail"}', b"{", b'{"do": "cycle"}', b"{}"):
                worker.run(b"k", what)
            worker.settle()
            same([end.kind for _, end in worker.state.refused], [kind] * 3)
            same(worker.state.outputs, [(b"k", b"1"), (b"k", b"2")])
            check(worker.stop() == 0, worker.said())
            check(worker.metrics["runs.passed-over"] == 3, f"{worker.metrics}")


def what_the_job_prints_is_no_frame(place):
    with Worker(place, FAULT_JOB, settings=FREE) as worker:
        worker.open()
        for _ in range(5):
            worker.run(b"k", b'{"do": "print"}')
        count(worker)
        worker.settle()
        check(worker.stop() == 0 and worker.said().count("noise of the job's own") == 5, worker.said())


# ---- configuration ---------------------------------------------------------------------------------------------------

def a_job_without_a_topic_for_its_journal_is_refused(place):
    with Worker(place, PAYMENTS) as worker:
        worker.send(hello() + opening())
        refused(worker, 2, "action-state.topic names no topic", "action-state.required: false")
        check(worker.fatal.code == "WEIR_CONFIG", worker.fatal.code)


def without_a_journal_calls_are_made_if_that_is_wanted(place):
    made = place.path("made")
    with Worker(place, CALL_JOB, settings=FREE, environment={"CALL_JOB_MADE": made}) as worker:
        worker.open()
        worker.run(b"k", b'{"kind": "once", "bytes": 3}')
        worker.settle()
        same(worker.state.outputs, [(b"k", b'"xxx"')])
        with open(made, "rb") as file:
            check(len(file.readlines()) == 1, "how often it was called")


def the_hosts_settings_stand_under_the_command_lines(place):
    with Worker(place, FAULT_JOB, settings=FREE + ["log.level=error"]) as worker:
        worker.open([("log.level", "info"), ("job-identifier", "renamed"), ("num-async-threads", "3"),
                     ("error-handling-strategy", "RETRY"), ("flink.parked-at-end", "wait"),
                     ("flink.parked-holds-watermark", "false")])
        check(worker.ready.at_end == 1 and worker.ready.is_holding == 0, "READY")
        check(worker.stop() == 0 and not worker.logs, f"{worker.logs}")


def settings_that_do_not_fit_are_refused(place):
    for name, value, *words in [
            ("actionStateStoreBackend", "fluss", "'fluss' is not known here, kafka expected"),
            ("kafkaActionStateTopicc", "t", "unknown property 'kafkaActionStateTopicc'"),
            ("short-term-memory.state-ttl.ms", "soon", "short-term-memory.state-ttl.ms", "'soon' is no integer"),
            ("short-term-memory.state-ttl.update-type", "NEVER", "ON_CREATE_AND_WRITE or ON_READ_AND_WRITE"),
            ("flink.parked-at-end", "perhaps", "fail, wait")]:
        with Worker(place, FAULT_JOB, settings=FREE) as worker:
            worker.send(hello() + opening([(name, value)]))
            refused(worker, 2, "the host's configuration", *words)


# ---- hostile input ---------------------------------------------------------------------------------------------------

def frames_that_are_wrong_end_it_with_what_and_where(place):
    greeting = hello() + opening()
    for data, *words in [
            (b"GET / HTTP/1.1\r\n\r\n", "its length is 1195725856"),
            (hello(magic=b"WIER"), "the magic number is not that of a weir host"),
            (hello(2, 7), "speaks versions 2..7", "speaks 1"),
            (opening(), "is OPEN, which may not come now", "HELLO must come first"),
            (hello() + hello(), "OPEN must follow HELLO"),
            (greeting + hello(), "there is one HELLO"),
            (greeting + frame(77, b"abc"), "type 77 is not known"),
            (greeting + b"\0\0\0\0", "its length is 0"),
            (greeting + b"\xff\0\0\0\x03", "its length is 4278190080"),
            (greeting + frame(5, b"\2"), "is_at_once is neither 0 nor 1"),
            (greeting + running(2, b"k", b"{}"), "its ticket is 2, 1 is the next"),
            (greeting + running(1, b"k", b"{}", group=128), "its key group is 128, 0..127"),
            (greeting + running(1, b"k", b"{}", source=b"\xff"), "source is not UTF-8"),
            (greeting + running(1, b"k", b"{}", cells=[(b"p", b"\x77")]), "frame 3"),
            (greeting + running(1, b"k", b"{}", entries=[(7, b"junk")]), "the entry at 7"),
            (greeting + running(1, None, b"{}"), "key is absent"),
            (greeting + frame(5, u8(0) + b"more"), "4 of them stand behind its last field"),
            (greeting + protocol.asking(1, b"{}"), "input.key-by"),
            (hello() + opening(groups=(1, 0)) + running(1, b"k", b"{}"), "opened without key groups"),
            (hello() + opening(groups=(0, 128)), "the last key group is not below max_parallelism")]:
        with Worker(place, FAULT_JOB, settings=FREE) as worker:
            worker.send(data)
            refused(worker, 2 if "input.key-by" in words else 3, *words)


def memory_of_a_key_whose_run_is_under_way_is_refused(place):
    never = place.path("never")
    call = json.dumps({"kind": "pure", "until": never}).encode()
    for data in (running(2, b"k", b"{}"), protocol.forgetting(b"k")):
        with Worker(place, CALL_JOB, settings=FREE) as worker:
            worker.open()
            worker.run(b"k", call)
            worker.send(data)
            refused(worker, 3, "a run of its key is under way")


def an_input_cut_off_within_a_frame_is_said_to_be(place):
    with Worker(place, FAULT_JOB, settings=FREE) as worker:
        worker.open()
        worker.send(running(1, b"k", b"{}")[:20])
        worker.end_input()
        refused(worker, 3, "the input ends within a frame, behind 20 of its bytes")


def who_starts_it_by_hand_is_told_that_it_is_not_for_them(place):
    ours, theirs = pty.openpty()
    ended = subprocess.run([FAULT_JOB, "worker"], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env=place.environment(), timeout=story.PATIENCE, check=False)
    os.close(ours)
    os.close(theirs)
    check(ended.returncode == 2 and b"what Flink starts" in ended.stderr and not ended.stdout, f"{ended}")


# ---- ends ------------------------------------------------------------------------------------------------------------

def the_end_of_its_input_ends_it_at_any_time(place):
    for given in (b"", hello(), hello() + opening(), hello() + opening() + running(1, b"k", b"{}")):
        with Worker(place, FAULT_JOB, settings=FREE) as worker:
            worker.send(given)
            worker.end_input()
            check(worker.wait() == 0, f"status after {len(given)} bytes; {worker.said()}")
            check(not any(told.kind == protocol.BYE for told in worker.told), "a BYE that nobody asked for")


def the_end_of_its_input_ends_it_with_calls_under_way(place):
    made = place.path("made")
    with Worker(place, CALL_JOB, settings=FREE, environment={"CALL_JOB_MADE": made}) as worker:
        worker.open()
        for number in range(40):
            worker.run(b"k%d" % number, json.dumps({"kind": "once", "until": place.path("never")}).encode())
        wait_until(lambda: os.path.exists(made), worker.process)
        worker.end_input()
        began = time.monotonic()
        check(worker.wait() == 0, worker.said())
        check(time.monotonic() - began < 20, "it waited for calls that nobody will hear of")


def an_action_that_never_ends_is_ended_with_the_input(place):
    with Worker(place, FAULT_JOB, settings=FREE) as worker:
        worker.open()
        worker.run(b"k", b'{"do": "spin"}')
        wait_until(lambda: "spinning" in worker.said(), worker.process)
        worker.end_input()
        check(worker.wait() == 3 and "the loop is held up" in worker.said(), worker.said())


def a_stop_waits_for_calls_under_way_but_not_one_at_once(place):
    made, go = place.path("made"), place.path("go")
    for at_once in (False, True):
        with Worker(place, CALL_JOB, settings=FREE, environment={"CALL_JOB_MADE": made}) as worker:
            worker.open()
            worker.run(b"k", json.dumps({"kind": "once", "until": go}).encode())
            wait_until(lambda: os.path.exists(made), worker.process)
            worker.send(stopping(at_once))
            if not at_once:
                worker.until(lambda: worker.metrics.get("calls.under-way") == 1, "a sign of life")
                check(worker.process.poll() is None, "it did not wait")
                with open(go, "wb"):
                    pass
            check(worker.wait() == 0 and worker.told[-1].kind == protocol.BYE, worker.said())
            check(not at_once or len(worker.state.pending) == 1, "a run that was stopped has ended")
        for path in (made, go):
            if os.path.exists(path):
                os.unlink(path)


def a_stop_is_seen_behind_runs_that_must_wait(place):
    with Worker(place, CALL_JOB, settings=FREE + ["limits.runs-in-flight=4", "calls.threads=1"]) as worker:
        worker.open()
        for number in range(50):
            worker.run(b"k%d" % number, json.dumps({"kind": "pure", "until": place.path("never")}).encode())
        check(worker.stop(at_once=True) == 0, worker.said())
        same([worker.told[-1].kind, len(worker.state.pending)], [protocol.BYE, 50], "what it told")


def a_host_that_does_not_read_stops_it_and_does_not_hang_it(place):
    process = subprocess.Popen([FAULT_JOB, "worker", "--set", FREE[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, env=place.environment())
    many, done = 300000, threading.Event()

    def write():
        process.stdin.write(hello() + opening())
        for first in range(0, many, 1000):
            process.stdin.write(b"".join(running(number + 1, b"key-%d" % (number % 1000), b"{}",
                                                 flags=1 if number < 1000 else 0)
                                         for number in range(first, first + 1000)))
        process.stdin.flush()
        done.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    while True:  # until both are stuck: then neither moves by itself
        before = processor_time(process.pid)
        if done.wait(0.3) or processor_time(process.pid) == before:
            break
    check(not done.is_set(), "all was taken in, though nothing was read")
    ended = 0
    while ended < many:
        head = process.stdout.read(5)
        body = process.stdout.read(struct.unpack(">I", head[:4])[0] - 1)
        if head[4] == protocol.BATCH:
            ended += struct.unpack(">I", body[:4])[0]
    writer.join()
    process.stdin.close()
    process.stdout.close()
    check(process.wait(timeout=story.PATIENCE) in (0, 3), "how it ended")


def processor_time(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    story.tell()
