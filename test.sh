#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up for tests, builds, and runs them all: `make check`, `make check-broker` and `make check-flink` in build/, then
# the unit tests under ASan and UBSan in build-asan/. Ends with one line that sums all results; status 1 when a test
# failed or none ran.
set -eu
cd "$(dirname "$0")"

say() { printf '\n== %s\n' "$*"; }

# check FOLDER TARGET [VARIABLE=VALUE]: runs its tests, keeps what they print in FOLDER/TARGET.out, and shows what did
# not pass.
check() {
    folder=$1 target=$2 out=$1/$2.out
    shift 2
    before=$(find "$folder" -name '*.trs' | wc -l)
    if make -C "$folder" -j"$(nproc)" "$target" "$@" >"$out" 2>&1; then
        make_status=0
    else
        make_status=$?
    fi
    grep -E '^(FAIL|XPASS|ERROR|SKIP):' "$out" || true
    results=$(($(find "$folder" -name '*.trs' | wc -l) - before))
    if [ "$make_status" = 0 ]; then
        printf '%s: %d test programs, all good\n' "$folder" "$results"
    else
        printf '%s: %d test programs; make %s failed, see %s and the tests'"'"' own logs\n' \
            "$folder" "$results" "$target" "$out"
        broken=1
    fi
}

say "set-up"
scripts/setup.sh test
broken=0
find build build-asan -name '*.trs' -delete 2>/dev/null || true

say "build"
scripts/build.sh build --enable-werror
/usr/bin/python3 scripts/flights.py || echo 'the tests over real flights will be skipped'
say "make check"
check build check
echo 'the simulation of engine, journal and local host:'
grep -hE '^(ok|not ok|#)' build/tests/sim/sim.log | cut -c1-140 || true
say "make check-broker"
check build check-broker
say "make check-flink"
make -C build flink >build/flink.out 2>&1 ||
    echo 'no weir-flink.jar, see build/flink.out; stories with jobs in Flink will be skipped'
check build check-flink

say "build with sanitizers"
scripts/build.sh build-asan --enable-werror --enable-sanitizers
say "make check, unit tests under ASan and UBSan"
# shellcheck disable=SC2016
unit_tests=$(printf 'include Makefile\nlist-unit-tests:; @echo $(filter tests/unit/%%,$(TESTS))\n' |
    make -s -C build-asan -f - list-unit-tests)
check build-asan check TESTS="$unit_tests"

# One result a TAP line, as automake's driver has noted it.
say "result"
find build build-asan -name '*.trs' -exec cat {} + | awk -v broken="$broken" '
    /^:test-result: (PASS|XFAIL)/ { passed++ }
    /^:test-result: (FAIL|XPASS|ERROR)/ { failed++ }
    /^:test-result: SKIP/ { skipped++ }
    END {
        if (broken && !failed) failed = 1  # make check failed, and no test says why
        printf "%d passed, %d failed%s\n", passed, failed, skipped ? sprintf(", %d skipped", skipped) : ""
        exit failed || !passed
    }'
