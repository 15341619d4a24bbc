#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Signals, followed files, pipes in and out: the contract's exit codes, and a state that goes on."""
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
from story import check, complains, done, finish, hears, same, tell, wait_until  # noqa: E402

GOOD = b'{"key":"a","value":1}'
FIVE = b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n{"a":5}\n'
QUICK = ["commit-interval-ms=5", "commit-max-runs=200"]


def has(place, lines):
    return lambda: os.path.exists(place.output) and place.read().count(b"\n") >= lines


def is_interrupted(place, number):
    """In the middle of a long input; then it goes on."""
    place.write(*[b'{"key":"%d","value":1}' % (n % 1009) for n in range(200000)])
    process = place.start(settings=QUICK)
    wait_until(has(place, 1), process)
    process.send_signal(number)
    ended = finish(process)
    check(ended.status == 128 + number, f"exit status {ended.status}")
    same(ended.complaint, [], "stderr")
    check(place.read().count(b"\n") < 200000, "it was not interrupted")
    done(place.run())
    same(place.read(), place.undisturbed())


def sigterm_in_the_middle_ends_with_143_and_the_next_start_goes_on(place):
    is_interrupted(place, signal.SIGTERM)


def sigint_in_the_middle_ends_with_130_and_the_next_start_goes_on(place):
    is_interrupted(place, signal.SIGINT)


def a_second_signal_ends_at_once_what_the_first_cannot(place):
    place.write(GOOD, {"key": "a", "value": {"do": "spin"}}, GOOD)
    process = place.start()
    # It spins in an action: the first signal waits for the action's end, which never comes.
    check(hears(process, b"spinning\n"), "it does not spin")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    check(ended.status in (128 + signal.SIGINT, 128 + signal.SIGTERM), f"exit status {ended.status}")
    done(place.run(calm=True))
    same(place.read(), FIVE[:24])


def a_kill_in_an_action_leaves_a_state_that_goes_on(place):
    place.write(GOOD, {"key": "a", "value": {"do": "spin"}}, GOOD)
    process = place.start()
    check(hears(process, b"spinning\n"), "it does not spin")
    process.kill()
    check(finish(process).status == -signal.SIGKILL, "it was not killed")
    done(place.run(calm=True))
    same(place.read(), FIVE[:24])


def a_followed_file_gives_what_is_appended(place):
    for state in True, False:
        place.write(GOOD)
        process = place.start("--follow", state=state)
        wait_until(has(place, 1), process)
        place.append(GOOD + b"\n" + GOOD[:7])
        wait_until(has(place, 2), process)
        # Half a line waits for its other half.
        place.append(GOOD[7:])
        place.append(b"\n")
        wait_until(has(place, 3), process)
        same(place.read(), FIVE[:24])
        place.append(GOOD[:7])
        process.send_signal(signal.SIGTERM)
        ended = finish(process)
        check(ended.status == 143 and not ended.complaint, f"exit status {ended.status}, {ended.err}")
        same(place.read(), FIVE[:24], "after the end")
        if state:
            # Without --follow the last line counts without its newline; here it is half a record.
            complains(place.run(), 1, "input.jsonl:4")
            place.append(GOOD[7:])
            done(place.run())
            same(place.read(), FIVE[:32])
            os.remove(place.output)


def a_followed_file_may_begin_empty(place):
    place.write()
    process = place.start("--follow")
    wait_until(lambda: os.path.exists(place.output), process)
    for n in range(1, 4):
        place.append(GOOD + b"\n")
        wait_until(has(place, n), process)
    process.send_signal(signal.SIGTERM)
    check(finish(process).status == 143, "exit status")
    same(place.read(), FIVE[:24])


# ---- pipes as input -----------------------------------------------------------------------------------------------


def a_pipe_begins_again_and_what_was_committed_is_passed_over(place):
    three = (GOOD + b"\n") * 3
    ended = place.run(given=three, source="-")
    done(ended)
    check(ended.err.count("given again from its first record") == 1, f"not said once: {ended.err}")
    same(place.read(), FIVE[:24])
    done(place.run(given=three, source="-"))
    same(place.read(), FIVE[:24], "after the same again")
    done(place.run(given=three + three[:44], source="-"))
    same(place.read(), FIVE, "after the same and two more")


def a_pipe_with_other_records_is_refused(place):
    done(place.run(given=(GOOD + b"\n") * 3, source="-"))
    other = GOOD + b"\n" + GOOD.replace(b"1", b"2") + b"\n" + (GOOD + b"\n") * 3
    complains(place.run(given=other, source="-"), 3, "stdin", "not those that were committed")
    same(place.read(), FIVE[:24])
    done(place.run(given=(GOOD + b"\n") * 5, source="-"))
    same(place.read(), FIVE)


def a_pipe_with_fewer_records_is_refused(place):
    done(place.run(given=(GOOD + b"\n") * 3, source="-"))
    for given in b"", (GOOD + b"\n") * 2:
        complains(place.run(given=given, source="-"), 3, "stdin", "3 were committed", "--input-continues")
        same(place.read(), FIVE[:24])
    done(place.run(given=(GOOD + b"\n") * 5, source="-"))
    same(place.read(), FIVE)


def a_pipe_that_continues_is_believed_and_its_risk_said_once(place):
    done(place.run(given=(GOOD + b"\n") * 3, source="-"))
    ended = place.run("--input-continues", given=(GOOD + b"\n") * 2, source="-")
    done(ended)
    check(ended.err.count("lost in a crash") == 1, f"not said once: {ended.err}")
    same(place.read(), FIVE)


def a_pipe_that_ends_in_half_a_record_is_named(place):
    complains(place.run(given=GOOD + b"\n" + GOOD[:9], source="-"), 1, "stdin:2")
    same(place.read(), FIVE[:8])


def a_pipe_that_says_nothing_holds_nothing_back(place):
    for state in True, False:
        process = place.start(source="-", stdin=subprocess.PIPE, state=state)
        for lines in 1, 2:
            process.stdin.write(GOOD + b"\n")
            process.stdin.flush()  # and it stays open
            wait_until(has(place, lines), process)
        process.stdin.close()
        process.stdin = None  # finish() would flush it
        check(finish(process).status == 0, "it did not end well")
        same(place.read(), FIVE[:16])
        os.unlink(place.output)


def a_killed_pipe_goes_on_when_it_is_given_again(place):
    lines = b"".join(b'{"key":"%d","value":1}\n' % (n % 101) for n in range(50000))
    place.append(lines, name="feed.jsonl")
    process = place.start(source="-", stdin=subprocess.PIPE, settings=QUICK)
    process.stdin.write(lines[:500000])
    process.stdin.flush()
    wait_until(has(place, 1000), process)
    process.kill()
    finish(process)
    done(place.run(given=lines, source="-"))
    same(place.read(), place.undisturbed(name="feed.jsonl"))


# ---- outputs ------------------------------------------------------------------------------------------------------


def an_output_to_a_pipe_says_once_that_it_cannot_be_exactly_once(place):
    place.write(GOOD, GOOD)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        ended = place.run(output=False, stdout=cat.stdin)
        out, _ = cat.communicate()
    done(ended)
    same(out, FIVE[:16])
    check(ended.err.count("cannot be exactly-once") == 1, f"not said once: {ended.err}")


def no_progress_is_shown_in_a_pipe(place):
    place.write(*[GOOD] * 1000)
    ended = place.run(state=False)
    done(ended)
    same(ended.err, "", "stderr")


def an_output_that_nobody_reads_ends_with_a_message(place):
    place.write(*[GOOD] * 100000)
    for state in True, False:
        reader, writer = os.pipe()
        os.close(reader)
        try:
            ended = place.run(output=False, state=state, stdout=writer)
        finally:
            os.close(writer)
        complains(ended, 3, "stdout", "Broken pipe")


def closed(place, redirections, **kind):
    words = " ".join(f"'{word}'" for word in place.command(**kind))
    with subprocess.Popen(["sh", "-c", f"exec {words} {redirections}"], stderr=subprocess.PIPE,
                          env=place.environment()) as process:
        return finish(process)


def a_stdout_that_is_closed_ends_with_a_message(place):
    place.write(GOOD)
    complains(closed(place, ">&-", output=False, state=False), 3, "cannot write output 'stdout'")


def a_stdin_that_is_closed_ends_with_a_message(place):
    complains(closed(place, "<&-", source="-", state=False), 3, "stdin", "cannot be read")


def closed_descriptors_never_become_the_state(place):
    place.write(GOOD)
    for _ in range(2):
        complains(closed(place, ">&- <&-", output=False), 3, "cannot write output 'stdout'")


def a_stdout_that_appends_keeps_what_was_there(place):
    place.write(GOOD, GOOD)
    place.append(b"before\n", name="output.jsonl")
    with open(place.output, "ab") as stdout:
        done(place.run(output=False, state=False, stdout=stdout))
    same(place.read(), b"before\n" + FIVE[:16])


def a_stdout_that_appends_to_a_file_goes_on_with_a_state(place):
    place.write(GOOD, GOOD, GOOD)
    for want in FIVE[:24], FIVE:
        with open(place.output, "ab") as stdout:
            done(place.run(output=False, stdout=stdout))
        same(place.read(), want)
        place.append((GOOD + b"\n") * 2)
    # `>` cuts it off before the job starts: said, and nothing is written.
    with open(place.output, "wb") as stdout:
        complains(place.run(output=False, stdout=stdout), 3, "stdout", "40 were committed")
    same(place.read(), b"")


def the_log_is_json_when_it_is_asked_for(place):
    ended = place.run("--set", "log.format=json", "--log-level", "info", given=GOOD, source="-")
    done(ended)
    lines = [json.loads(line) for line in ended.err.splitlines()]
    check(any("pipe" in json.dumps(line) for line in lines), f"log {ended.err}")


tell()
