#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints ratios, taken in one run: weir on one machine against a plain C loop, and more. See bench/README.md.
#   bench/local.sh [BUILD-FOLDER] [--report] [--rounds N]
# shellcheck source=bench/begin.sh
. "$(dirname "$0")/begin.sh"

[ -f "$build/Makefile" ] || "$top/scripts/setup.sh" build
make_programs bench-programs
[ -f "$top/data/flights.jsonl" ] || /usr/bin/python3 "$top/scripts/flights.py"
mkdir -p "$build/bench/work"
for records in 2000000 1000000 500000; do
    words=$build/bench/work/words-$records.jsonl
    [ ! -f "$words" ] || continue
    /usr/bin/python3 "$top/bench/generate.py" "$records" >"$words.new"
    mv "$words.new" "$words"
done
exec /usr/bin/python3 -B "$top/bench/local.py" "$top" "$build" "$@"
