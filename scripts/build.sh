#!/bin/sh
# Builds weir in a folder; quick when nothing has changed.
#   scripts/build.sh FOLDER [CONFIGURE-OPTION...]
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
# Other options than last time: configured again. What configure reads, make knows by itself.
options=$folder/options
if [ ! -f "$folder/Makefile" ] || [ "$(cat "$options" 2>/dev/null)" != "$*" ]; then
    (cd "$folder" && "$top/configure" "$@") >>"$log" 2>&1 || failed configure
    printf '%s\n' "$*" >"$options"
fi
make -C "$folder" -j"$(nproc)" >>"$log" 2>&1 || failed make
printf 'build: %s is up to date%s\n' "$folder" "${*:+ ($*)}"
