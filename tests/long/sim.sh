#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A million seeds of the simulation, a share for each core. WEIR_TEST_SEEDS: another number.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

seeds=${WEIR_TEST_SEEDS:-1000000}
cores=$(nproc)
share=$(((seeds + cores - 1) / cores))
start=$(date +%s)000000000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
core=0
while [ "$core" -lt "$cores" ]; do
    "$top_builddir/tests/sim/sim" --seeds "$share" --start $((start + core * share)) >"$work/$core" 2>&1 &
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
