#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a recorded call costs, beside Restate, and 10,000 HTTP calls in flight. See bench/README.md.
#   bench/calls.sh [BUILD-FOLDER] [--report] [--rounds N] [--only calls|memory|http]
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
case ${1:-} in
'' | --*) ;;
*) build=$(cd "$1" && pwd) && shift ;;
esac

"$top/scripts/setup.sh" bench
[ -f "$build/Makefile" ] || "$top/scripts/build.sh" "$build"
make -s -C "$build" bench-calls-programs
exec /usr/bin/python3 -B "$top/bench/calls.py" "$top" "$build" "$@"
