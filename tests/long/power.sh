#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# More power cuts and failing operations than `make check` tries: every position, more seeds.
: "${top_builddir:=build}"
WEIR_TEST_LONG=1 CK_TIMEOUT_MULTIPLIER=10 exec "$top_builddir/tests/torture/torture_local"
