#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What was broken on purpose must be found by the Kafka host's simulation within 20,000 seeds.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"
# shellcheck source=tests/support/seeds.sh
. "$(dirname "$0")/../support/seeds.sh"

[ -x "$top_builddir/tests/kafka-sim/sim" ] || { echo '1..0 # SKIP built without librdkafka'; exit 0; }
find_breakages "$top_builddir/tests/kafka-sim/sim" 20000
tap_done
