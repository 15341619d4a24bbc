#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A million seeds of the Kafka host's simulation (less than an hour of CPU time). WEIR_TEST_SEEDS: another number.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
# shellcheck source=tests/support/seeds.sh
. "$(dirname "$0")/../support/seeds.sh"

[ -x "$top_builddir/tests/kafka-sim/sim" ] || { echo '1..0 # SKIP built without librdkafka'; exit 0; }
share_seeds "$top_builddir/tests/kafka-sim/sim"
tap_done
