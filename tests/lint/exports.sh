#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the library exports is what the public headers declare with WEIR_API, no more and no less.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

# Declared by the contract, and not in this version yet: who makes one takes it off the list.
later=''

library=$top_builddir/.libs/libweir.so
[ -f "$library" ] || tap_skip_all "no shared library in $top_builddir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

LC_ALL=C
export LC_ALL
# The name before the first parenthesis of each declaration that begins with WEIR_API.
cat "$top_srcdir"/include/weir/*.h | awk '
    /^[ \t]*#/ { next }
    { text = text " " $0 }
    END {
        while (match(text, /\/\*([^*]|\*+[^*\/])*\*+\//))
            text = substr(text, 1, RSTART - 1) " " substr(text, RSTART + RLENGTH)
        n = split(text, statement, ";")
        for (i = 1; i <= n; i++)
            if (match(statement[i], /WEIR_API .*/)) {
                declared = substr(statement[i], RSTART)
                sub(/[ ]*\(.*/, "", declared)
                sub(/.*[ *]/, "", declared)
                print declared
            }
    }' | sort >"$work/declared"
# With sanitizers the compiler adds symbols of its own.
nm -D --defined-only "$library" | awk '{ print $NF }' | grep -Ev '^(__(asan|ubsan|tsan|odr_asan)|_(init|fini)$)' |
    sort >"$work/exported"

printf '%s' "$later" | sed '/^$/d' | sort >"$work/later"
comm -23 "$work/declared" "$work/later" >"$work/now"

tap_check 'the headers declare functions' "$([ -s "$work/declared" ] || echo "none was found")"
tap_check 'nothing is exported that no header declares' "$(comm -13 "$work/declared" "$work/exported")"
tap_check 'everything that a header declares is exported' "$(comm -23 "$work/now" "$work/exported")"
tap_check 'what is listed as coming later is declared, and is not here' "$(
    comm -23 "$work/later" "$work/declared"
    comm -12 "$work/later" "$work/exported"
)"
tap_done
