# SPDX-License-Identifier: Apache-2.0
"""Markers of transactions that a broker has lost, written after all.

Kafka 4.3.1, when it is the only broker and starts again: a transaction that was prepared when it ended is loaded and
its markers are due, and for a moment no partition has a leader, as the broker has not registered yet. Then it takes
the partitions for deleted ones ("Couldn't find leader endpoint for partitions …, these partitions are likely deleted
already and hence can be skipped"), and notes the transaction as complete: it is open in these partitions forever,
unless its producer goes on. No client can mend that, so a test that restarts its only broker does, before clients come
back.

    known = transactions(port)                   # before it ends
    write_lost(port, known, {"orders": 4, …})    # topics with their partitions -> what was written, a line each

Source: the Kafka protocol guide (ListTransactions 0, DescribeProducers 0, WriteTxnMarkers 1: all flexible);
TransactionMarkerChannelManager.addTxnMarkersToBrokerQueue().
"""
import struct
import time

from wire import TAGS, Answer, exchange, pack_array, pack_text

WRITE_TXN_MARKERS, DESCRIBE_PRODUCERS, LIST_TRANSACTIONS = 27, 61, 66


def ask(port, api, version, body):
    head = struct.pack(">hhih4s", api, version, 1, 4, b"weir") + TAGS
    answer = Answer(exchange(port, head + body, 10))
    answer.tags()
    return answer


def transactions(port):
    """{transactional id: (producer id, state)}"""
    answer = ask(port, LIST_TRANSACTIONS, 0, pack_array([]) + pack_array([]) + TAGS)
    _, code = answer.take("ih")
    answer.array(answer.text)
    if code:
        raise ConnectionError(f"ListTransactions: error {code}")
    return dict(answer.array(lambda: (answer.text(), (answer.take("q"), answer.text()))))


def open_producers(port, topics):
    """(topic, partition, producer id, epoch, coordinator's epoch) of each transaction that a partition holds open."""
    asked = [pack_text(name) + pack_array([struct.pack(">i", n) for n in range(count)]) + TAGS
             for name, count in topics.items()]
    answer = ask(port, DESCRIBE_PRODUCERS, 0, pack_array(asked) + TAGS)
    answer.take("i")
    found = []

    def topic():
        name = answer.text()

        def partition():
            index, code = answer.take("ih")
            answer.text()
            if code:
                raise ConnectionError(f"DescribeProducers: {name}-{index}: error {code}")

            def producer():
                number, epoch, _, _, coordinator, start = answer.take("qiiqiq")
                if start >= 0:
                    found.append((name, index, number, epoch, coordinator))
            answer.array(producer)
        answer.array(partition)
    answer.array(topic)
    return found


def write(port, name, partition, producer, epoch, coordinator, is_commit):
    place = pack_text(name) + pack_array([struct.pack(">i", partition)]) + TAGS
    marker = (struct.pack(">qh?", producer, epoch, is_commit) + pack_array([place]) +
              struct.pack(">i", coordinator) + TAGS)
    answer = ask(port, WRITE_TXN_MARKERS, 1, pack_array([marker]) + TAGS)
    codes = []

    def of_producer():
        answer.take("q")

        def of_topic():
            answer.text()
            answer.array(lambda: codes.append(answer.take("ih")[1]))
        answer.array(of_topic)
    answer.array(of_producer)
    if any(codes):
        raise ConnectionError(f"WriteTxnMarkers: {name}-{partition}: error {codes}")


def write_lost(port, before, topics, seconds=30):
    """To be called while no client is connected; `before` is what transactions() said before. OSError: the broker does
    not answer, or refuses."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            known = transactions(port)
            found = open_producers(port, topics)  # nobody begins another meanwhile
            if set(known) >= set(before) and not any(state.startswith("Prepare") for _, state in known.values()):
                break
            problem = f"not all is loaded, or transactions are being ended: {known}"
        except OSError as why:
            problem = why
        if time.monotonic() > deadline:
            raise OSError(f"waited {seconds} s in vain: {problem}")
        time.sleep(0.05)
    states = dict(known.values())
    said = []
    for name, partition, producer, epoch, coordinator in found:
        state = states.get(producer, "Empty")
        if state not in ("CompleteCommit", "CompleteAbort"):
            continue  # Ongoing: its time-out ends it
        write(port, name, partition, producer, epoch, max(coordinator, 0), state == "CompleteCommit")
        said.append(f"{name}-{partition}: {state} of producer {producer}")
    return said
