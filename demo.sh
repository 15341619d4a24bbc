#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds, and runs the main job on real flights: once undisturbed, once killed with -9 in the middle and
# started again. Both must have written the same bytes.
set -eu
cd "$(dirname "$0")"

work=build/demo
job=build/jobs/flight-watch/flight-watch
input=data/flights.jsonl

title() { printf '\n== %s\n' "$*"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }
size_of() { stat -c %s "$1"; }
sha256_of() { sha256sum "$1" | cut -d ' ' -f 1; }

# run NAME [--kill-at FILE BYTES]: the job, durable, in a folder of its own; sets status, seconds, peak_kb
run() {
    folder=$work/$1
    shift
    mkdir -p "$folder"
    took=$(/usr/bin/python3 scripts/measure.py "$@" -- "$job" local --input "$input" \
        --output "$folder/output.jsonl" --state-dir "$folder/state") || die "interrupted"
    status='' seconds='' peak_kb=''
    eval "$took"
}
show() {
    awk -v what="$1" -v n="$2" -v s="$seconds" -v kb="$peak_kb" 'BEGIN {
        printf "%-22s %7.2f s", what, s
        if (n) printf "  %8d records/s", n / s
        printf "  peak memory %5.1f MB\n", kb / 1024 }'
}

title "set-up and build"
scripts/setup.sh build
scripts/build.sh build
/usr/bin/python3 scripts/flights.py
records=$(wc -l <"$input")

title "flight-watch over $records records, durable (state and journal in SQLite, output synced)"
rm -rf "$work"
run undisturbed
[ "$status" = 0 ] || die "the job ended with status $status"
show undisturbed "$records"
whole=$(size_of "$work/undisturbed/output.jsonl")

half=$((whole / 2))
run killed --kill-at "$work/killed/output.jsonl" "$half"
[ "$status" = 137 ] || die "the job was to be killed in the middle, but ended with status $status"
left=$(size_of "$work/killed/output.jsonl")
show "killed with -9" ''
printf '  the output then held %d of %d bytes\n' "$left" "$whole"
run killed
[ "$status" = 0 ] || die "the job, started again, ended with status $status"
show "started again" ''

title "the two outputs"
first=$(sha256_of "$work/undisturbed/output.jsonl")
second=$(sha256_of "$work/killed/output.jsonl")
printf 'undisturbed  %s\nkilled       %s\n' "$first" "$second"
[ "$first" = "$second" ] || die "the outputs differ: compare $work/undisturbed and $work/killed"
printf 'equal, byte for byte: %d lines, each once\n' "$(wc -l <"$work/killed/output.jsonl")"

title "the ten aircraft that were late most often"
/usr/bin/python3 jobs/flight-watch/worst.py "$work/killed/output.jsonl"

title "where it all is"
printf '%-10s %s\n' job jobs/flight-watch/job.c input "$input" outputs "$work/*/output.jsonl" state "$work/*/state/" \
    'read on' "jobs/flight-watch/README.md, docs/tutorial.md"
