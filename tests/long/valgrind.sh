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
# In one process, so that what a test loses is seen. Left out: those that crash, kill, or wait for an assertion, and the
# store's and the memory model, which take far too long here and are run under the sanitizers; flight-watch above goes
# through the store.
for source in "$top_srcdir"/tests/unit/*/test_*.c; do
    program=${source#"$top_srcdir"/}
    program=${program%.c}
    case $program in
    */engine/test_crash | */config/test_config | */agent/test_memory_model | */store/*) continue ;;
    esac
    [ -x "$top_builddir/$program" ] || continue
    CK_FORK=no check "$program" "$program"
done
tap_done
