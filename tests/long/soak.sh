#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ten minutes of tests/broker/soak.py; WEIR_TEST_SECONDS says how many seconds instead.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
export top_srcdir top_builddir
exec /usr/bin/python3 -B "$top_srcdir/tests/broker/soak.py" --seconds "${WEIR_TEST_SECONDS:-600}"
