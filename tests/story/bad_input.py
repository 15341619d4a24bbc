#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bad records and odd ones: each bad one has its place and its reason, and input.on-error decides."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))

from story import Skip, check, complains, done, same, sanitized, tell  # noqa: E402

GOOD = b'{"key":"a","value":1}'
BEYOND = 9223372036854775808


def is_passed_over(place, record, *words):
    """fail, skip and dlq for one bad record between two good ones, with and without a state; then nothing is lost."""
    place.write(GOOD, record, GOOD)
    complains(place.run(state=False), 1, "input.jsonl:2", *words)
    same(place.read(), b'{"a":1}\n', "what came before the bad record")
    complains(place.run(state=False, settings=["input.on-error=skip"]), 0, "1 records passed over")
    same(place.read(), b'{"a":1}\n{"a":2}\n', "what is left when it is skipped")

    os.remove(place.output)
    complains(place.run(), 1, "input.jsonl:2", *words)
    same(place.read(), b'{"a":1}\n', "what was committed before the bad record")
    complains(place.run(), 1, "input.jsonl:2", *words)
    same(place.read(), b'{"a":1}\n', "after a second start")
    settings = ["input.on-error=dlq", f"output.dlq-file={place.path('dead.jsonl')}"]
    complains(place.run(settings=settings), 0, "1 records passed over")
    same(place.read(), b'{"a":1}\n{"a":2}\n', "what is left when it is a dead letter")
    dead = json.loads(place.read("dead.jsonl"))
    check((dead["line"], dead["index"]) == (2, 1), f"the dead letter says {dead}")
    for word in words:
        check(word in dead["error"], f"no '{word}' in the dead letter: {dead['error']}")


def a_line_that_is_no_json_is_named(place):
    is_passed_over(place, b"hello", "byte 0")


def half_a_record_is_named(place):
    is_passed_over(place, b'{"key":"a","va', "byte")


def two_records_in_a_line_are_named(place):
    is_passed_over(place, GOOD + GOOD, "byte 21")


def a_record_that_is_no_object_is_named(place):
    is_passed_over(place, b'"text"', "no object", "is expected")


def a_record_without_a_value_is_named(place):
    is_passed_over(place, b'{"key":"a","other":1}', "neither 'value' nor 'v'")


def invalid_utf8_is_named(place):
    is_passed_over(place, b'{"key":"a","value":"\xff"}', "UTF-8")


def an_overlong_nul_is_invalid_utf8(place):
    is_passed_over(place, b'{"key":"\xc0\x80","value":1}', "UTF-8")


def half_a_surrogate_pair_is_named(place):
    is_passed_over(place, b'{"key":"a","value":"\\ud800"}', "byte")


def a_nul_byte_in_a_record_is_named(place):
    is_passed_over(place, b'{"key":"a","value":\x001}', "byte 19")


def a_nul_byte_in_a_string_is_named(place):
    is_passed_over(place, b'{"key":"a","value":"\x00"}', "byte")


def a_duplicate_name_is_named(place):
    is_passed_over(place, b'{"key":"a","value":{"x":1,"x":2}}', "duplicate member name 'x'")


def a_duplicate_name_in_two_spellings_is_named(place):
    is_passed_over(place, b'{"key":"a","value":1,"\\u006bey":"b"}', "duplicate member name 'key'")


def a_value_that_nests_too_deep_is_named(place):
    is_passed_over(place, b'{"key":"a","value":' + b"[" * 600 + b"]" * 600 + b"}", "deeper than 512 levels")


def a_million_open_brackets_are_named(place):
    is_passed_over(place, b'{"key":"a","value":' + b"[" * 1000000, "")


def an_integer_beyond_int64_is_named(place):
    is_passed_over(place, b'{"key":"a","value":%d}' % BEYOND, "integer beyond int64")


def an_integer_beyond_int64_that_is_ignored_is_named(place):
    is_passed_over(place, b'{"key":"a","value":1,"more":-%d}' % (BEYOND + 1), "integer beyond int64")


def a_real_beyond_doubles_range_is_named(place):
    is_passed_over(place, b'{"key":"a","value":1e999}', "real beyond double's range")


def a_number_that_json_does_not_know_is_named(place):
    is_passed_over(place, b'{"key":"a","value":NaN}', "byte 19")


def a_timestamp_that_is_no_integer_is_named(place):
    is_passed_over(place, b'{"key":"a","value":1,"timestamp":"now"}', "timestamp is no integer", "milliseconds")


def a_key_that_is_an_array_is_named(place):
    is_passed_over(place, b'{"key":["a"],"value":1}', "key is an array")


def a_key_that_is_an_object_is_named(place):
    is_passed_over(place, b'{"key":{"a":1},"value":1}', "key is an object")


def a_record_over_the_limit_is_named_with_its_size(place):
    line = b'{"key":"a","value":"' + b"x" * 200000 + b'"}'
    place.write(GOOD, line, GOOD)
    complains(place.run(state=False, settings=["limits.record-bytes=100000"]), 1, "input.jsonl:2",
              f"{len(line)} bytes", "limits.record-bytes")
    done(place.run(state=False, settings=[f"limits.record-bytes={len(line)}"]))
    same(place.read(), b'{"a":1}\n{"a":2}\n{"a":3}\n')


def a_line_of_100_mb_takes_little_memory(place):
    with open(place.input, "wb") as file:
        file.write(GOOD + b'\n{"key":"a","value":"')
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n' + GOOD + b"\n")
    ended = place.run(state=False)
    complains(ended, 1, "input.jsonl:2", "limits.record-bytes")
    os.remove(place.output)
    ended = place.run(settings=["input.on-error=skip"])
    complains(ended, 0, "1 records passed over")
    same(place.read(), b'{"a":1}\n{"a":2}\n')
    if sanitized():
        raise Skip("memory is not measured with sanitizers")
    check(ended.peak_kb < 64 * 1024, f"{ended.peak_kb} KiB at the peak")


def a_good_line_of_15_mb_runs(place):
    place.write(GOOD, b'{"key":"a","value":"' + b"x" * (15 << 20) + b'"}', GOOD)
    done(place.run())
    same(place.read(), b'{"a":1}\n{"a":2}\n{"a":3}\n')


def a_bad_last_line_without_its_end_is_named(place):
    place.write(GOOD, b'{"key":', end="")
    complains(place.run(), 1, "input.jsonl:2")
    same(place.read(), b'{"a":1}\n')


def the_line_is_counted_with_blank_ones_and_the_index_without(place):
    place.write(GOOD, b"", b"  \t", b"x")
    settings = ["input.on-error=dlq", f"output.dlq-file={place.path('dead.jsonl')}"]
    complains(place.run(settings=settings), 0, "1 records passed over")
    dead = json.loads(place.read("dead.jsonl"))
    check((dead["line"], dead["index"], dead["text"]) == (4, 1, "x"), f"the dead letter says {dead}")


def a_dead_letter_keeps_bytes_that_are_no_text(place):
    place.write(b"\xff\x00")
    settings = ["input.on-error=dlq", f"output.dlq-file={place.path('dead.jsonl')}"]
    complains(place.run(settings=settings), 0, "1 records passed over")
    check("$bytes" in json.loads(place.read("dead.jsonl"))["text"], "no bytes in the dead letter")


def dead_letters_need_a_file(place):
    place.write(GOOD)
    complains(place.run(settings=["input.on-error=dlq"]), 2, "output.dlq-file", "--set")


# ---- keys ---------------------------------------------------------------------------------------------------------


def keys_of(place, *records, **kind):
    place.write(*records)
    done(place.run(**kind))
    return [json.loads(line, object_pairs_hook=list)[0] for line in place.read().splitlines()]


def a_key_may_hold_every_character(place):
    # Printed as JSON, and read again; one of them with all of them; after a restart they are the same keys.
    keys = [chr(c) for c in range(0x180)] + ["\u2028", "\ufeff", "\uffff", "\U0001f6eb", "\U0010ffff", "\x00\x00", ""]
    keys.append("".join(keys))
    place.write(*[{"key": key, "value": 1} for key in keys])
    done(place.run())
    place.append(place.read("input.jsonl"))
    done(place.run())
    pairs = [json.loads(line, object_pairs_hook=list)[0] for line in place.read().splitlines()]
    same([pair[0] for pair in pairs], keys + keys, "keys")
    same([pair[1] for pair in pairs], [1] * len(keys) + [2] * len(keys), "counts")


def two_spellings_of_a_key_are_one_key(place):
    pairs = keys_of(place, b'{"key":"\\u0061\\/","value":1}', b'{"key":"a/","value":1}')
    same([tuple(pair) for pair in pairs], [("a/", 1), ("a/", 2)], "keys")


def a_key_of_a_megabyte_is_a_key(place):
    key = "k" * (1 << 20)
    pairs = keys_of(place, {"key": key, "value": 1}, {"key": key + "x", "value": 1}, {"key": key, "value": 1})
    same([(pair[0], pair[1]) for pair in pairs], [(key, 1), (key + "x", 1), (key, 2)], "keys")


def a_number_or_truth_value_is_a_key_by_its_text(place):
    pairs = keys_of(place, b'{"key":7,"value":1}', b'{"key":"7","value":1}', b'{"key":true,"value":1}',
                    b'{"key":1.50,"value":1}', b'{"key":-0.0,"value":1}')
    same([tuple(pair) for pair in pairs], [("7", 1), ("7", 2), ("true", 1), ("1.5", 1), ("-0.0", 1)], "keys")


def a_key_that_is_null_or_missing_is_made_up_and_the_same_again(place):
    pairs = keys_of(place, b'{"key":null,"value":1}', b'{"value":1}', b'{"key":null,"k":"x","value":1}', state=False)
    check(pairs[0][0] != pairs[1][0] and len(pairs[0][0]) == 36, f"keys {pairs}")
    same(pairs[2][0], "x", "k instead of a null key")
    first = place.read()
    done(place.run(state=False))
    same(place.read(), first, "the second run")


def k_and_v_stand_in(place):
    pairs = keys_of(place, b'{"k":"a","v":1}', b'{"key":"b","k":"a","v":1,"value":2}', b'{"k":"a","value":null}')
    same([tuple(pair) for pair in pairs], [("a", 1), ("b", 1), ("a", 2)], "keys")


# ---- forms --------------------------------------------------------------------------------------------------------


def a_bom_crlf_blank_lines_and_no_last_newline_are_fine(place):
    place.write(b"\xef\xbb\xbf" + GOOD + b"\r", b"\r", b"", b"   ", GOOD + b"\r", GOOD, end="")
    done(place.run())
    same(place.read(), b'{"a":1}\n{"a":2}\n{"a":3}\n')


def a_bom_is_fine_only_at_the_start(place):
    is_passed_over(place, b"\xef\xbb\xbf" + GOOD, "byte 0")


def an_array_is_read_as_its_elements(place):
    place.write(b"[" + GOOD + b",", b"", GOOD, b"," + GOOD + b"]")
    done(place.run())
    same(place.read(), b'{"a":1}\n{"a":2}\n{"a":3}\n')


def an_empty_array_is_no_record(place):
    place.write(b" [ ] ")
    done(place.run())
    same(place.read(), b"")


def an_array_that_is_cut_off_ends_with_what_came_before(place):
    place.write(b"[" + GOOD + b"," + GOOD + b",")
    complains(place.run(), 1, "input.jsonl", "truncated")
    same(place.read(), b'{"a":1}\n{"a":2}\n')
    # Its end comes: nothing is lost, and nothing twice.
    place.append(GOOD + b"]")
    done(place.run())
    same(place.read(), b'{"a":1}\n{"a":2}\n{"a":3}\n')


def an_array_that_is_cut_off_in_an_element_says_where_it_begins(place):
    place.write(b"[" + GOOD + b",", GOOD[:9], end="")
    complains(place.run(), 1, "input.jsonl", "truncated", "line 2")
    same(place.read(), b'{"a":1}\n')
    place.append(GOOD[9:] + b"]")
    done(place.run())
    same(place.read(), b'{"a":1}\n{"a":2}\n')


def text_behind_an_array_is_named(place):
    place.write(b"[" + GOOD + b"]", b"x")
    complains(place.run(), 1, "input.jsonl", "line 2")
    same(place.read(), b'{"a":1}\n')


def a_bad_element_of_an_array_is_passed_over(place):
    place.write(b"[" + GOOD + b",", b'{"value":1,"value":2},', GOOD + b"]")
    complains(place.run(), 1, "input.jsonl:2", "duplicate")
    complains(place.run(settings=["input.on-error=skip"]), 0, "1 records passed over")
    same(place.read(), b'{"a":1}\n{"a":2}\n')


tell()
