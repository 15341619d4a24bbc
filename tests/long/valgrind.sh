#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Valgrind's memcheck, where the sanitizers do not reach: SQLite, libyaml and jansson as they are installed.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

command -v valgrind >/dev/null || tap_skip_all "no valgrind; scripts/setup.sh long brings it in"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# check CLAIM PROGRAM ARGUMENT...: no error, nothing lost. libtool runs it with the library of this build.
check() {
    claim=$1
    shift
    (cd "$top_builddir" && ./libtool --mode=execute valgrind -q --error-exitcode=99 --leak-check=full \
        --errors-for-leak-kinds=definite,indirect "$@") >"$work/out" 2>"$work/err"
    status=$?
    tap_check "$claim" "$(grep '^==' "$work/err"; [ "$status" = 0 ] || echo "status $status")"
}
input=$top_srcdir/jobs/flight-watch/input.jsonl
check "flight-watch in memory" jobs/flight-watch/flight-watch local --input "$input" --output "$work/memory"
check "flight-watch with a state folder" jobs/flight-watch/flight-watch local --input "$input" \
    --output "$work/durable" --state-dir "$work/state"
check "flight-watch going on" jobs/flight-watch/flight-watch local --input "$input" \
    --output "$work/durable" --state-dir "$work/state"
tap_check "the outputs are the same" "$(cmp "$work/memory" "$work/durable" 2>&1)"
check "weir state" ./weir state --state-dir "$work/state"
check "describe" jobs/flight-watch/flight-watch describe
for program in engine/test_engine agent/test_memory agent/test_event codec/test_tree config/test_yaml; do
    [ -x "$top_builddir/tests/unit/$program" ] || continue
    CK_FORK=no check "tests/unit/$program" "tests/unit/$program"
done
tap_done
