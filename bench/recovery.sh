#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kill -9 with state: how long no output is committed, weir beside Kafka Streams. See bench/README.md.
#   bench/recovery.sh [BUILD-FOLDER] [--report] [--rounds N] [--keys N[,N...]] [--without NAME]...
#       [--set NAME=VALUE]...
# shellcheck source=bench/begin.sh
. "$(dirname "$0")/begin.sh"

"$top/scripts/setup.sh" bench
make_programs bench-kafka-programs
exec /usr/bin/python3 -B "$top/bench/recovery.py" "$top" "$build" "$@"
