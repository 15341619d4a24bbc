# SPDX-License-Identifier: Apache-2.0
# TAP for shell tests; sourced. Under `make check` the environment names the folders; by hand, `tests/lint/x.sh` is
# enough, with the build in build/.
# shellcheck shell=sh disable=SC2034

tap_here=$(cd "$(dirname "$0")" && pwd)
: "${top_srcdir:=$(cd "$tap_here" && while [ ! -f configure.ac ] && [ "$PWD" != / ]; do cd ..; done && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
tap_count=0

# tap_check CLAIM PROBLEMS: holds when there are none; they are printed, one a line.
tap_check() {
    tap_count=$((tap_count + 1))
    if [ -z "$2" ]; then
        printf 'ok %d - %s\n' "$tap_count" "$1"
    else
        printf 'not ok %d - %s\n' "$tap_count" "$1"
        tap_note "$2"
    fi
}

# tap_skip CLAIM WHY: not looked at, and says so.
tap_skip() {
    tap_count=$((tap_count + 1))
    printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

tap_note() {
    printf '%s\n' "$1" | head -n 60 | sed 's/^/# /'
}

# Ends the test. tap_skip_all WHY instead of everything else.
tap_done() {
    printf '1..%d\n' "$tap_count"
    exit 0
}

tap_skip_all() {
    printf '1..0 # SKIP %s\n' "$1"
    exit 0
}
