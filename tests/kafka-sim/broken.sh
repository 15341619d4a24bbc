#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What was broken on purpose (src/base/breakage.h) must be found by the simulation within 20,000 seeds; and the seed
# that found it must find it again.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

[ -x "$top_builddir/tests/kafka-sim/sim" ] || { echo '1..0 # SKIP built without librdkafka'; exit 0; }
sim=$top_builddir/tests/kafka-sim/sim
start=$(date +%s)
tap_note "start seed $start"
for name in $("$sim" --list-breaks); do
    found=$("$sim" --break "$name" --start "$start" --seeds 20000 2>&1)
    after=$(printf '%s\n' "$found" | sed -n 's/^# after \([0-9]*\) seeds: .*/\1/p')
    tap_check "'$name' is found${after:+ after $after seeds}" "$([ -n "$after" ] || printf '%s\n' "$found")"
    if [ -n "$after" ]; then
        tap_note "$(printf '%s\n' "$found" | sed -n 's/^# after [0-9]* seeds: //p' | cut -c1-140)"
        again=$("$sim" --break "$name" --one $((start + after - 1)) 2>&1)
        tap_check "its seed finds it again, in the same way" "$(
            before=$(printf '%s\n' "$found" | sed -n 's/^# after [0-9]* seeds: //p')
            case $again in
            *"$before"*) ;;
            *) printf '%s\n' "before: $before" "$again" ;;
            esac
        )"
    fi
done
tap_done
