#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# flight-watch under kill -9 at random moments. WEIR_TEST_KILLS says how many (25), WEIR_TEST_SEED draws the same again.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
# shellcheck disable=SC2086
exec /usr/bin/python3 "$top_srcdir/tests/story/kill_at_random.py" "$top_builddir/jobs/flight-watch/flight-watch" \
    "$top_srcdir/data/flights.jsonl" "${WEIR_TEST_KILLS:-25}" ${WEIR_TEST_SEED:-}
