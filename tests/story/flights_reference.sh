#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# flight-watch over all flights of 2013 prints what its reference, written apart from it, computes.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"

input=$top_srcdir/data/flights.jsonl
job=$top_builddir/jobs/flight-watch/flight-watch
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -r "$input" ] || [ ! -x /usr/bin/python3 ]; then
    echo "1..0 # SKIP no data/flights.jsonl: run scripts/flights.py"
    exit 0
fi
echo 1..2
# verdict NUMBER NAME STATUS
verdict() {
    if [ "$3" = 0 ]; then echo "ok $1 - $2"; else echo "not ok $1 - $2"; fi
}

/usr/bin/python3 "$top_srcdir/jobs/flight-watch/reference.py" "$input" >"$work/expected.jsonl"

status=0
"$job" local --input "$input" --output "$work/memory.jsonl" >&2 &&
    cmp "$work/expected.jsonl" "$work/memory.jsonl" >&2 || status=$?
verdict 1 flight_watch_in_memory_prints_what_the_reference_computes "$status"

status=0
"$job" local --input "$input" --output "$work/durable.jsonl" --state-dir "$work/state" >&2 &&
    cmp "$work/expected.jsonl" "$work/durable.jsonl" >&2 || status=$?
verdict 2 flight_watch_with_a_state_folder_prints_what_the_reference_computes "$status"
