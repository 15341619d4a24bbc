#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kill -9 with state: how long no output is committed, weir beside Kafka Streams. See bench/README.md.
#   bench/recovery.sh [BUILD-FOLDER] [--report] [--rounds N] [--keys N[,N...]] [--without NAME]...
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
exec /usr/bin/python3 -B "$top/bench/recovery.py" "$top" "$build" "$@"
