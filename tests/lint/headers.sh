#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A header stands alone: each compiles with nothing before it, the public ones also as strict C11 and as C++17.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

: "${CC:=cc}" "${CXX:=c++}" "${weir_cflags:=}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# each LANGUAGE-COMMAND HEADERS: one compile a header, so that none helps another.
each() {
    for header in $2; do
        # shellcheck disable=SC2086
        printf '#include <%s>\nstruct header_is_alone { int here; };\n' "$header" | $1 - 2>"$work/said" ||
            sed "1s,^,$header: ," "$work/said" | head -n 5
    done
}

cd "$top_srcdir" || exit 1
public=$(cd include && ls weir/*.h)
private=$(cd src && find . -name '*.h' | sed 's,^\./,,' | sort)
# Built without librdkafka, what is made of it is left out here as it is there.
# shellcheck disable=SC2086
if ! printf '#include <librdkafka/rdkafka.h>\n' | $CC -x c -fsyntax-only $weir_cflags - 2>"$work/said"; then
    private=$(cd src && printf '%s\n' "$private" | xargs grep -L 'librdkafka/\|"kafka/internal\.h"')
fi
strict='-pedantic -Wall -Wextra -Werror -fsyntax-only -Iinclude'

tap_check 'each public header alone is C11' "$(each "$CC -x c -std=c11 $strict $weir_cflags" "$public")"
tap_check 'each public header alone is C++17' "$(each "$CXX -x c++ -std=c++17 $strict $weir_cflags" "$public")"
ours="-Wall -Wextra -Werror -fsyntax-only -include $top_builddir/config.h -Iinclude -Isrc"
tap_check 'each private header alone compiles' "$(each "$CC -x c -std=gnu11 $ours $weir_cflags" "$private")"
tap_done
