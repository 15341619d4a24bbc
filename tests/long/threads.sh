#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ThreadSanitizer over the unit tests, over flight-watch with a state folder, and over the Kafka host on a real broker.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

folder=$top_builddir/tsan
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# As this build was configured; make does not pass it on.
PKG_CONFIG_PATH=${PKG_CONFIG_PATH:-$(sed -n 's/^PKG_CONFIG_PATH = //p' "$top_builddir/Makefile")}
export PKG_CONFIG_PATH
if ! (cd "$folder" && { [ -f Makefile ] || "$top_srcdir/configure" --enable-sanitizers=thread CC="$CC" CXX="$CXX"; }) \
    >"$work/build" 2>&1 || ! make -C "$folder" -j"$(nproc)" >>"$work/build" 2>&1; then
    tap_check "a build with ThreadSanitizer" "$(tail -n 20 "$work/build")"
    tap_done
fi
# Where there is librdkafka: the sanitizer knows nothing of the threads that it makes.
threads=$folder/c11_threads.so
if ! $CC -std=c11 -D_GNU_SOURCE -O1 -g -fPIC -shared -o "$threads" "$top_srcdir/tests/support/c11_threads.c" -pthread \
    >"$work/build" 2>&1; then
    tap_check "C11's threads by POSIX's" "$(cat "$work/build")"
    tap_done
fi
for source in "$top_srcdir"/tests/unit/*/test_*.c; do
    program=${source#"$top_srcdir"/}
    program=${program%.c}
    if ! make -C "$folder" "$program" >"$work/build" 2>&1; then
        tap_check "$program is built" "$(tail -n 20 "$work/build")"
        continue
    fi
    preload=
    case $program in */unit/kafka/*) preload=$threads ;; esac
    (cd "$folder" && LD_PRELOAD=$preload CK_TIMEOUT_MULTIPLIER=10 "./$program") >"$work/out" 2>"$work/err"
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
if ! [ -x "$top_builddir/tests/support/topic" ]; then
    tap_skip "the Kafka host is clean" "no librdkafka"
elif ! make -C "$folder" tests/support/chaos-job tests/support/call-job >"$work/build" 2>&1; then
    tap_check "jobs for the Kafka host are built" "$(tail -n 20 "$work/build")"
else
    WEIR_TEST_TSAN=$folder WEIR_TEST_C11_THREADS=$threads /usr/bin/python3 -B \
        "$top_srcdir/tests/broker/stories/races.py" >"$work/out" 2>&1
    if grep -q '^1\.\.0 # SKIP' "$work/out"; then
        tap_skip "the Kafka host is clean" "$(sed 's/.*# SKIP //' "$work/out")"
    else
        # Each of its claims is one here.
        for claim in counting calls_on_the_pool calls_over_http; do
            problem=$(grep -Eq "^ok [0-9]+ - $claim\$" "$work/out" || cat "$work/out")
            tap_check "the Kafka host is clean: $claim" "$problem"
        done
        tap_note "$(grep -E '^# .* librdkafka' "$work/out" | sed 's/^# //')"
    fi
    # Decisions that come meanwhile, records that crash, records that are bad and brokers that are away.
    for story in resolve_running crashes bad_input_broker; do
        if ! make -C "$folder" tests/support/topic tests/support/admin tests/support/fault-job jobs/payments/payments \
            >"$work/build" 2>&1; then
            tap_check "what $story needs is built" "$(tail -n 20 "$work/build")"
            continue
        fi
        options=exitcode=0:history_size=4:second_deadlock_stack=1
        options=$options:handle_segv=0:handle_abort=0:allow_user_segv_handler=1 # stories crash on purpose
        top_builddir=$folder LD_PRELOAD=$threads TSAN_OPTIONS="log_path=$work/$story:$options" \
            /usr/bin/python3 -B "$top_srcdir/tests/broker/stories/$story.py" >"$work/out" 2>&1
        if grep -q '^1\.\.0 # SKIP' "$work/out"; then
            tap_skip "$story is clean" "$(sed 's/.*# SKIP //' "$work/out")"
            continue
        fi
        tap_check "$story holds with the sanitizer" "$(grep -B 20 '^not ok' "$work/out")"
        tap_check "$story is clean" "$(/usr/bin/python3 -B "$top_srcdir/tests/support/races.py" "$work/$story")"
    done
fi
tap_done
