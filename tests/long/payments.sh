#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The long form of tests/story/payments_kills.py: 200 kills in each of the three kinds.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
export top_srcdir top_builddir
WEIR_TEST_KILLS=${WEIR_TEST_KILLS:-200} exec /usr/bin/python3 -B "$top_srcdir/tests/story/payments_kills.py"
