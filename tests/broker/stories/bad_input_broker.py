#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`run` with records that cannot be read and runs that fail, with brokers that are away, and brokers that refuse."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from broker import Record  # noqa: E402
from kafka_job import BROKER_CONFIG, CHAOS_JOB, Job, wait_for  # noqa: E402
from payments import JOB as PAYMENTS  # noqa: E402
from story import check, same, tell  # noqa: E402

# What is behind the proxy wants a name and a password; past it all are allowed everything.
SECRET = "s3cr3t-that-nobody-shall-see"
GUARDED = {
    **BROKER_CONFIG,
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.proxied.plain.sasl.jaas.config":
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_reader="{SECRET}";',
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}


def job_of(place, name, program=CHAOS_JOB, **more):
    CLUSTER.create_topic(f"{name}-in", 2)
    CLUSTER.create_topic(f"{name}-out", 2)
    return Job(place.path(name), CLUSTER, name, program, [f"{name}-in"], f"{name}-out", more)


def write_good_and_bad(name):
    CLUSTER.write(f"{name}-in", [Record(b"a", b'{"n":0}', (), 0), Record(b"a", b'{"n":', (("h", b"1"),), 0),
                                 Record(b"a", b'{"n":1}', (), 0), Record(b"b", b"\xff", (), 1),
                                 Record(b"a", b'{"n":2}', (), 0)])


def counted(name):
    return [(record.key, json.loads(record.value)["n"]) for record in CLUSTER.read(f"{name}-out")]


def is_sorted_out(job):
    job.wait_caught_up()
    same(counted(job.name), [(b"a", 0), (b"a", 1), (b"a", 2)], "outputs")
    check(job.processes[0].is_running, "it ended")


def what_cannot_be_read_becomes_a_dead_letter_that_says_why(place):
    with job_of(place, "letters") as job:
        write_good_and_bad(job.name)
        job.start()
        is_sorted_out(job)
        dead = CLUSTER.read("letters-dlq")
        same(sorted((record.key, record.value) for record in dead), [(b"a", b'{"n":'), (b"b", b"\xff")], "letters")
        for record in dead:
            headers = {name: value.decode() for name, value in record.headers}
            same(headers.get("weir-topic"), "letters-in", "topic")
            same(headers.get("weir-partition"), "0" if record.key == b"a" else "1", "partition")
            same(headers.get("weir-offset"), "1" if record.key == b"a" else "0", "offset")
            same(headers.get("weir-key"), record.key.decode(), "key")
            same(headers.get("weir-attempt"), "1", "attempt")
            check(len(headers.get("weir-reason", "")) > 10, f"no reason: {headers}")


def what_cannot_be_read_is_skipped_and_counted(place):
    with job_of(place, "skips", input={"on-error": "skip"}) as job:
        write_good_and_bad(job.name)
        job.start()
        is_sorted_out(job)
        check(job.stop_all() == [0], job.processes[0].last_words())
        said = job.processes[0].said()
        check("2 records passed over" in said, f"it says nothing of what it skipped: {said}")


def what_cannot_be_read_ends_the_job_when_it_shall(place):
    """What came before is committed; started again it stands before the same record."""
    with job_of(place, "fails", input={"on-error": "fail"}) as job:
        # In one partition: of others as much is read as comes first.
        CLUSTER.write("fails-in", [Record(b"a", value, (), 0) for value in (b'{"n":0}', b'{"n":', b'{"n":1}')])
        process = job.start()
        for _ in range(2):
            status = process.wait()
            check(status == 1, f"exit status {status}, want 1; {process.last_words()}")
            check("fails-in" in process.said_now() and "offset" in process.said_now(),
                  f"it does not say where; {process.last_words()}")
            same(counted("fails"), [(b"a", 0)], "outputs")
            process.start()


def a_run_that_fails_becomes_a_dead_letter(place):
    with job_of(place, "orders", PAYMENTS) as job:
        # None of them gets as far as a call.
        CLUSTER.write("orders-in", [Record(b"ada", b'{"order":"o-1","amount":0}'), Record(b"bob", b"{}")])
        job.start()
        job.wait_caught_up()
        dead = {record.key: dict(record.headers) for record in CLUSTER.read("orders-dlq")}
        same(sorted(dead), [b"ada", b"bob"], "letters")
        check(b"amount" in dead[b"ada"]["weir-reason"], f"reason: {dead[b'ada']}")
        check(b"order" in dead[b"bob"]["weir-reason"], f"reason: {dead[b'bob']}")
        same(CLUSTER.read("orders-out"), [], "outputs")


def start_without(node, job):
    """A job that has never seen the broker; the stories behind this one shall have it again, whatever comes."""
    node.stop()
    try:
        process = job.start()
        wait_for(lambda: "waiting" in process.said_now(), "it says that it waits", 60)
        check(process.is_running, f"it ended; {process.last_words()}")
    finally:
        node.start()
        CLUSTER.wait_ready()
    return process


def a_broker_that_is_away_is_waited_for(place):
    """At the start, and in the middle; it says so, and goes on."""
    with job_of(place, "patient") as job:
        node = CLUSTER.nodes[0]
        process = start_without(node, job)
        CLUSTER.write("patient-in", [Record(b"a", b'{"n":0}')])
        job.wait_caught_up()
        same(counted("patient"), [(b"a", 0)], "outputs")
        node.kill()
        before = process.said_now()
        wait_for(lambda: process.said_now() != before, "it says that the broker is away", 60)
        node.start()
        CLUSTER.wait_ready()
        CLUSTER.write("patient-in", [Record(b"a", b'{"n":1}')])
        job.wait_caught_up()
        same(counted("patient"), [(b"a", 0), (b"a", 1)], "outputs")
        check(job.stop_all() == [0], process.last_words())


def a_job_stops_while_the_broker_is_away(place):
    with job_of(place, "leaving") as job:
        process = job.start()
        CLUSTER.write("leaving-in", [Record(b"a", b'{"n":0}')])
        job.wait_caught_up()
        CLUSTER.nodes[0].kill()
        try:
            status = process.stop()
        finally:
            CLUSTER.nodes[0].start()
            CLUSTER.wait_ready()
        check(status in (0, 3), f"exit status {status}; {process.last_words()}")


def an_input_that_is_not_there_is_named(place):
    with Job(place.path("nowhere"), CLUSTER, "nowhere", CHAOS_JOB, ["no-such-topic"], "nowhere-out") as job:
        process = job.start()
        status = process.wait()
        check(status == 3, f"exit status {status}, want 3; {process.last_words()}")
        check("no-such-topic" in process.said_now(), f"it does not name the topic; {process.last_words()}")


def refused(place, name, password, *words):
    with broker.Cluster(config=GUARDED, proxied=True) as cluster:
        cluster.create_topic("guarded-in", 2)
        cluster.create_topic("guarded-out", 2)
        with Job(place.path(name), cluster, "guarded", CHAOS_JOB, ["guarded-in"], "guarded-out") as job:
            sasl = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "reader",
                    "sasl.password": "${env:BROKER_PASSWORD}"}
            job.settings = {"kafka": sasl, "log": {"level": "debug"}}
            process = job.start(env={"BROKER_PASSWORD": password})
            status = process.wait()
            said = process.said()
            check(status == 3, f"exit status {status}, want 3; {process.last_words()}")
            check(any(word in said.lower() for word in words), f"none of {words}; {process.last_words()}")
            check(password not in said, "the password is in the log")


def a_wrong_password_is_refused_and_not_told(place):
    refused(place, "stranger", "wrong-" + SECRET, "authentication", "sasl")


def a_user_without_rights_is_told_what_is_missing(place):
    refused(place, "beggar", SECRET, "authoriz", "not allowed", "acl")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
with broker.Cluster(config=BROKER_CONFIG) as CLUSTER:
    tell()
