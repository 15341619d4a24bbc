#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/flink/exact.py with all faults on the version that `make check-flink` gives one, and five times the input.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
export top_srcdir top_builddir
WEIR_TEST_FLINK_VERSION=1.20.3 WEIR_TEST_ROUNDS="${WEIR_TEST_ROUNDS:-200}" \
    exec /usr/bin/python3 -B "$top_srcdir/tests/flink/exact.py"
