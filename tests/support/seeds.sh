# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# What both simulations (tests/sim, tests/kafka-sim) are run for; sourced behind tap.sh.

# find_breakages SIM SEEDS: each way of being wrong on purpose (src/base/breakage.h) must be found within so many seeds,
# and the seed that found it must find it again.
find_breakages() {
    sim=$1 start=$(date +%s)
    tap_note "start seed $start"
    names=$("$sim" --list-breaks) || names=
    tap_check "there are breakages to find" "$([ -n "$names" ] || echo "$sim --list-breaks names none")"
    for name in $names; do
        found=$("$sim" --break "$name" --start "$start" --seeds "$2" 2>&1)
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
}

# share_seeds SIM: WEIR_TEST_SEEDS (a million) of them, a share for each core.
share_seeds() {
    seeds=${WEIR_TEST_SEEDS:-1000000}
    cores=$(nproc)
    share=$(((seeds + cores - 1) / cores))
    start=$(date +%s)000000000
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    core=0
    while [ "$core" -lt "$cores" ]; do
        "$1" --seeds "$share" --start $((start + core * share)) >"$work/$core" 2>&1 &
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
}
