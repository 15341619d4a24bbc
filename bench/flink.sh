#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The keyed count in Flink: weir's worker beside a KeyedProcessFunction in Java. See bench/README.md.
#   bench/flink.sh [BUILD-FOLDER] [--report] [--rounds N] [--records N] [--only rate|latency|checkpoint]
#       [--version FLINK] [--without NAME] [--set NAME=VALUE]...
# shellcheck source=bench/begin.sh
. "$(dirname "$0")/begin.sh"

"$top/scripts/setup.sh" bench
make_programs bench-flink-programs
exec /usr/bin/python3 -B "$top/bench/flink.py" "$top" "$build" "$@"
