#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ThreadSanitizer over the unit tests, and over flight-watch with a state folder.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

folder=$top_builddir/tsan
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! (cd "$folder" && { [ -f Makefile ] || "$top_srcdir/configure" --enable-sanitizers=thread CC="$CC" CXX="$CXX"; }) \
    >"$work/build" 2>&1 || ! make -C "$folder" -j"$(nproc)" >>"$work/build" 2>&1; then
    tap_check "a build with ThreadSanitizer" "$(tail -n 20 "$work/build")"
    tap_done
fi
for source in "$top_srcdir"/tests/unit/*/test_*.c; do
    program=${source#"$top_srcdir"/}
    program=${program%.c}
    if ! make -C "$folder" "$program" >"$work/build" 2>&1; then
        tap_check "$program is built" "$(tail -n 20 "$work/build")"
        continue
    fi
    (cd "$folder" && CK_TIMEOUT_MULTIPLIER=10 "./$program") >"$work/out" 2>"$work/err"
    tap_check "$program is clean" "$(grep -E '^not ok' "$work/out"; grep -E 'WARNING: Thread' "$work/err")"
done
input=$top_srcdir/data/flights.jsonl
if [ -f "$input" ]; then
    "$folder/jobs/flight-watch/flight-watch" local --input "$input" --output "$work/output" --state-dir "$work/state" \
        2>"$work/err"
    tap_check "flight-watch, durable, is clean" "$(grep -E 'WARNING: Thread|SUMMARY' "$work/err")"
    "$top_builddir/jobs/flight-watch/flight-watch" local --input "$input" --output "$work/plain" 2>"$work/err"
    tap_check "and gives the same output" "$(cmp "$work/output" "$work/plain" 2>&1)"
else
    tap_skip "flight-watch, durable, is clean" "no data/flights.jsonl"
fi
tap_done
