#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/flink/unplaced.py on the version that `make check-flink` does not use for it.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
export top_srcdir top_builddir
WEIR_TEST_FLINK_VERSION=1.20.3 exec /usr/bin/python3 -B "$top_srcdir/tests/flink/unplaced.py"
