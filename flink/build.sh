#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes FOLDER/weir-flink.jar and FOLDER/weir-flink-examples.jar with Maven, after their tests; quick when nothing has
# changed.
#   flink/build.sh FOLDER [--no-tests]
# What Maven says goes to FOLDER/build.log. Where it fetches from is the machine's own setting.
set -eu
folder=${1:?usage: flink/build.sh FOLDER [--no-tests]}
options=
[ "${2:-}" != --no-tests ] || options=-DskipTests
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")"

for tool in mvn java; do
    command -v "$tool" >/dev/null || {
        printf 'flink: no %s here; Debian has it in maven and default-jdk-headless\n' "$tool" >&2
        exit 1
    }
done
# Sources, and how they are built, by their contents: a checkout changes dates.
stamp=$(find . -type f ! -path './target/*' | LC_ALL=C sort | xargs sha256sum | sha256sum)
if [ -f "$folder/weir-flink.jar" ] && [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp$options" ]; then
    printf 'flink: %s/weir-flink.jar is up to date\n' "$folder"
    exit 0
fi
rm -f "$folder/stamp"
# Offline first: what is here already needs no registry.
run() {
    mvn -B -q "$@" $options -Dweir.build="$folder" package >"$folder/build.log" 2>&1
}
if ! run -o; then
    { grep -qiE 'offline mode|has not been downloaded' "$folder/build.log" && run; } || {
        grep -E '^\[ERROR\]' "$folder/build.log" | head -n 30 >&2
        printf 'flink: Maven failed; all of its output is in %s/build.log\n' "$folder" >&2
        exit 1
    }
fi
cp "$folder/weir-flink/weir-flink.jar" "$folder/weir-flink-examples/weir-flink-examples.jar" "$folder/"
printf '%s' "$stamp$options" >"$folder/stamp"
printf 'flink: made %s/weir-flink.jar\n' "$folder"
