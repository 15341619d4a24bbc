#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What was broken on purpose must be found by the simulation within 2,000 seeds.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
# shellcheck source=tests/support/seeds.sh
. "$(dirname "$0")/../support/seeds.sh"

find_breakages "$top_builddir/tests/sim/sim" 2000
tap_done
