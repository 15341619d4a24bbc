#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The form of files: what can be told without reading them.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

cd "$top_srcdir" || exit 1
LC_ALL=C.UTF-8
export LC_ALL
mapfile -t all < <(weir_files)
# pick REGEX: the files whose path matches.
pick() { printf '%s\n' "${all[@]}" | grep -E "$1"; }
mapfile -t c < <(pick '\.[ch]$')
# A template becomes the user's own.
mapfile -t code < <(pick '\.([ch]|sh|py|awk)$' | grep -v '^src/cli/template/')
mapfile -t text < <(pick '\.([ch]|sh|py|awk|am|ac|md|yaml|in|[0-9])$|^\.ci/' | grep -v '^tests/fuzz/corpus/')
# This file holds what it looks for.
mapfile -t others < <(printf '%s\n' "${text[@]}" | grep -vxF tests/lint/style.sh)

tap_check 'each source has its SPDX line among the first three' "$(
    for path in "${code[@]}"; do
        head -n 3 "$path" | grep -q 'SPDX-License-Identifier: Apache-2\.0' || echo "$path"
    done
)"
tap_check 'no tabs in C' "$(grep -nHP '\t' "${c[@]}" | cut -c1-100)"
tap_check 'no line of code is longer than 120 characters' "$(grep -nHE '^.{121,}' "${code[@]}" | cut -c1-100)"
tap_check 'no blanks at the end of a line' "$(grep -nHE '[[:blank:]]+$' "${text[@]}" | cut -c1-100)"
tap_check 'no file ends without a newline' "$(
    for path in "${text[@]}"; do
        [ -s "$path" ] && [ -n "$(tail -c 1 "$path")" ] && echo "$path"
    done
)"
tap_check 'nothing is left to do' "$(printf '%s\n' "${others[@]}" | grep -vE '\.md$' |
    xargs grep -nHwE 'TODO|FIXME|XXX' | cut -c1-100)"

sizes=$(wc -l "${c[@]}" | awk '$2 != "total"')
tap_check 'no source is longer than 1000 lines' "$(awk '$1 > 1000' <<<"$sizes")"
tap_note "$(awk '$1 > 600 { print "long, think about splitting: " $0 }' <<<"$sizes")"

tap_check 'a file is named after what it holds' "$(pick '(^|/)(utils?|misc|common|helpers?)\.')"

tap_check 'each room has a README that names its files' "$(
    for room in src/*/; do
        ls "$room"*.c >/dev/null 2>&1 || continue
        if [ ! -f "${room}README.md" ]; then
            echo "${room}README.md is missing"
            continue
        fi
        for path in "$room"*.[ch]; do
            noun=$(basename "$path")
            noun=${noun%.*}
            grep -qE "\\b$noun\\.[ch]\\b" "${room}README.md" || echo "${room}README.md does not name $path"
        done
    done | sort -u
)"

# Hosts of registries and mirrors, and folders of whoever's machine.
hosts='pypi\.org|pythonhosted\.org|registry\.npmjs|crates\.io|proxy\.golang|repo1?\.maven|deb\.debian\.org'
hosts="$hosts|docker\.io|ghcr\.io"
places='(^|[^A-Za-z0-9_.}-])/(work|home|root|Users)/'
tap_check 'no registry host and no path of a machine is named' "$(
    grep -nHE "$hosts|$places" "${others[@]}" | cut -c1-140
)"

errors=docs/errors.md
claim='each code has an entry in docs/errors.md'
if [ -f "$errors" ]; then
    tap_check "$claim" "$(
        sed -n '/^typedef enum weir_code {/,/^}/p' include/weir/error.h | grep -oE '^ +WEIR_[A-Z_]+' |
            while read -r code; do
                grep -qE "^#+ .*\\b$code\\b" "$errors" || echo "$code"
            done
    )"
else
    tap_skip "$claim" "no $errors"
fi
tap_done
