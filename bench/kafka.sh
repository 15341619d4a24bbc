#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The keyed count on Kafka, exactly-once: weir beside Kafka Streams and a bare librdkafka loop. See bench/README.md.
#   bench/kafka.sh [BUILD-FOLDER] [--report] [--rounds N] [--records N] [--only rate|latency] [--without NAME]...
#       [--set NAME=VALUE]...
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
case ${1:-} in
'' | --*) ;;
*) build=$(cd "$1" && pwd) && shift ;;
esac

"$top/scripts/setup.sh" bench
[ -f "$build/Makefile" ] || "$top/scripts/build.sh" "$build"
make -s -C "$build" bench-kafka-programs
exec /usr/bin/python3 -B "$top/bench/kafka.py" "$top" "$build" "$@"
