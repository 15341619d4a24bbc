#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds and runs long tests, and writes what each said, with the commit and the seeds, into docs/reports/.
#   scripts/check-long.sh          all of `make check-long`, and `make check-fuzz`: check-long.md; hours
#   scripts/check-long.sh kafka    those of the Kafka host alone: check-long-kafka.md; about an hour and a half
set -eu
cd "$(dirname "$0")/.."
what=${1:-all}
kafka="long/kafka-sim long/chaos_long long/soak broker/three_nodes broker/chaos_itself broker/stories/slow_call"
case $what in
all) report=docs/reports/check-long.md
    names="long/kills long/payments long/sim long/threads long/valgrind long/power long/memory $kafka"
    names="$names long/flink_exact long/flink_charges long/flink_unplaced long/flink_failures" ;;
kafka) report=docs/reports/check-long-kafka.md names=$kafka ;;
*) echo "unknown: '$what'; nothing, or kafka" >&2
    exit 2 ;;
esac
scripts/setup.sh long
scripts/build.sh build --enable-werror
/usr/bin/python3 scripts/flights.py
status=0
commit=$(git rev-parse --short HEAD)
fence=$(printf '\140\140\140') # a block of code in Markdown
case $what in
all)
    make -C build flink >build/flink.out 2>&1 ||
        echo 'no weir-flink.jar, see build/flink.out; stories with jobs in Flink will be skipped'
    make -C build check-long >build/check-long.out 2>&1 || status=$?
    make -C build check-fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-60}" >build/check-fuzz.out 2>&1 || status=$?
    ;;
kafka)
    tests=
    for name in $names; do
        for file in tests/"$name".*; do
            tests="$tests $file"
        done
    done
    make -C build check-long LONG_TESTS="$tests" >build/check-long.out 2>&1 || status=$?
    ;;
esac
{
    printf '# %s\n\nWritten by scripts/check-long.sh on %s, commit %s, %s cores.\n\n' \
        "$([ "$what" = all ] && echo 'make check-long, make check-fuzz' || echo "make check-long, $what")" \
        "$(date -u +%Y-%m-%d)" "$commit" "$(nproc)"
    printf '%s\n' "$fence"
    for name in $names; do
        printf '%s\n' "-- ${name#*/}"
        grep -hE '^(ok|not ok|#)' "build/tests/$name.log" | sed 's# - /.*/tests/# - tests/#' |
            cut -c 1-140
    done
    if [ "$what" = all ]; then
        printf '%s\n' '-- fuzz'
        grep -E '^(config|journal|json|reader): ' build/check-fuzz.out | cut -c 1-140
    fi
    printf '%s\n' "$fence"
} >"$report"
cat "$report"
exit "$status"
