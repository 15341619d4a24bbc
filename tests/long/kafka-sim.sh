#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A million seeds of the Kafka host's simulation (three hours of CPU time), a share for each core.
# WEIR_TEST_SEEDS: another number.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

[ -x "$top_builddir/tests/kafka-sim/sim" ] || { echo '1..0 # SKIP built without librdkafka'; exit 0; }
seeds=${WEIR_TEST_SEEDS:-1000000}
cores=$(nproc)
share=$(((seeds + cores - 1) / cores))
start=$(date +%s)000000000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
core=0
while [ "$core" -lt "$cores" ]; do
    "$top_builddir/tests/kafka-sim/sim" --seeds "$share" --start $((start + core * share)) >"$work/$core" 2>&1 &
    core=$((core + 1))
done
wait
core=0
while [ "$core" -lt "$cores" ]; do
    tap_check "$share seeds from $((start + core * share)) hold all invariants" "$(
        grep -q '^ok 1' "$work/$core" || cat "$work/$core"
    )"
    tap_note "$(grep '^#' "$work/$core" | cut -c3-)"
    core=$((core + 1))
done
tap_done
