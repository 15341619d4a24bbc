#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The long form of tests/broker/chaos.py: 100 events over a million records on three nodes.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
export top_srcdir top_builddir
exec /usr/bin/python3 -B "$top_srcdir/tests/broker/chaos.py" --events "${WEIR_TEST_EVENTS:-100}" \
    --records "${WEIR_TEST_RECORDS:-1000000}" --nodes 3
