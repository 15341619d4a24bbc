#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The keyed count on Kafka, exactly-once: weir beside Kafka Streams and a bare librdkafka loop. See bench/README.md.
#   bench/kafka.sh [BUILD-FOLDER] [--report] [--rounds N] [--records N] [--only rate|latency] [--without NAME]...
#       [--set NAME=VALUE]...
# shellcheck source=bench/begin.sh
. "$(dirname "$0")/begin.sh"

"$top/scripts/setup.sh" bench
make_programs bench-kafka-programs
exec /usr/bin/python3 -B "$top/bench/kafka.py" "$top" "$build" "$@"
