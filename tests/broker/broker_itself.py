#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The broker that the other stories stand on: it keeps what was committed, shows nothing else, leaves nothing."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import broker  # noqa: E402
from broker import BrokerError, Record  # noqa: E402
from story import check, same, tell, wait_until  # noqa: E402

# From Kafka's own test of its hash (UtilsTest, murmur2).
JAVA_HASHES = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536,
               b"a-little-bit-longer-string": -1486304829,
               b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971}


def values(topic, **how):
    return [record.value for record in CLUSTER.read(topic, **how)]


def counted(things):
    return sorted((thing, things.count(thing)) for thing in set(things))


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return True
    return False


def a_record_comes_back_byte_by_byte(place):
    del place
    CLUSTER.create_topic("bytes", partitions=2)
    every = bytes(range(256))
    wrote = [Record(every, every, (("h", every), ("h", b""), ("none", None)), 0), Record(None, b"", (), 0),
             Record(b"", None, (), 1)]
    CLUSTER.write("bytes", wrote)
    read = CLUSTER.read("bytes")
    same([record[:4] for record in read], [record[:4] for record in wrote])
    same([record.offset for record in read], [0, 1, 0], "offsets")
    check(abs(read[0].timestamp_ms / 1000 - time.time()) < broker.PATIENCE, f"timestamp {read[0].timestamp_ms}")


def keys_go_to_the_partitions_that_the_java_client_picks(place):
    del place
    CLUSTER.create_topic("keys", partitions=7)
    CLUSTER.write("keys", [Record(key, b"") for key in JAVA_HASHES])
    same(sorted((record.key, record.partition) for record in CLUSTER.read("keys")),
         sorted((key, (hashed & 0x7fffffff) % 7) for key, hashed in JAVA_HASHES.items()), "partitions")


def a_topic_that_cannot_be_made_or_is_not_there_is_said(place):
    del place
    for name, config, said in ("bytes", {}, "exists"), ("odd", {"cleanup.policy": "odd"}, "cleanup.policy"):
        try:
            CLUSTER.create_topic(name, config=config)
        except BrokerError as why:
            check(said in str(why), f"no '{said}' in: {why}")
        else:
            raise AssertionError(f"topic {name} with {config} was made")
    for use in CLUSTER.read, lambda name: CLUSTER.write(name, [Record(b"k", b"v")]):
        try:
            use("nowhere")
        except BrokerError as why:
            check("nknown topic" in str(why), f"said: {why}")
        else:
            raise AssertionError("a topic that is not there was used")


def records_of_an_aborted_transaction_are_in_the_log_and_not_seen(place):
    del place
    CLUSTER.create_topic("transactions", partitions=3)
    for end in "commit", "abort", "plain", "abort", "commit":
        CLUSTER.write("transactions", [Record(b"%d" % n, end.encode()) for n in range(30)], end)
    seen, kept = values("transactions"), values("transactions", committed=False)
    same(counted(seen), [(b"commit", 60), (b"plain", 30)], "seen")
    same(counted(kept), [(b"abort", 60), (b"commit", 60), (b"plain", 30)], "in the log")


def reading_ends_before_a_transaction_that_is_open(place):
    del place
    CLUSTER.create_topic("open")
    for value, end in (b"1", "commit"), (b"2", "open"), (b"3", "plain"):
        CLUSTER.write("open", [Record(b"k", value)], end)
    same(values("open"), [b"1"], "seen")
    same(values("open", committed=False), [b"1", b"2", b"3"], "in the log")


def a_writer_that_is_not_told_writes_nothing_twice(place):
    """The answer for one record is lost, and of two others, to another partition, the second would overtake the first:
    then a client with more than one request in flight begins a new epoch, and writes the first record once more."""
    del place
    for name in "once-1", "once-2", "once-3":
        CLUSTER.create_topic(name, partitions=2)
        writer = subprocess.Popen([broker.TOPIC, CLUSTER.proxied_brokers, "write", name, "plain"],
                                  stdin=subprocess.PIPE)

        def write(partition, value, writer=writer):
            line = {"key": "k", "value": value, "partition": partition}
            writer.stdin.write(json.dumps(line).encode() + b"\n")
            writer.stdin.flush()
        for partition in 0, 1:
            write(partition, "it knows its way")
        wait_until(lambda name=name: CLUSTER.ends(name) == [1, 1])
        lost = CLUSTER.proxy.fault("lose-answer", "Produce")
        write(0, "not told")
        wait_until(lambda lost=lost: CLUSTER.proxy.hits(lost) == 1)
        late = CLUSTER.proxy.fault("late-behind", "Produce", ms=200)
        write(1, "late")
        wait_until(lambda late=late: CLUSTER.proxy.hits(late) == 1)
        write(1, "in haste")
        writer.stdin.close()
        check(writer.wait() == 0, f"the writer ended with {writer.returncode}")
        same([(record.partition, record.value) for record in CLUSTER.read(name)],
             [(0, b"it knows its way"), (0, b"not told"), (1, b"it knows its way"), (1, b"late"), (1, b"in haste")],
             name)


def a_broker_killed_with_9_has_everything_after_its_restart(place):
    del place
    CLUSTER.create_topic("survivors", partitions=4)
    CLUSTER.write("survivors", [Record(b"%d" % n, b"before") for n in range(10000)])
    CLUSTER.write("survivors", [Record(b"%d" % n, b"never") for n in range(100)], "abort")
    before, transactions = CLUSTER.read("survivors"), CLUSTER.read("transactions")
    check(len(before) == 10000, f"{len(before)} records")
    node = CLUSTER.nodes[0]
    node.kill()
    check(refuses(node.port), "a killed broker still answers")
    started = time.monotonic()
    node.start()
    CLUSTER.wait_ready()
    print(f"# ready {time.monotonic() - started:.1f} s after the restart, most memory {node.memory_mb()} MB")
    check(CLUSTER.read("survivors") == before, "the records are not what they were")
    check(CLUSTER.read("transactions") == transactions, "what is committed is not what it was")
    CLUSTER.write("survivors", [Record(b"k", b"after")], "commit")
    check(len(CLUSTER.read("survivors")) == 10001, "a record written after the restart is not there alone")


def command(place, *words):
    """broker.py, with its folder in the place."""
    script = os.path.join(os.environ["top_srcdir"], "tests/support/broker.py")
    return subprocess.Popen([sys.executable, "-B", script, *words], env=dict(os.environ, TMPDIR=place.folder),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def nothing_outlives_a_killed_process(place):
    process = command(place, "run", "--", "/bin/sh", "-c", 'echo "$WEIR_TEST_BROKERS" && exec sleep 600')
    port = int(process.stdout.readline().rpartition(b":")[2])
    broker.ask_metadata(port)
    check(os.listdir(place.folder), "the broker's folder is not where it should be")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: refuses(port) and not os.listdir(place.folder))


def a_signal_ends_the_command_and_its_brokers(place):
    process = command(place, "run", "--", "/bin/sh", "-c", 'echo "$WEIR_TEST_BROKERS $$" && exec sleep 600')
    addresses, pid = process.stdout.readline().split()
    process.terminate()
    process.communicate()
    check(process.returncode == 128 + signal.SIGTERM, f"exit status {process.returncode}")
    check(refuses(int(addresses.rpartition(b":")[2])), "the broker is still there")
    check(not os.path.exists(f"/proc/{int(pid)}"), "the command is still there")
    same(os.listdir(place.folder), [], "left behind")


def a_command_has_brokers_and_topics_and_its_status_is_passed_on(place):
    process = command(place, "run", "--topic", "made:2", "--", "/bin/sh", "-c",
                      f'"{broker.TOPIC}" "$WEIR_TEST_BROKERS" create made 1 1; exit 7')
    _, said = process.communicate()
    check(process.returncode == 7, f"exit status {process.returncode}")
    check(b"exists" in said, f"stderr: {said}")
    same(os.listdir(place.folder), [], "left behind")


unavailable = broker.unavailable()
if unavailable:
    print(f"1..0 # SKIP {unavailable}")
    sys.exit(0)
begun = time.monotonic()
with broker.Cluster(proxied=True) as CLUSTER:
    print(f"# ready after {time.monotonic() - begun:.1f} s")
    tell()
