#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every allocation of a short run fails, once and for good.
: "${top_builddir:=build}"
WEIR_TEST_LONG=1 CK_TIMEOUT_MULTIPLIER=10 exec "$top_builddir/tests/torture/torture_local_memory"
