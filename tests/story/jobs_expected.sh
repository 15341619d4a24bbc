#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each job prints its expected.jsonl for its input.jsonl, from a file as from a pipe. Runs that make calls end as their
# calls do, so there only the order of each key's lines is compared.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0

# What payments charges, with a new ledger. It stops with its stdin, of which descriptor 9 is the other end.
start_service() {
    rm -f "$work/ledger.jsonl" "$work/hold" "$work/port"
    mkfifo "$work/hold" "$work/port"
    /usr/bin/python3 -B "$top_srcdir/tests/support/charge_server.py" --log "$work/ledger.jsonl" \
        <"$work/hold" >"$work/port" &
    exec 9>"$work/hold"
    read -r port <"$work/port"
    PAYMENTS_URL=http://127.0.0.1:$port
    export PAYMENTS_URL
}

stop_service() {
    exec 9>&-
    wait
}

# by_key FILE: its lines by key; those of one key as they stand.
by_key() { LC_ALL=C sort -s -t: -k1,1 "$1"; }

for expected in "$top_srcdir"/jobs/*/expected.jsonl; do
    folder=$(dirname "$expected")
    name=$(basename "$folder")
    job=$top_builddir/jobs/$name/$name

    for way in file pipe; do
        number=$((number + 1))
        claim=${name}_prints_its_expected_lines_from_a_$way
        [ "$name" != payments ] || start_service
        case $way in
        file) "$job" local --input "$folder/input.jsonl" --output "$work/output.jsonl" >&2 || true ;;
        pipe) "$job" local --input - --output - <"$folder/input.jsonl" >"$work/output.jsonl" || true ;;
        esac
        cp "$expected" "$work/expected.jsonl"
        if [ "$name" = payments ]; then
            stop_service
            for file in expected output; do
                by_key "$work/$file.jsonl" >"$work/$file.sorted"
                mv "$work/$file.sorted" "$work/$file.jsonl"
            done
        fi
        if cmp "$work/expected.jsonl" "$work/output.jsonl" >&2; then
            echo "ok $number - $claim"
        else
            echo "not ok $number - $claim"
        fi
    done
done
echo "1..$number"
