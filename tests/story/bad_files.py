#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Input and output that are not there, or not what they were."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))

from story import Skip, check, complains, done, same, tell  # noqa: E402

GOOD = b'{"key":"a","value":1}'
FIVE = b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n{"a":5}\n'


def used(place):
    """A state that has read three records."""
    place.write(GOOD, GOOD, GOOD)
    done(place.run())


def completes(place, rest=2):
    """Nothing was lost: with the two last records the output is that of an undisturbed run."""
    place.append((GOOD + b"\n") * rest)
    done(place.run())
    same(place.read(), FIVE)
    same(place.read(), place.undisturbed())


def an_input_that_is_missing_is_named(place):
    complains(place.run(), 3, "input.jsonl", "No such file")
    used(place)
    completes(place)


def an_input_that_is_a_folder_is_named(place):
    os.mkdir(place.path("folder"))
    complains(place.run(source=place.path("folder")), 3, "folder")


def an_input_that_is_a_dangling_link_is_named(place):
    os.symlink(place.path("nowhere"), place.input)
    complains(place.run(state=False), 3, "input.jsonl", "No such file")


def an_input_that_may_not_be_read_is_named(place):
    if os.geteuid() == 0:
        raise Skip("root may read everything")
    place.write(GOOD)
    os.chmod(place.input, 0)
    complains(place.run(state=False), 3, "input.jsonl", "Permission denied")


def an_input_that_is_empty_is_done(place):
    place.write()
    done(place.run())
    same(place.read(), b"")
    place.append((GOOD + b"\n") * 3)
    done(place.run())
    completes(place)


def an_input_that_has_gone_is_named_and_comes_back(place):
    used(place)
    os.rename(place.input, place.path("away"))
    complains(place.run(), 3, "input.jsonl", "No such file")
    os.rename(place.path("away"), place.input)
    completes(place)


def an_input_that_was_cut_off_is_refused(place):
    used(place)
    os.truncate(place.input, len(GOOD) + 1)
    # What is left is shorter than what was read; its head tells that, too.
    complains(place.run(), 3, "input.jsonl")
    place.append((GOOD + b"\n") * 2)
    completes(place)


def a_long_input_that_was_cut_off_is_refused_with_both_lengths(place):
    place.write(*[GOOD] * 400)
    done(place.run())
    whole = os.path.getsize(place.input)
    os.truncate(place.input, 8000)
    complains(place.run(), 3, "input.jsonl", "8000 bytes", str(whole), "cut off")


def another_input_is_refused_and_says_how_to_say_that_it_moved(place):
    used(place)
    os.rename(place.input, place.path("away"))
    place.write(GOOD, GOOD, GOOD)
    complains(place.run(), 3, "another file", "--input-moved")
    done(place.run("--input-moved"))
    completes(place)


def another_input_with_other_records_is_refused_though_it_is_said_to_have_moved(place):
    used(place)
    os.rename(place.input, place.path("away"))
    place.write(GOOD, GOOD, b'{"key":"b","value":1}', GOOD)
    complains(place.run("--input-moved"), 3, "not those that were committed")
    os.replace(place.path("away"), place.input)
    completes(place)


def an_input_that_was_written_over_is_refused(place):
    used(place)
    with open(place.input, "r+b") as file:
        file.write(GOOD.replace(b'"a"', b'"z"'))
    complains(place.run(), 3, "input.jsonl", "does not begin")


def an_output_that_is_shorter_than_recorded_is_refused(place):
    used(place)
    before = place.read()
    os.truncate(place.output, 5)
    complains(place.run(), 3, "output.jsonl", "5 bytes", f"{len(before)} were committed")
    with open(place.output, "r+b") as file:
        file.write(before)
    completes(place)


def an_output_that_is_longer_is_cut_back(place):
    used(place)
    place.append(b"half a li", name="output.jsonl")
    completes(place)


def an_output_that_was_replaced_is_refused(place):
    used(place)
    with open(place.path("new"), "wb") as file:
        file.write(place.read())
    os.rename(place.output, place.path("away"))
    os.rename(place.path("new"), place.output)
    complains(place.run(), 3, "output.jsonl", "another file", "state folder")
    os.replace(place.path("away"), place.output)
    completes(place)


def an_output_that_was_written_over_is_refused(place):
    used(place)
    before = place.read()
    with open(place.output, "r+b") as file:
        file.write(b"######")
    complains(place.run(), 3, "output.jsonl", "written over")
    with open(place.output, "r+b") as file:
        file.write(before)
    completes(place)


def an_output_that_has_gone_is_refused(place):
    used(place)
    os.rename(place.output, place.path("away"))
    complains(place.run(), 3, "output.jsonl", "No such file")
    check(not os.path.exists(place.output), "a used state made a new output")
    os.rename(place.path("away"), place.output)
    completes(place)


def an_output_that_is_not_empty_is_refused_with_a_new_state(place):
    place.write(GOOD, GOOD, GOOD)
    place.append(b"precious\n", name="output.jsonl")
    complains(place.run(), 3, "output.jsonl", "not empty", "new")
    same(place.read(), b"precious\n")
    os.remove(place.output)
    done(place.run())
    completes(place)


def an_output_is_written_anew_without_a_state(place):
    place.write(GOOD)
    place.append(b"old\n", name="output.jsonl")
    done(place.run(state=False))
    same(place.read(), b'{"a":1}\n')


def an_output_in_no_folder_is_named(place):
    place.write(GOOD)
    complains(place.run(output=place.path("no/such/file"), state=False), 3, "no/such/file", "No such file")


def an_output_on_a_full_device_is_named(place):
    place.write(*[GOOD] * 3)
    complains(place.run(output="/dev/full", state=False), 3, "/dev/full", "No space left")


def the_output_may_not_be_the_input(place):
    place.write(GOOD, GOOD, GOOD)
    before = place.read("input.jsonl")
    os.link(place.input, place.output)
    complains(place.run(state=False), 2, "output.jsonl", "same file as the input")
    complains(place.run(), 2, "output.jsonl", "same file as the input")
    with open(place.input, "ab") as stdout:
        complains(place.run(output=False, state=False, stdout=stdout), 2, "stdout", "same file as the input")
    same(place.read("input.jsonl"), before, "the input")


def dead_letters_may_not_go_to_the_output(place):
    place.write(GOOD, b"x")
    complains(place.run(settings=["input.on-error=dlq", "output.dlq-file=output.jsonl"]), 2, "output.dlq-file",
              "same file as the output")


def an_output_that_was_made_after_the_last_start_without_any_is_cut_back(place):
    place.write(GOOD, GOOD)
    os.truncate(place.input, 0)
    done(place.run())
    place.append(b"never committed\n", name="output.jsonl")
    place.append((GOOD + b"\n") * 3)
    done(place.run())
    completes(place)


def a_long_path_leaves_room_for_what_is_said_of_it(place):
    folder = place.path("d\u00e9" * 60 + "/" + "e" * 200)
    os.makedirs(folder)
    source, output = os.path.join(folder, "in.jsonl"), os.path.join(folder, "out.jsonl")
    complains(place.run(source=source, state=False), 3, "/in.jsonl", "cannot open", "No such file")
    with open(source, "wb") as file:
        file.write(GOOD + b"\nx\n")
    complains(place.run(source=source, state=False), 1, "/in.jsonl:2", "byte 0: unexpected character")
    complains(place.run(source=source, output=output + "/no", state=False), 3, "/no", "cannot open", "No such file")
    complains(place.run(source=source, output=source), 2, "/in.jsonl", "same file as the input")
    complains(place.run(source=source, state=os.path.join(folder, "no/state")), 3, "no/state", "No such file")


tell()
