#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/flink/charges.py with all faults on the version that `make check-flink` leaves calm, and four times the orders.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
export top_srcdir top_builddir
WEIR_TEST_FLINK_VERSION=1.20.3 WEIR_TEST_ORDERS="${WEIR_TEST_ORDERS:-480}" \
    exec /usr/bin/python3 -B "$top_srcdir/tests/flink/charges.py"
