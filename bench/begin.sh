#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the benches of this folder begin with; they source it. Takes the build folder off their words, if one is given.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
case ${1:-} in
'' | --*) ;;
*) build=$(cd "$1" && pwd) && shift ;;
esac

# make_programs TARGET: builds weir if it is not built, and what the bench measures.
make_programs() {
    [ -f "$build/Makefile" ] || "$top/scripts/build.sh" "$build"
    make -s -C "$build" "$1"
}
