#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All shell scripts pass shellcheck.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
# shellcheck source=tests/lint/files.sh
. "$(dirname "$0")/files.sh"

command -v shellcheck >/dev/null || tap_skip_all 'no shellcheck'
cd "$top_srcdir" || exit 1
scripts=$(weir_files | grep -E '\.sh$|^\.ci/run$')
# shellcheck disable=SC2086
tap_check 'shellcheck has nothing to say' "$(shellcheck -x -f gcc $scripts 2>&1)"
tap_done
