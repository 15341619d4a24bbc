#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `make install` puts down is enough: a program outside the tree is built with pkg-config alone, and runs.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

: "${CC:=cc}" "${CXX:=c++}" "${MAKE:=make}" "${weir_ldflags:=}"
command -v pkg-config >/dev/null || tap_skip_all 'no pkg-config'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# try COMMAND…: what it said, when it failed.
try() { "$@" >"$work/said" 2>&1 || { tail -n 20 "$work/said"; echo "status $?"; }; }

# The flags of a make around this are none of this one's.
tap_check 'make install puts it down' "$(unset MAKEFLAGS MFLAGS
    try "$MAKE" -C "$top_builddir" install DESTDIR="$work/root" V=0)"
shim() {
    if [ -f "$top_builddir/flink/weir-flink.jar" ]; then
        find "$work/root" -path '*/share/weir/weir-flink.jar' | grep -q . || echo 'it was made, and is not installed'
    else
        grep -q "none is installed: 'JOB package' wants one" "$work/said" || cat "$work/said"
    fi
}
tap_check 'the shim for Flink is put down as well, or it says that there is none' "$(shim)"
pc=$(find "$work/root" -name weir.pc)
tap_check 'there is a weir.pc' "$([ -n "$pc" ] || echo "no weir.pc among: $(find "$work/root" -type f | head -n 20)")"

# It was put under another root than configured for; pkg-config finds out from where the file lies.
PKG_CONFIG_PATH=$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
flags() { pkg-config --define-prefix --cflags --libs weir; }
LD_LIBRARY_PATH=$(dirname "$(find "$work/root" -name libweir.so)")
export LD_LIBRARY_PATH
tap_check 'pkg-config knows it' "$(flags 2>&1 >/dev/null)"
tap_check 'it names nothing of the tree it was built in' "$(flags | grep -F -e "$top_srcdir" -e "$top_builddir")"

# Sources go elsewhere, so that no header of the tree can help.
mkdir "$work/outside"
cp "$top_srcdir/tests/story/embed.c" "$top_srcdir/tests/lint/contract_names.c" "$work/outside"
cd "$work/outside" || exit 1
strict='-Wall -Wextra -Werror -pedantic'
expected='[{"a":{"word":"x","count":1}},{"b":{"word":"y","count":1}},{"a":{"word":"z","count":2}}]'

# each LANGUAGE COMPILER: builds and runs the program, and compiles every name.
each() {
    # shellcheck disable=SC2046,SC2086
    tap_check "a program in $1 is built with pkg-config alone" \
        "$(try $2 $strict embed.c -x none $(flags) $weir_ldflags -o embed)"
    # shellcheck disable=SC2086
    said=$(./embed 2>&1 >out)
    tap_check "it runs an agent from a list, in $1" "$([ "$(cat out)" = "$expected" ] || { cat out; echo "$said"; })"
    # shellcheck disable=SC2046,SC2086
    tap_check "the installed headers hold the whole contract, in $1" \
        "$(try $2 $strict -c contract_names.c $(pkg-config --define-prefix --cflags weir) -o names.o)"
    rm -f embed out names.o
}
each C11 "$CC -std=c11 -x c"
each C++17 "$CXX -std=c++17 -x c++"
tap_done
