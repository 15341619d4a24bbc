#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a recorded call costs, beside Restate, and 10,000 HTTP calls in flight. See bench/README.md.
#   bench/calls.sh [BUILD-FOLDER] [--report] [--rounds N] [--only calls|memory|http]
# shellcheck source=bench/begin.sh
. "$(dirname "$0")/begin.sh"

"$top/scripts/setup.sh" bench
make_programs bench-calls-programs
exec /usr/bin/python3 -B "$top/bench/calls.py" "$top" "$build" "$@"
