#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A program that uses every name of the contract compiles with the public headers, as C11 and as C++17.
# tests/story/install.sh compiles, links and runs it with the installed ones.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

: "${CC:=cc}" "${CXX:=c++}" "${weir_cflags:=}"
cd "$top_srcdir" || exit 1
strict="-pedantic -Wall -Wextra -Werror -fsyntax-only -Iinclude $weir_cflags"

# shellcheck disable=SC2086
tap_check 'the contract is there as C11' "$($CC -std=c11 $strict tests/lint/contract_names.c 2>&1)"
# shellcheck disable=SC2086
tap_check 'the contract is there as C++17' "$($CXX -x c++ -std=c++17 $strict tests/lint/contract_names.c 2>&1)"
tap_done
