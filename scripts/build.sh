#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds weir in a folder; quick when nothing has changed.
#   scripts/build.sh FOLDER [CONFIGURE-OPTION...]
# Without options a folder that is configured keeps its own; with others than it has, it is built anew.
# Says nothing but one line when all goes well; the whole output is in FOLDER/build.log.
set -eu
cd "$(dirname "$0")/.."
folder=${1:?usage: scripts/build.sh FOLDER [CONFIGURE-OPTION...]}
shift
top=$PWD
export PKG_CONFIG_PATH="$top/.deps-prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"

mkdir -p "$folder"
log=$folder/build.log
failed() {
    tail -n 30 "$log" >&2
    printf 'build: failed at: %s; all of its output is in %s\n' "$1" "$log" >&2
    exit 1
}

: >"$log"
if [ ! -x configure ] || [ -n "$(find configure.ac Makefile.am -newer configure)" ]; then
    ./autogen.sh >>"$log" 2>&1 || failed ./autogen.sh
fi
options=$folder/options
if [ ! -f "$folder/Makefile" ] || { [ $# -gt 0 ] && [ "$(cat "$options" 2>/dev/null)" != "$*" ]; }; then
    [ ! -f "$folder/Makefile" ] || make -C "$folder" clean >>"$log" 2>&1 || failed 'make clean'
    (cd "$folder" && "$top/configure" "$@") >>"$log" 2>&1 || failed configure
    printf '%s\n' "$*" >"$options"
fi
make -C "$folder" -j"$(nproc)" >>"$log" 2>&1 || failed make
printf 'build: %s is up to date (options: %s)\n' "$folder" "$(cat "$options")"
