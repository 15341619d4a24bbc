#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds and runs `make check-long` and `make check-fuzz`, and writes docs/reports/check-long.md: the commit,
# the seeds, what each said. Minutes, not hours.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh long
scripts/build.sh build --enable-werror
/usr/bin/python3 scripts/flights.py
report=docs/reports/check-long.md
status=0
commit=$(git rev-parse --short HEAD)
fence=$(printf '\140\140\140') # a block of code in Markdown
make -C build check-long >build/check-long.out 2>&1 || status=$?
make -C build check-fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-60}" >build/check-fuzz.out 2>&1 || status=$?
{
    printf '# make check-long, make check-fuzz\n\nWritten by scripts/check-long.sh on %s, commit %s, %s cores.\n\n' \
        "$(date -u +%Y-%m-%d)" "$commit" "$(nproc)"
    printf '%s\n' "$fence"
    for name in long/kills long/payments long/sim long/threads long/valgrind long/power long/memory \
        long/soak broker/three_nodes broker/stories/slow_call; do
        printf '%s\n' "-- ${name#*/}"
        grep -hE '^(ok|not ok|#)' "build/tests/$name.log" | sed 's# - /.*/tests/# - tests/#' |
            cut -c 1-140
    done
    printf '%s\n' '-- fuzz'
    grep -E '^(config|journal|json|reader): ' build/check-fuzz.out | cut -c 1-140
    printf '%s\n' "$fence"
} >"$report"
cat "$report"
exit "$status"
