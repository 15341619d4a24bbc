#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A service that does what services do, decisions, and calls that come too late: clear errors, nothing lost, nothing
charged twice that must not be. What was charged is what the service counts."""
import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
from payments import Payments, Service, is_parked, order_of, outputs_are, record  # noqa: E402
from story import BUILD, Skip, check, complains, done, finish, same, sanitized, tell, wait_until  # noqa: E402

CALL_JOB = os.path.join(BUILD, "tests/support/call-job")
ADA, GRACE = ("ada", "o-1", True), ("grace", "o-2", True)
DLQ = ["input.on-error=dlq", "output.dlq-file=dead.jsonl"]


def forget(place, name):
    if os.path.isdir(place.path(name)):
        shutil.rmtree(place.path(name))
    else:
        os.remove(place.path(name))


def two_orders(at):
    """One that meets the fault, and another customer's, which never may."""
    at.write(record("ada", "o-1"), record("grace", "o-2"))


def dies_while_charging(place, kind, service, **more):
    """o-2 is done; then the job is killed when the service has the request for o-1."""
    place.write(record("grace", "o-2"))
    job = Payments(place, service, kind, **more)
    done(job.run())
    place.append(json.dumps(record("ada", "o-1")).encode() + b"\n")
    process = job.start()
    wait_until(lambda: service.count("o-1", "requests") == 1, process)
    process.kill()
    same(finish(process).status, -signal.SIGKILL, "exit status")
    return job


def ends_parked_and_is_resolved(job, service):
    """ONCE: o-1 is parked, o-2 done; the service knows of one charge of o-1, and is believed."""
    is_parked(job.run())
    outputs_are(job, GRACE)
    service.wait_until_landed()
    same(service.count("o-1"), 1, "charges of o-1")
    parked, = job.parked()
    same([parked["key"], parked["kind"], parked["call"], parked["attempt"], parked["reason"]],
         ["ada", "once", "charge", 1, "doubt"], "what is parked")
    same(order_of(parked), "o-1", "the order that is parked")
    is_parked(job.run())
    same(service.count("o-1", "requests"), 1, "requests after one more start")
    job.resolve_as_charged(parked, service.charges("o-1")[0])
    same(job.parked(), [], "what is parked after it was resolved")
    done(job.run())
    outputs_are(job, GRACE, ADA)
    same(job.outputs()[1][1]["charge_id"], "ch-o-1-1", "its charge")
    same([service.count("o-1"), service.count("o-1", "receipts")], [1, 1], "charges and receipts of o-1")


def ends_with_one_charge(job, service, requests):
    done(job.run())
    service.wait_until_landed()
    same(sorted((customer, said["order"], said["charged"]) for customer, said in job.outputs()), [ADA, GRACE],
         "outputs")
    same(service.count("o-1"), 1, "charges of o-1")
    same(service.count("o-1", "requests"), requests, "requests to charge o-1")
    same(job.parked(), [], "what is parked")


# ---- a charge that lands after its caller's death -----------------------------------------------------------------


def a_charge_that_lands_after_its_callers_death_parks_a_once(place):
    with Service(place) as service:
        service.behave(["slow-effect", "ignore-key"], order="o-1", ms=300)
        ends_parked_and_is_resolved(dies_while_charging(place, "once", service), service)


def a_charge_that_lands_after_its_callers_death_is_found_by_the_key(place):
    with Service(place) as service:
        service.behave("slow-effect", order="o-1", ms=300)
        ends_with_one_charge(dies_while_charging(place, "idempotent", service), service, requests=2)


def a_charge_that_lands_after_its_callers_death_is_found_by_the_reconciler(place):
    with Service(place) as service:
        service.behave(["slow-effect", "ignore-key"], order="o-1", ms=300)
        job = dies_while_charging(place, "checked", service)
        service.wait_until_landed()  # before it is judged, as calls.margin-ms must see to
        ends_with_one_charge(job, service, requests=1)


# ---- answers that do not come, or are none ------------------------------------------------------------------------


def is_survived(place, fault, kinds=("once", "idempotent", "checked")):
    """The first request for o-1 is charged, and its answer does not come, or is none."""
    for kind in kinds:
        for name in os.listdir(place.folder):
            forget(place, name)
        two_orders(place)
        with Service(place) as service:
            if kind != "idempotent":
                service.behave("ignore-key")
            service.behave([fault] + ["ignore-key"] * (kind != "idempotent"), order="o-1", times=1)
            job = Payments(place, service, kind)
            if kind == "once":
                ends_parked_and_is_resolved(job, service)
            else:
                ends_with_one_charge(job, service, requests=2 if kind == "idempotent" else 1)


def a_time_out_is_doubt(place):
    is_survived(place, "hang")


def a_lost_answer_is_doubt(place):
    is_survived(place, "lose-answer")


def garbage_for_an_answer_is_doubt(place):
    is_survived(place, "garbage")


def half_a_body_is_doubt(place):
    is_survived(place, "half-body")


def are_both_done(job, service):
    """A reconciler that the service came back too late for has parked its run: that is decided by what was charged."""
    for parked in job.parked():
        charges = service.charges(order_of(parked))
        if charges:
            job.resolve_as_charged(parked, charges[0])
        else:
            done(job.resolve(parked, "--retry"))
    return len(job.place.read().splitlines()) == 2


def a_service_that_dies_after_charging_leaves_doubt(place):
    two_orders(place)
    with Service(place) as service:
        service.behave(["die-after", "ignore-key"], order="o-1")
        job = Payments(place, service, "checked", attempts=1000)
        process = job.start("--follow")
        service.process.wait()
        service.start()
        wait_until(lambda: are_both_done(job, service), process)
        process.terminate()
        same(finish(process).status, 143, "exit status")
        same([service.count("o-1"), service.count("o-1", "requests")], [1, 1], "charges and requests of o-1")


def a_question_that_is_not_answered_is_put_again(place):
    two_orders(place)
    with Service(place) as service:
        service.behave("ignore-key", order="o-1")
        service.behave(["lose-answer", "ignore-key"], order="o-1", times=1)
        for does in "hang", "drop-before", "fail-before":
            service.behave(does, path="/charges", times=1)
        job = Payments(place, service, "checked", attempts=10)
        ends_with_one_charge(job, service, 1)


def a_question_that_is_never_answered_parks(place):
    two_orders(place)
    with Service(place) as service:
        service.behave("ignore-key", order="o-1")
        service.behave(["lose-answer", "ignore-key"], order="o-1", times=1)
        service.behave("drop-before", path="/charges")
        job = Payments(place, service, "checked", attempts=3)
        is_parked(job.run())
        same([(one["kind"], one["reason"]) for one in job.parked()], [("checked", "unknown")], "what is parked")
        service.behave("forget")
        job.resolve_as_charged(job.parked()[0], service.charges("o-1")[0])
        ends_with_one_charge(job, service, 1)


def a_service_that_dies_before_charging_is_asked_again(place):
    two_orders(place)
    with Service(place) as service:
        service.behave(["die-before", "ignore-key"], order="o-1")
        job = Payments(place, service, "checked", attempts=1000)
        process = job.start("--follow")
        service.process.wait()
        service.start()
        wait_until(lambda: are_both_done(job, service), process)
        process.terminate()
        same(finish(process).status, 143, "exit status")
        same([service.count("o-1"), service.count("o-1", "requests")], [1, 2], "charges and requests of o-1")


# ---- answers that fail the run ------------------------------------------------------------------------------------


def fails_and_loses_nothing(place, fault, *words, effects, **rule):
    """o-1's run fails with a message that has these words, becomes a dead letter, and is not tried again."""
    place.write(record("ada", "o-1", currency="USD"), record("ada", "o-3"), record("grace", "o-2"))
    with Service(place) as service:
        service.behave(fault, **rule)
        job = Payments(place, service, "once", settings=DLQ, attempts=3)
        for start in range(2):
            ended = job.run()
            if start == 0:
                complains(ended, 0, "1 records passed over")
            done(ended)
            same(sorted((customer, said["order"]) for customer, said in job.outputs()),
                 [("ada", "o-3"), ("grace", "o-2")], "outputs")
            dead = json.loads(place.read("dead.jsonl"))
            same(dead["record"]["value"]["order"], "o-1", "the dead letter")
            for word in words:
                check(word in dead["error"], f"no '{word}' in: {dead['error']}")
            same(service.count("o-1"), effects, "charges of o-1")
        same(job.parked(), [], "what is parked")


def an_answer_without_an_end_is_a_limit(place):
    fails_and_loses_nothing(place, "endless", "charge", "1048576", effects=1, order="o-1")


def an_answer_of_100_megabytes_is_a_limit(place):
    fails_and_loses_nothing(place, "huge", "charge", "1048576", effects=1, order="o-1")


def an_answer_that_is_no_json_is_named(place):
    fails_and_loses_nothing(place, "no-json", "charge", "no JSON", effects=1, order="o-1")


def a_status_that_is_no_answer_is_named(place):
    fails_and_loses_nothing(place, "fail-before", "charge", "status 500", effects=0, order="o-1")


def a_post_that_is_sent_on_is_not_followed(place):
    fails_and_loses_nothing(place, "redirect", "charge", "status 302", effects=0, order="o-1")


def a_loop_of_redirects_ends(place):
    fails_and_loses_nothing(place, "redirect", "rate", "redirect", effects=0, path="/rates")


def a_failed_run_is_named_and_what_came_before_is_kept(place):
    place.write(record("ada", "o-1"), record("ada", "o-2;fail-before"))
    with Service(place) as service:
        job = Payments(place, service, "once")
        complains(job.run(), 1, "input.jsonl:2", "charge", "status 500")
        outputs_are(job, ADA)


def what_the_service_asks_to_try_later_is_tried_later(place):
    two_orders(place)
    with Service(place) as service:
        service.behave("retry-later", order="o-1", times=2)
        job = Payments(place, service, "idempotent")
        ends_with_one_charge(job, service, requests=3)


# ---- a service that is down ---------------------------------------------------------------------------------------


def a_service_that_is_down_is_tried_again_until_it_is_up(place):
    for kind in "once", "idempotent", "checked":
        for name in os.listdir(place.folder):
            forget(place, name)
        two_orders(place)
        service = Service(place)
        service.stop()
        job = Payments(place, service, kind, attempts=1000)
        process = job.start("--follow", "--log-level", "debug")
        # It has been refused at least once when the journal names an outcome; the pause between is short.
        wait_until(lambda: os.path.exists(place.output), process)
        with service:
            service.start()
            wait_until(lambda: len(place.read().splitlines()) == 2, process)
            process.terminate()
            same(finish(process).status, 143, "exit status")
            same([service.count("o-1"), service.count("o-1", "requests")], [1, 1], "charges and requests of o-1")


def a_service_that_stays_down_fails_the_run_with_a_message(place):
    two_orders(place)
    service = Service(place)
    service.stop()
    job = Payments(place, service, "once", attempts=3)
    ended = job.run()
    check(ended.status == 1 and len(ended.complaint) == 1, f"status {ended.status}: {ended.err}")
    for word in "input.jsonl:", "charge", "127.0.0.1":
        check(word in ended.complaint[0], f"no '{word}' in: {ended.complaint[0]}")
    same(place.read() if os.path.exists(place.output) else b"", b"", "output")


# ---- decisions ----------------------------------------------------------------------------------------------------


def parked_order(place, service):
    """o-1 is parked: it was charged, and the answer was lost."""
    two_orders(place)
    service.behave("ignore-key", order="o-1")
    service.behave(["lose-answer", "ignore-key"], order="o-1", times=1)
    job = Payments(place, service, "once", settings=DLQ)
    is_parked(job.run())
    parked, = job.parked()
    return job, parked


def a_resolution_pressed_twice_is_refused_and_says_why(place):
    with Service(place) as service:
        job, parked = parked_order(place, service)
        job.resolve_as_charged(parked, service.charges("o-1")[0])
        for how in ["--fail"], ["--retry"], ["--result", "{}"]:
            complains(job.resolve(parked, *how), 2, parked["run"], "not parked")
        done(job.run())
        outputs_are(job, GRACE, ADA)
        same(service.count("o-1"), 1, "charges of o-1")
        complains(job.resolve(parked, "--fail"), 2, parked["run"], "not parked")


def a_resolution_of_another_attempt_is_refused(place):
    with Service(place) as service:
        job, parked = parked_order(place, service)
        for attempt in 0, 2:
            complains(job.resolve(dict(parked, attempt=attempt), "--fail"), 2, "attempt 1", f"not {attempt}")
        same(len(job.parked()), 1, "what is parked")


def a_resolution_that_is_none_is_refused(place):
    with Service(place) as service:
        job, parked = parked_order(place, service)
        complains(job.resolve(dict(parked, run="no-such-run"), "--fail"), 2, "no-such-run")
        complains(job.resolve(parked), 2, "--result")
        complains(job.resolve(parked, "--fail", "--retry"), 2, "one of")
        complains(job.resolve(parked, "--result", "{"), 2, "--result")
        complains(job.tool("resolve", parked["run"], "--fail"), 2, "--attempt")
        complains(job.tool("resolve", "--attempt", "1", "--fail"), 2, "which run")
        same(len(job.parked()), 1, "what is parked")


def a_retry_charges_again_and_that_was_somebodys_decision(place):
    with Service(place) as service:
        job, parked = parked_order(place, service)
        done(job.resolve(parked, "--retry"))
        done(job.run())
        outputs_are(job, GRACE, ADA)
        same([service.count("o-1"), service.count("o-1", "requests")], [2, 2], "charges and requests of o-1")


def a_retry_that_is_lost_again_is_parked_again_on_the_next_attempt(place):
    with Service(place) as service:
        job, parked = parked_order(place, service)
        service.behave(["lose-answer", "ignore-key"], order="o-1", times=1)
        done(job.resolve(parked, "--retry"))
        is_parked(job.run())
        again, = job.parked()
        same([again["run"], again["attempt"]], [parked["run"], 2], "what is parked")
        complains(job.resolve(parked, "--fail"), 2, "attempt 2", "not 1")
        done(job.resolve(again, "--fail"))
        complains(job.run(), 0, "1 records passed over")
        outputs_are(job, GRACE)


def a_failure_by_decision_is_a_dead_letter(place):
    with Service(place) as service:
        job, parked = parked_order(place, service)
        done(job.resolve(parked, "--fail"))
        complains(job.run(), 0, "1 records passed over")
        outputs_are(job, GRACE)
        dead = json.loads(place.read("dead.jsonl"))
        same(dead["record"]["value"]["order"], "o-1", "the dead letter")
        check("resolved as failed" in dead["error"], dead["error"])


def a_result_that_is_no_answer_fails_the_run_and_says_so(place):
    with Service(place) as service:
        job, parked = parked_order(place, service)
        done(job.resolve(parked, "--result", '"yes, it was"'))
        complains(job.run(), 0, "1 records passed over")
        check("status" in json.loads(place.read("dead.jsonl"))["error"], place.read("dead.jsonl").decode())


def a_running_job_takes_a_decision_up(place):
    with Service(place) as service:
        two_orders(place)
        place.append(json.dumps(record("ada", "o-3")).encode() + b"\n")
        service.behave(["lose-answer", "ignore-key"], order="o-1", times=1)
        job = Payments(place, service, "once")
        process = job.start("--follow")
        try:
            wait_until(lambda: os.path.exists(place.output) and len(place.read().splitlines()) == 1, process)
            wait_until(job.parked, process)
            outputs_are(job, GRACE)
            # Other customers' orders go on meanwhile.
            place.append(json.dumps(record("grace", "o-4")).encode() + b"\n")
            wait_until(lambda: len(place.read().splitlines()) == 2, process)
            parked, = job.parked()
            complains(job.resolve(dict(parked, attempt=7), "--fail"), 2, "attempt 1", "not 7")
            job.resolve_as_charged(parked, service.charges("o-1")[0])
            wait_until(lambda: len(place.read().splitlines()) == 4, process)
        finally:
            process.terminate()
            ended = finish(process)
        same(ended.status, 143, "exit status")
        outputs_are(job, GRACE, ("grace", "o-4", True), ADA, ("ada", "o-3", True))
        same(service.count("o-1"), 1, "charges of o-1")
        done(job.run())
        same(len(job.outputs()), 4, "outputs after one more start")


def a_resolution_pressed_twice_while_nothing_else_happens_is_refused_at_once(place):
    with Service(place) as service:
        place.write(record("ada", "o-1"))
        service.behave(["lose-answer", "ignore-key"], order="o-1", times=1)
        job = Payments(place, service, "once")
        process = job.start("--follow")
        wait_until(lambda: service.count("o-1", "requests") == 1, process)
        wait_until(job.parked, process)
        parked, = job.parked()
        job.resolve_as_charged(parked, service.charges("o-1")[0])
        wait_until(lambda: len(place.read().splitlines()) == 1, process)
        complains(job.resolve(parked, "--retry"), 2, parked["run"])
        ends(process)
        same(service.count("o-1"), 1, "charges of o-1")


def a_decision_that_met_a_dying_job_is_taken_up_by_the_next(place):
    with Service(place) as service:
        # Many that are parked, so that the next job has to meet them again before it can take a decision.
        customers = [f"c-{number}" for number in range(200)]
        place.write(*[record(customer, "o-" + customer) for customer in customers])
        service.behave(["lose-answer", "ignore-key"])
        job = Payments(place, service, "once")
        process = job.start("--follow")
        wait_until(lambda: service.counts()["orders"] and len(job.parked()) == len(customers), process)
        service.wait_until_landed()
        parked = [one for one in job.parked() if service.charges(order_of(one))][-1]
        process.send_signal(signal.SIGSTOP)
        answer = {"status": 200, "headers": {}, "body": service.charges(order_of(parked))[0]}
        with subprocess.Popen([job.program, "resolve", "--state-dir", place.state, parked["run"],
                               "--attempt", str(parked["attempt"]), "--result", json.dumps(answer)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              env=place.environment()) as resolve:
            decisions = os.path.join(place.state, "decisions")
            wait_until(lambda: os.path.isdir(decisions) and any(name.endswith(".json") for name in
                                                                os.listdir(decisions)), resolve)
            process.kill()
            finish(process)
            process = job.start("--follow")
            wait_until(lambda: resolve.poll() is not None, process)
            done(finish(resolve))
        wait_until(lambda: len(place.read().splitlines()) == 1, process)
        ends(process)
        outputs_are(job, (parked["key"], order_of(parked), True))
        same(len(job.parked()), len(customers) - 1, "runs that are parked still")


def the_policy_may_be_to_fail(place):
    two_orders(place)
    with Service(place) as service:
        service.behave(["lose-answer", "ignore-key"], order="o-1", times=1)
        job = Payments(place, service, "once", settings=DLQ + ["calls.in-doubt=fail"])
        complains(job.run(), 0, "1 records passed over")
        outputs_are(job, GRACE)
        same([service.count("o-1"), service.count("o-1", "requests")], [1, 1], "charges and requests of o-1")


def the_policy_may_be_to_retry_at_the_risk_of_a_second_time(place):
    two_orders(place)
    with Service(place) as service:
        service.behave("ignore-key", order="o-1")
        service.behave(["lose-answer", "ignore-key"], order="o-1", times=1)
        job = Payments(place, service, "once", settings=["calls.in-doubt=retry"])
        done(job.run())
        outputs_are(job, GRACE, ADA)
        same([service.count("o-1"), service.count("o-1", "requests")], [2, 2], "charges and requests of o-1")


# ---- calls in the hands of a test ---------------------------------------------------------------------------------


class Caller(Payments):
    """tests/support/call-job: what is called ends when the test lets it."""

    def __init__(self, place, *settings):  # pylint: disable=super-init-not-called
        self.place, self.program, self.made = place, CALL_JOB, place.path("made")
        self.words = {"job": CALL_JOB, "env": {"CALL_JOB_MADE": self.made},
                      "settings": ["calls.start-lease-ms=100", "calls.margin-ms=50", "commit-interval-ms=5", *settings]}

    def calls(self):
        return len(self.place.read("made").splitlines()) if os.path.exists(self.made) else 0


def call(place, kind="once", timeout_ms=200, **more):
    return {"key": "ada", "value": dict(more, kind=kind, timeout_ms=timeout_ms)}


def parks_in_life(place, **more):
    """A running job whose call is past its time, parked, and still under way."""
    place.write(call(place, until=place.path("go"), bytes=4, **more))
    caller = Caller(place)
    process = caller.start("--follow", "--log-level", "info")
    wait_until(lambda: caller.calls() == 1, process)
    wait_until(caller.parked, process)
    return caller, process, caller.parked()[0]


def ends(process):
    process.terminate()
    ended = finish(process)
    same(ended.status, 143, "exit status")
    return ended


def a_late_outcome_of_a_parked_run_is_taken(place):
    caller, process, _ = parks_in_life(place)
    place.append(b"", name="go")
    wait_until(lambda: place.read() == b'{"ada":"xxxx"}\n', process)
    ends(process)
    same([caller.parked(), caller.calls()], [[], 1], "what is parked, and calls made")


def a_late_outcome_after_a_resolution_is_a_conflict_and_changes_nothing(place):
    caller, process, parked = parks_in_life(place, then=place.path("end"))
    done(caller.resolve(parked, "--result", '"mine"'))
    wait_until(lambda: caller.calls() == 2, process)
    place.append(b"", name="go")
    heard = []
    while not any("after it was resolved" in line for line in heard):
        line = process.stderr.readline().decode()
        check(line, f"the job ended, and said: {heard}")
        heard.append(line)
    check(" warn " in heard[-1] and parked["run"] in heard[-1] and f"attempt={parked['attempt']}" in heard[-1],
          heard[-1])
    place.append(b"", name="end")
    wait_until(lambda: place.read() == b'{"ada":"mine"}\n', process)
    ends(process)
    done(caller.run())
    same(place.read(), b'{"ada":"mine"}\n', "output after one more start")


def a_late_outcome_of_a_run_that_is_over_is_reported(place):
    caller, process, parked = parks_in_life(place)
    done(caller.resolve(parked, "--result", '"mine"'))
    wait_until(lambda: place.read() == b'{"ada":"mine"}\n', process)
    place.append(b"", name="go")
    heard = process.stderr.readline().decode()
    while " warn " not in heard or "its outcome is not used" not in heard:
        heard = process.stderr.readline().decode()
        check(heard, "the job ended, and did not say it")
    ends(process)
    same(place.read(), b'{"ada":"mine"}\n', "output")


def a_result_of_100_megabytes_is_a_limit_and_the_call_is_not_made_again(place):
    place.write(call(place, bytes=100000000, timeout_ms=60000), {"key": "ada", "value": {"kind": "pure", "bytes": 1}})
    caller = Caller(place, *DLQ)
    for start in range(2):
        ended = caller.run()
        if start == 0:
            complains(ended, 0, "1 records passed over")
        done(ended)
        same(place.read(), b'{"ada":"x"}\n', "output")
        error = json.loads(place.read("dead.jsonl"))["error"]
        check("calls.result-bytes" in error and "67108864" in error, error)
        same(caller.calls(), 2, "calls made")


def a_result_of_60_megabytes_is_kept_and_not_asked_for_again(place):
    place.write(call(place, bytes=60000000, timeout_ms=60000, then=place.path("end")))
    caller = Caller(place)
    process = caller.start()
    wait_until(lambda: caller.calls() == 2, process)
    process.kill()
    finish(process)
    place.append(b"", name="end")
    done(caller.run())
    same(place.read(), b'{"ada":60000002}\n', "output")
    check(caller.calls() <= 3, f"{caller.calls()} calls were made")


def is_killed_and_asked(place, word, *settings):
    """A checked call is under way when its process is killed; the next one asks the reconciler."""
    place.write(call(place, kind="checked", until=place.path("go"), bytes=4, reconcile=word))
    caller = Caller(place, *settings)
    process = caller.start()
    wait_until(lambda: caller.calls() == 1, process)
    process.kill()
    finish(process)
    place.append(b"", name="go")
    return caller


def a_reconciler_that_knows_is_believed(place):
    caller = is_killed_and_asked(place, "done")
    done(caller.run())
    same([place.read(), caller.calls()], [b'{"ada":"found"}\n', 1], "output, and calls made")


def a_reconciler_that_says_not_done_has_it_made_again(place):
    caller = is_killed_and_asked(place, "not-done")
    done(caller.run())
    same([place.read(), caller.calls()], [b'{"ada":"xxxx"}\n', 2], "output, and calls made")


def a_reconciler_that_does_not_know_parks(place):
    caller = is_killed_and_asked(place, "unknown")
    for _ in range(2):
        is_parked(caller.run())
        same([(one["kind"], one["reason"]) for one in caller.parked()], [("checked", "unknown")], "what is parked")
    same(caller.calls(), 1, "calls made")


def a_reconciler_that_says_nonsense_parks(place):
    caller = is_killed_and_asked(place, "lie")
    is_parked(caller.run())
    same([one["reason"] for one in caller.parked()], ["unknown"], "what is parked")


def a_reconciler_that_hangs_parks_after_its_time(place):
    caller = is_killed_and_asked(place, "hang", "calls.stop-timeout-ms=100")
    is_parked(caller.run())
    same([one["reason"] for one in caller.parked()], ["unknown"], "what is parked")


def a_reconciler_that_crashes_is_named_and_in_the_end_parks(place):
    caller = is_killed_and_asked(place, "crash")
    for _ in range(3):
        ended = caller.run()
        check(ended.status == -signal.SIGSEGV, f"exit status {ended.status}: {ended.err}")
        check("make" in ended.err and "act" in ended.err, f"the call is not named: {ended.err}")
    is_parked(caller.run())
    same([one["reason"] for one in caller.parked()], ["unknown"], "what is parked")
    same(caller.calls(), 1, "calls made")


# ---- a wrong use --------------------------------------------------------------------------------------------------


def a_once_without_a_journal_is_refused_with_a_hint(place):
    two_orders(place)
    with Service(place) as service:
        job = Payments(place, service, "once")
        ended = job.run(state=False)
        check(ended.status in (1, 2) and "state" in ended.err, f"status {ended.status}: {ended.err}")
        same(service.counts()["orders"], {}, "what the service was asked")


def a_setting_that_is_none_is_named(place):
    two_orders(place)
    with Service(place) as service:
        job = Payments(place, service, "twice")
        complains(job.run(), 2, "PAYMENTS_KIND", "twice", "checked")
        job = Payments(place, service, "once", timeout_ms="soon")
        complains(job.run(), 2, "PAYMENTS_TIMEOUT_MS", "soon")


def an_order_that_is_none_is_named(place):
    with Service(place) as service:
        for value, word in ({"amount": 1}, "order"), ({"order": "o", "amount": 0}, "amount"), \
                ({"order": "o", "amount": 1, "currency": "euro"}, "currency"), \
                ({"order": "o", "amount": 1, "kind": "pure"}, "kind"):
            place.write({"key": "ada", "value": value})
            complains(Payments(place, service, "idempotent").run(state=False), 1, "input.jsonl:1", word)
        same(service.counts()["orders"], {}, "what the service was asked")


def memory_does_not_grow_with_what_the_service_sends(place):
    if sanitized():
        raise Skip("a sanitizer's memory is not the job's")
    place.write(record("ada", "o-1"))
    with Service(place) as service:
        service.behave("endless", order="o-1")
        job = Payments(place, service, "idempotent", attempts=1, timeout_ms=20000)
        ended = job.run()
        check(ended.status == 1, f"exit status {ended.status}: {ended.err}")
        check(ended.peak_kb < 100 * 1024, f"{ended.peak_kb} KiB at most, for answers up to 1 MiB")


tell()
