#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Kafka host under ThreadSanitizer: two processes with two stream threads each, whose status is asked for all the
time, while records come, tasks are recovered, move, and are given up. Run by tests/long/threads.sh: WEIR_TEST_TSAN
names the build with the sanitizer, WEIR_TEST_C11_THREADS what tests/support/c11_threads.c becomes; the tools are those
of the other build.

librdkafka is not instrumented: tests/support/races.py tells which reports are about its memory alone.
"""
import os
import re
import sys
import threading
import urllib.request

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from chaos_events import Feeder  # noqa: E402
from kafka_job import BROKER_CONFIG, Job, wait_for  # noqa: E402
from payments import Service  # noqa: E402
from races import races_in  # noqa: E402
from story import check, tell  # noqa: E402

TSAN = os.environ.get("WEIR_TEST_TSAN")
THREADS_OF_C11 = os.environ.get("WEIR_TEST_C11_THREADS", "")
PARTITIONS, THREADS, KEYS = 4, 2, 100
PAGES = ("/health", "/ready", "/metrics", "/tasks")
LISTENS = re.compile(r"listening address=\"?127\.0\.0\.1:(\d+)")


class Reader:
    """Asks the status of all processes that run, all the time."""

    def __init__(self, job):
        self.job, self.is_over, self.answers = job, False, 0
        self.thread = threading.Thread(target=self.ask, daemon=True)
        self.thread.start()

    def ask(self):
        while not self.is_over:
            for process in self.job.running():
                said = LISTENS.findall(process.said_now()) if os.path.exists(process.log) else []
                for page in PAGES if said else ():
                    try:
                        with urllib.request.urlopen(f"http://127.0.0.1:{said[-1]}{page}", timeout=10) as answer:
                            self.answers += bool(answer.read())
                    except OSError:
                        pass  # not yet, or no more; 503 is an answer of those that are not ready

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()


def races_nowhere(place, name, program, draw, rate, env=None):
    CLUSTER.create_topic(name + "-in", PARTITIONS)
    CLUSTER.create_topic(name + "-out", PARTITIONS)
    reports = place.path("tsan")
    options = f"log_path={reports}:exitcode=0:history_size=4:second_deadlock_stack=1"
    with Job(place.path(name), CLUSTER, name, os.path.join(TSAN, program), [name + "-in"], name + "-out",
             {"threads": THREADS, "status": {"listen": "127.0.0.1:0"}, "log": {"levels": "info"}},
             dict(env or {}, TSAN_OPTIONS=options, LD_PRELOAD=THREADS_OF_C11)) as job, Reader(job) as reader:
        feeder = Feeder(CLUSTER, name + "-in", draw, rate)
        try:
            first = job.start()
            wait_for(lambda: job.unasked() or len(job.members()) == THREADS, "its threads are members")
            check(first.is_running, f"it ended; {first.last_words()}")
            feeder.allow(2 * rate)
            job.wait_caught_up()
            feeder.allow(1000000)
            second = job.start()
            job.wait_settled(2 * THREADS)
            feeder.wait_sent(feeder.sent + 2 * rate)
            status = second.stop()
            check(status == 0, f"exit status {status}; {second.last_words()}")
            feeder.wait_sent(feeder.sent + rate)
            second.start()
            job.wait_settled(2 * THREADS)
            feeder.wait_sent(feeder.sent + rate)
            second.kill()
            feeder.wait_sent(feeder.sent + rate)
            feeder.halt()
        finally:
            feeder.close()
        job.wait_caught_up()
        status = first.stop()
        check(status == 0, f"exit status {status}; {first.last_words()}")
        check(not job.unasked(), "a process ended")
        check(reader.answers >= 20, f"the status was seen {reader.answers} times")
    found, others = races_in(reports)
    print(f"# {name}: {feeder.sent} records, {reader.answers} pages of status, {others} reports are librdkafka's own")
    check(not found, "\n".join(found[:5]))


def counting(place):
    numbers = iter(range(1 << 60))

    def draw():
        number = next(numbers)
        return f"k-{number % KEYS}", {"n": number}
    races_nowhere(place, "counting", "tests/support/chaos-job", draw, 1000)


def calls_on_the_pool(place):
    kinds, numbers = ("pure", "idempotent", "once", "checked"), iter(range(1 << 60))

    def draw():
        number = next(numbers)
        return f"k-{number % KEYS}", {"kind": kinds[number % 4], "bytes": 10, "reconcile": "not-done"}
    races_nowhere(place, "calling", "tests/support/call-job", draw, 100)


def calls_over_http(place):
    numbers = iter(range(1 << 60))

    def draw():
        number = next(numbers)
        return f"k-{number % KEYS}", {"order": f"o-{number}", "amount": 100, "kind": "idempotent"}
    with Service(place) as service:
        races_nowhere(place, "charging", "jobs/payments/payments", draw, 20, {"PAYMENTS_URL": service.url})


unavailable = broker.unavailable() or (None if TSAN else "WEIR_TEST_TSAN names no build with ThreadSanitizer")
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as CLUSTER:
    tell()
