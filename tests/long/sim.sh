#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A million seeds of the simulation. WEIR_TEST_SEEDS: another number.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
# shellcheck source=tests/support/seeds.sh
. "$(dirname "$0")/../support/seeds.sh"

share_seeds "$top_builddir/tests/sim/sim"
tap_done
