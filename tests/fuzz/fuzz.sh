#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz targets and runs each over its corpus: `make check-fuzz [FUZZ_SECONDS=60]`. What is found is left in
# fuzz/NAME/ of the build folder; a finding belongs into tests/fuzz/corpus/NAME/ with its fix.
set -u
: "${top_srcdir:?run this by make check-fuzz}" "${top_builddir:?}" "${FUZZ_CC:=clang-14}" "${FUZZ_SECONDS:=60}"
: "${weir_cflags:=}" "${weir_libs:=}"

if ! command -v "$FUZZ_CC" >/dev/null; then
    echo "check-fuzz: SKIP: no $FUZZ_CC; scripts/setup.sh test installs it"
    exit 0
fi
fuzz=$top_builddir/fuzz
mkdir -p "$fuzz"
cd "$top_srcdir" || exit 1
failed=0
summary=

# target NAME SOURCES: builds and runs one.
target() {
    name=$1
    shift
    # shellcheck disable=SC2086
    if ! "$FUZZ_CC" -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=all -include "$top_builddir/config.h" -Iinclude -Isrc -Itests/support $weir_cflags \
        "$@" "tests/fuzz/fuzz_$name.c" -o "$fuzz/fuzz_$name" $weir_libs; then
        summary="$summary$name: does not build\n"
        failed=1
        return
    fi
    mkdir -p "$fuzz/$name/found"
    log=$fuzz/$name/log
    if "$fuzz/fuzz_$name" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=1024 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix="$fuzz/$name/" "$fuzz/$name/found" "tests/fuzz/corpus/$name" \
        >"$log" 2>&1; then
        said=good
    else
        said="FAILED, see $log"
        failed=1
        tail -n 40 "$log"
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    seen=$(sed -n 's/.*cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
    summary="$summary$name: $said, ${runs:-?} runs in $FUZZ_SECONDS s, ${seen:-?} edges\n"
}

target avro src/base/*.c src/codec/*.c
target config src/base/*.c src/config/*.c
target journal src/base/*.c src/codec/*.c src/journal/*.c "$top_builddir/src/journal/schema_text.c"
target json src/base/*.c src/codec/*.c
target reader src/base/*.c src/host/reader.c
target worker src/base/*.c src/host/worker_frames.c
printf '\ncheck-fuzz\n'
# shellcheck disable=SC2059
printf "$summary"
exit $failed
