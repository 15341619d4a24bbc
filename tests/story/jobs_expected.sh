#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each job prints its expected.jsonl for its input.jsonl, from a file as from a pipe.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
for expected in "$top_srcdir"/jobs/*/expected.jsonl; do
    folder=$(dirname "$expected")
    name=$(basename "$folder")
    job=$top_builddir/jobs/$name/$name

    for way in file pipe; do
        number=$((number + 1))
        case $way in
        file) "$job" local --input "$folder/input.jsonl" --output "$work/output.jsonl" >&2 || true ;;
        pipe) "$job" local --input - --output - <"$folder/input.jsonl" >"$work/output.jsonl" || true ;;
        esac
        if cmp "$expected" "$work/output.jsonl" >&2; then
            echo "ok $number - ${name}_prints_its_expected_lines_from_a_$way"
        else
            echo "not ok $number - ${name}_prints_its_expected_lines_from_a_$way"
        fi
    done
done
echo "1..$number"
