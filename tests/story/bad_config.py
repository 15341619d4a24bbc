#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Configuration and usage: status 2, and one line that names key, file and line; the layers' order."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
from story import check, complains, done, same, tell  # noqa: E402

GOOD = b'{"key":"a","value":1}'
BAD = b"no JSON"


def refuses(place, text, *words):
    place.write(GOOD)
    with open(place.path("job.yaml"), "wb") as file:
        file.write(text)
    complains(place.run("--config", place.path("job.yaml"), state=False), 2, *words)
    check(not os.path.exists(place.output), "the output was opened before the configuration was read")


def an_unknown_key_is_named_with_file_line_and_the_nearest_one(place):
    refuses(place, b"commit-interval-ms: 5\nlog:\n  levle: info\n", "job.yaml:3", "log.levle", "'log.level'")


def a_value_of_the_wrong_kind_is_named(place):
    refuses(place, b"\ncommit-interval-ms: soon\n", "job.yaml:2", "commit-interval-ms", "'soon'", "integer")


def a_value_out_of_range_is_named_with_the_range(place):
    refuses(place, b"limits: {depth: 0}\n", "job.yaml:1", "limits.depth", "1..10000")


def a_word_that_is_none_of_those_known_is_named_with_them(place):
    refuses(place, b"input:\n  on-error: ignore\n", "job.yaml:2", "input.on-error", "fail", "skip", "dlq")


def a_format_that_local_does_not_take_is_named(place):
    refuses(place, b"input: {format: avro}\n", "input.format is 'avro'", "local takes json only", "'run'")
    refuses(place, b"output: {format: bytes}\n", "output.format is 'bytes'", "local takes json only")


def a_key_that_is_given_twice_is_named(place):
    refuses(place, b"commit-interval-ms: 1\ncommit-interval-ms: 2\n", "job.yaml:2", "twice", "line 1")


def text_that_is_no_yaml_is_named(place):
    refuses(place, b"log:\n  level: [info\n", "job.yaml:")


def bytes_that_are_no_text_are_named(place):
    refuses(place, b"log:\n  level: \xff\n", "job.yaml:2", "UTF-8")


def a_secret_that_is_not_there_is_named(place):
    refuses(place, b"state:\n  dir: '${env:NO_SUCH_VARIABLE}'\n", "job.yaml:2", "state.dir", "NO_SUCH_VARIABLE")


def a_file_that_is_not_there_is_named(place):
    place.write(GOOD)
    complains(place.run("--config", place.path("none.yaml"), state=False), 3, "none.yaml", "No such file")


def a_setting_that_is_wrong_is_named(place):
    place.write(GOOD)
    for setting, words in (("nonsense", ["--set", "section.key=value"]), ("foo=1", ["--set", "'foo'"]),
                           ("limits.depth=x", ["--set", "limits.depth", "'x'"])):
        complains(place.run(state=False, settings=[setting]), 2, *words)


def a_variable_that_is_wrong_is_named(place):
    place.write(GOOD)
    complains(place.run(state=False, env={"WEIR_LIMITS_DEPTH": "x"}), 2, "environment", "WEIR_LIMITS_DEPTH", "'x'")
    complains(place.run(state=False, env={"WEIR_LIMITS_DEPHT": "5"}), 2, "WEIR_LIMITS_DEPHT", "'WEIR_LIMITS_DEPTH'")


def an_option_that_is_unknown_or_lacks_its_value_is_named(place):
    place.write(GOOD)
    complains(place.run("--outptu", "x"), 2, "--outptu", "--output")
    complains(place.run("--log-level"), 2, "--log-level", "value")
    complains(place.run("word"), 2, "word")
    complains(place.run("--follow=yes"), 2, "--follow")
    complains(place.run("--log-level", "loud"), 2, "loud", "debug")


def the_command_line_wins_over_the_environment_over_the_file_over_the_default(place):
    def passes(on_error, *more, **kind):
        place.write(GOOD, BAD)
        status = place.run(*more, state=False, **kind).status
        same(status, 1 if on_error == "fail" else 0, f"exit status with {more} {kind}")

    place.append(b"input: {on-error: skip}\n", name="skip.yaml")
    place.append(b"input: {on-error: fail}\n", name="fail.yaml")
    skip, fail = ("--config", place.path("skip.yaml")), ("--config", place.path("fail.yaml"))
    passes("fail")
    passes("skip", *skip)
    passes("fail", *skip, env={"WEIR_INPUT_ON_ERROR": "fail"})
    passes("skip", *fail, env={"WEIR_INPUT_ON_ERROR": "skip"})
    passes("skip", *fail, env={"WEIR_INPUT_ON_ERROR": "fail"}, settings=["input.on-error=skip"])
    passes("fail", *skip, env={"WEIR_INPUT_ON_ERROR": "skip"}, settings=["input.on-error=fail"])


def the_state_folder_may_come_from_the_configuration(place):
    place.write(GOOD)
    done(place.run(state=False, env={"WEIR_STATE_DIR": place.state}))
    place.append(GOOD + b"\n")
    done(place.run(state=False, settings=[f"state.dir={place.state}"]))
    same(place.read(), b'{"a":1}\n{"a":2}\n')


tell()
