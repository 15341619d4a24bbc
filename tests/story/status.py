# SPDX-License-Identifier: Apache-2.0
"""Signs of life of real jobs: what they tell over HTTP while they work, wait, stall, fail to listen and stop."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
# pylint: disable=wrong-import-position
import exposition
from story import (BUILD, PATIENCE, Skip, check, complains, done, finish, same, tell, wait_until)

WORD_COUNT = os.path.join(BUILD, "jobs/word-count/word-count")
CALL_JOB = os.path.join(BUILD, "tests/support/call-job")
FLIGHT_WATCH = os.path.join(BUILD, "jobs/flight-watch/flight-watch")
FLIGHTS = os.path.join(os.environ["top_srcdir"], "jobs/flight-watch/input.jsonl")
ADDRESS = re.compile(r"status: listening address=127\.0\.0\.1:(\d+)")


def with_endpoint():
    with open(os.path.join(BUILD, "Makefile"), encoding="utf-8") as makefile:
        return re.search(r"^MICROHTTPD_LIBS = *\S", makefile.read(), re.MULTILINE) is not None


class Watched:
    """A job that tells of itself on a port of its own choice; stopped at the end of a `with`."""

    def __init__(self, place, *more, job=WORD_COUNT, env=None, **kind):
        if not with_endpoint():
            raise Skip("built without libmicrohttpd")
        self.log = tempfile.TemporaryFile()
        command = place.command("--log-level", "info", "--set", "status.listen=127.0.0.1:0", *more, job=job, **kind)
        self.process = subprocess.Popen(command, cwd=place.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.log, env=place.environment(**(env or {})))
        self.port = None
        try:
            wait_until(self._finds_port, self.process)
        except AssertionError as why:
            self.stop(signal.SIGKILL)
            raise AssertionError(f"{why}: {self.said()}") from why

    def _finds_port(self):
        found = ADDRESS.search(self.said())
        self.port = int(found[1]) if found else None
        return self.port is not None

    def said(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        self.log.close()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)

    def ask(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def page(self):
        status, text, headers = self.ask("/metrics")
        check(status == 200, f"/metrics is {status}")
        same(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8", "type")
        return exposition.Page(text)

    def task(self):
        status, text, _ = self.ask("/tasks")
        check(status == 200, f"/tasks is {status}")
        tasks = json.loads(text)["tasks"]
        return tasks[0] if tasks else {}

    def waits_for(self, holds):
        wait_until(lambda: holds(self), self.process)

    def is_ready(self):
        return self.ask("/ready")[0] == 200


def the_reader_of_scrapes_is_strict(place):  # pylint: disable=unused-argument
    head = "# HELP a_total x\n# TYPE a_total counter\n"
    exposition.Page((head + 'a_total{b="1",c="\\n"} 1\na_total 2\n').encode())
    buckets = '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} %d\nh_sum 1\nh_count 3\n'
    exposition.Page((buckets % 3).encode())
    for bad in (head + "a_total 1", "a_total 1\n", head + "a_total 1\na_total 1\n", head + "a_total -1\n", head * 2,
                head + "b_total 1\n", head + 'a_total{b="1"c="2"} 1\n', head + 'a_total{b="\\t"} 1\n',
                head + 'a_total{b="1",} 1\n', head + 'a_total{b="1",b="2"} 1\n', head + "a_total  1\n",
                head + "a_total one\n", "# TYPE a_total counter\na_total 1\n", head.replace("_total", "") + "a 1\n",
                head.replace("counter", "gauge") + "a_total 1\n", buckets % 1, buckets % 4, head + "\n"):
        try:
            exposition.Page(bad.encode())
        except ValueError:
            continue
        raise AssertionError(f"taken: {bad!r}")


def a_job_tells_what_it_has_done_and_every_scrape_parses(place):
    place.write(*({"key": f"k{i % 3}", "value": "x"} for i in range(10)))
    with Watched(place, "--follow") as job:
        job.waits_for(lambda job: job.task().get("lag") == 0 and job.task()["committed_offset"] == 10)
        task = job.task()
        check(task["topic"] == place.input and task["partition"] == 0 and task["state"] == "running", task)
        check(task["position"] == 10 and task["high_watermark"] == 10 and task["in_flight"] == 0, task)
        check(task["epoch"] == 1 and task["commit_number"] >= 1 and task["state_bytes"] > 0, task)
        check(job.is_ready() and job.ask("/health")[0] == 200, "neither ready nor healthy")
        before = job.page()
        check(before.value("weir_records_total", thread="0") == 10, "records")
        check(before.value("weir_outputs_total") == 10 and before.value("weir_runs_ended_total") == 10, "outputs")
        check(before.value("weir_task_lag", topic=place.input, partition="0") == 0, "lag")
        check(before.value("weir_commits_total") == before.value("weir_commit_latency_seconds_count") >= 1, "commits")
        check(before.value("weir_info", job="word-count", host="local") == 1, "info")
        check(2 ** 20 < before.value("weir_resident_memory_bytes") < 2 ** 32, "resident")
        place.append(b'{"key":"new","value":1}\n' * 5)
        job.waits_for(lambda job: job.task()["committed_offset"] == 15)
        after = job.page()
        check(after.value("weir_records_total") == 15, "records after")
        check(after.value("weir_commits_total") > before.value("weir_commits_total"), "commits after")
        for series, value in before.series.items():
            if before.types.get(series[0]) == "counter":
                check(after.series[series] >= value, f"{series} went down")
        same(job.stop(), 128 + signal.SIGTERM, "exit status")
    with Watched(place, "--follow") as job:  # a second life goes on, and its counters begin anew
        job.waits_for(lambda job: job.task().get("epoch") == 2 and job.task()["lag"] == 0)
        check(job.task()["committed_offset"] == 15, job.task())
        check(job.page().value("weir_records_total") == 0, "counters of an earlier life")


def a_topic_of_odd_characters_is_escaped(place):
    odd = place.path('o"dd\\ \nin\u00e9put.jsonl')
    with open(odd, "wb") as file:
        file.write(b'{"key":"a","value":1}\n')
    with Watched(place, "--follow", source=odd) as job:
        job.waits_for(lambda job: job.task().get("lag") == 0)
        same(job.task()["topic"], odd, "topic")
        check(job.page().value("weir_task_position", topic=odd) == 1, "no such label")


def what_the_job_counts_is_shown(place):
    with Watched(place, "--follow", job=FLIGHT_WATCH, source=FLIGHTS) as job:
        job.waits_for(lambda job: job.task().get("lag") == 0)
        counts = {dict(labels)["metric"]: value for (name, labels), value in job.page().series.items()
                  if name == "weir_count_total"}
        job.stop()
        logged = {name: int(total) for name, total in re.findall(r"counted metric=(\S+) total=(\d+)", job.said())}
        check(len(logged) >= 2, job.said())
        same(counts, logged, "counts")


def a_call_under_way_is_an_errand_and_its_run_is_in_flight(place):
    until = place.path("until")
    place.write({"key": "a", "value": {"kind": "idempotent", "until": until}}, {"key": "a", "value": {"bytes": 1}})
    with Watched(place, "--follow", job=CALL_JOB) as job:
        job.waits_for(lambda job: job.task().get("waiting") == 1 and job.page().value("weir_errands") == 1)
        check(job.task()["in_flight"] == 2 and job.task()["queued"] == 1, job.task())
        check(job.page().value("weir_journal_appended_total") >= 1, "no intent")
        check(job.is_ready() and job.ask("/health")[0] == 200, "a call that waits is no stall")
        with open(until, "wb"):
            pass
        job.waits_for(lambda job: job.task()["in_flight"] == 0)
        check(job.page().value("weir_errands") == 0, "errands")
        check(job.task()["journal_end"] > 1, job.task())


def what_is_passed_over_is_counted_where_it_went(place):
    place.write(b"{bad", {"key": "a", "value": {"do": "fail"}}, {"key": "a", "value": {}})
    job_file = os.path.join(BUILD, "tests/support/fault-job")
    for action, counted, other in (("skip", "weir_skipped_total", "weir_dead_letters_total"),
                                   ("dlq", "weir_dead_letters_total", "weir_skipped_total")):
        with Watched(place, "--follow", "--set", f"input.on-error={action}", "--set", "output.dlq-file=dead.jsonl",
                     job=job_file, state=False) as job:
            job.waits_for(lambda job: job.task().get("position") == 3 and job.task()["in_flight"] == 0)
            page = job.page()
            check(page.value(counted) == 2 and page.value(other) == 0, action)
            check(page.value("weir_runs_failed_total") == 1 and page.value("weir_runs_ended_total") == 2, action)
            check(job.task()["committed_offset"] is None and job.task()["lag"] is None, job.task())


def a_loop_that_does_not_move_is_unhealthy(place):
    place.write({"key": "a", "value": {}})
    with Watched(place, "--follow", "--set", "status.stalled-after-ms=1000",
                 job=os.path.join(BUILD, "tests/support/fault-job")) as job:
        job.waits_for(Watched.is_ready)
        place.append(b'{"key":"a","value":{"do":"spin"}}\n')
        job.waits_for(lambda job: job.ask("/health")[0] == 503)
        status, text, _ = job.ask("/health")
        verdict = json.loads(text)
        check(status == 503 and verdict["status"] == "stalled", verdict)
        check(verdict["reasons"][0].startswith("thread 0 has shown no sign of life for "), verdict)
        check(job.page().value("weir_healthy") == 0 and not job.is_ready(), "healthy")


def an_idle_job_stays_healthy(place):
    place.write({"key": "a", "value": 1})
    with Watched(place, "--follow", "--set", "status.stalled-after-ms=1000") as job:
        job.waits_for(Watched.is_ready)
        started = job.page().value("weir_start_time_seconds")
        # Long enough for a loop that sleeps in poll() to count as stalled.
        job.waits_for(lambda job: json.loads(job.ask("/tasks")[1])["time_ms"] / 1000 > started + 2.5)
        same(job.ask("/health")[0], 200, "health")
        check(job.page().value("weir_thread_silent_seconds") < 1, "silent")


def a_port_in_use_is_refused_before_anything_is_written(place):
    if not with_endpoint():
        raise Skip("built without libmicrohttpd")
    place.write({"key": "a", "value": 1})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = place.run("--set", f"status.listen=127.0.0.1:{port}", job=WORD_COUNT)
    complains(ended, 3, "status.listen", f"port {port} on 127.0.0.1 is in use", "give another port")
    check(not os.path.exists(place.output) and not os.path.exists(place.state), "something was written")


def a_wrong_address_is_refused(place):
    place.write({"key": "a", "value": 1})
    wanted = "status.listen" if with_endpoint() else "no status endpoint"
    for address in ("localhost", "127.0.0.1:http", "127.0.0.1:65536", "::1:80", "[::1]", "http://x:1"):
        complains(place.run("--set", f"status.listen={address}", job=WORD_COUNT), 2, wanted)
    check(not os.path.exists(place.state), "something was written")


def a_stop_does_not_wait_for_clients(place):
    place.write({"key": "a", "value": 1})
    with Watched(place, "--follow") as job:
        job.waits_for(Watched.is_ready)
        with socket.create_connection(("127.0.0.1", job.port)) as silent, \
                socket.create_connection(("127.0.0.1", job.port)) as half:
            half.sendall(b"GET /metr")
            same(job.stop(), 128 + signal.SIGTERM, "exit status")
            same(silent.recv(1), b"", "what a client hears")


def without_the_property_nothing_listens(place):
    place.write({"key": "a", "value": 1})
    process = place.start("--follow", "--log-level", "info", job=WORD_COUNT)
    wait_until(lambda: os.path.exists(place.output) and place.read(), process)
    with open(f"/proc/{process.pid}/net/tcp", encoding="ascii") as table:
        mine = {os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{process.pid}/fd")}
        listening = {f"socket:[{line.split()[9]}]" for line in list(table)[1:] if line.split()[3] == "0A"}
    process.send_signal(signal.SIGTERM)
    ended = finish(process)
    check(not mine & listening, "it listens")
    check("status" not in ended.err, ended.err)


def the_log_as_json_has_its_facts_as_members(place):
    place.write(b"{bad", {"key": "a", "value": {}})
    ended = place.run("--set", "log.format=json", "--set", "log.levels=warn,host:debug", "--set",
                      "input.on-error=skip")
    done(ended)
    lines = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    passed = [line for line in lines if line["message"] == "record passed over"]
    check(len(passed) == 1, lines)
    same(passed[0]["at"], f"{place.input}:1", "at")
    check(passed[0]["where"] == "host/local" and passed[0]["level"] == "debug" and passed[0]["cause"], passed)
    check(not any(line["where"].startswith("cli") and line["level"] == "info" for line in lines), lines)


def wrong_levels_are_refused(place):
    place.write({"key": "a", "value": 1})
    for levels in ("loud", "kafka:", ":warn", "kafka:loud", "warn,error", "a:warn,a:info", "warn,", "a:b:c"):
        complains(place.run("--set", f"log.levels={levels}", job=WORD_COUNT), 2, "log.levels", "warn,kafka:debug")


tell()
