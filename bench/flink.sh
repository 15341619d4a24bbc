#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The keyed count in Flink: weir's worker beside a KeyedProcessFunction in Java. See bench/README.md.
#   bench/flink.sh [BUILD-FOLDER] [--report] [--rounds N] [--records N] [--only rate|latency|checkpoint]
#       [--version FLINK] [--without NAME] [--set NAME=VALUE]...
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
case ${1:-} in
'' | --*) ;;
*) build=$(cd "$1" && pwd) && shift ;;
esac

"$top/scripts/setup.sh" bench
[ -f "$build/Makefile" ] || "$top/scripts/build.sh" "$build"
make -s -C "$build" bench-flink-programs
exec /usr/bin/python3 -B "$top/bench/flink.py" "$top" "$build" "$@"
