#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command lines of a job and of `weir`: what they print, where, and their exit status.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

job=$(cd "$top_builddir" && pwd)/jobs/word-count/word-count
weir=$(cd "$top_builddir" && pwd)/weir
golden=$(cd "$top_srcdir" && pwd)/tests/golden/cli
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# ASan warns of every program that uses makecontext; ours tells it of each switch.
sanely() { grep -v 'WARNING: ASan does.* support makecontext'; }
# says STATUS STDERR COMMAND...: that status, that one line on stderr, nothing on stdout; prints what is wrong.
says() {
    wanted_status=$1 wanted=$2
    shift 2
    status=0
    "$@" >"$work/.out" 2>"$work/.err" </dev/null || status=$?
    [ "$status" = "$wanted_status" ] || echo "status $status, $wanted_status expected: $*"
    [ "$(cat "$work/.err")" = "$wanted" ] || printf 'wanted: %s\nfound:  %s\n' "$wanted" "$(cat "$work/.err")"
    [ ! -s "$work/.out" ] || echo "something is on stdout: $(head -n 1 "$work/.out")"
}
# prints STATUS FILE COMMAND...: that status, that text on stdout, nothing on stderr.
prints() {
    wanted_status=$1 wanted=$2
    shift 2
    status=0
    "$@" >"$work/.out" 2>"$work/.err" </dev/null || status=$?
    [ "$status" = "$wanted_status" ] || echo "status $status, $wanted_status expected: $*"
    diff "$wanted" "$work/.out"
    cat "$work/.err"
}

tap_check 'wrong commands are refused in one line that names the right one' "$(
    says 2 "word-count: unknown command 'lcal'; did you mean 'local'?" "$job" lcal
    says 2 "word-count: unknown command 'teleport'; see word-count --help" "$job" teleport
    says 2 "weir: unknown command 'stat'; did you mean 'state'?" "$weir" stat
    says 2 "weir: unknown command 'two lines'; see weir --help" "$weir" 'two
lines'
)"
commands='local, run, replay, parked, resolve, package, describe, worker'
tap_check 'commands of later versions are refused as such' "$(
    says 2 "word-count: this version of weir has no 'explain' yet; it has: $commands" "$job" explain
)"
tap_check 'no command is wrong usage, and shows it' "$(
    for program in "$job" "$weir"; do
        status=0
        "$program" >out 2>err || status=$?
        [ "$status" = 2 ] || echo "status $status"
        grep -q '^usage: ' err || echo 'no usage on stderr'
        [ ! -s out ] || echo 'something is on stdout'
    done
)"
tap_check 'wrong options and properties are refused before anything is touched' "$(
    says 2 "word-count: unknown option '--inptu'; did you mean '--input'?" "$job" local --inptu x --output made
    says 2 "word-count: --set: unknown property 'limts.depth'; did you mean 'limits.depth'?" \
        "$job" local --output made --set limts.depth=3
    printf 'input:\n  on-error: ignore\n' >bad.yaml
    says 2 "word-count: bad.yaml:2: input.on-error: 'ignore' is not known, one of fail, skip, dlq expected" \
        "$job" local --output made --config bad.yaml
    [ ! -e made ] || echo 'the output was made'
)"

for words in '--help' 'help' 'local --help' 'help local' 'run --help' \
    'describe --help' 'replay --help' 'parked --help' 'resolve --help' 'package --help'; do
    # shellcheck disable=SC2086
    "$job" $words >help 2>&1 || echo "status $?: $words" >>wrong
    awk -v what="JOB $words" 'length > 80 { print what ": more than 80 columns: " $0 }' help >>wrong
    grep -q '^usage: word-count' help || echo "no usage: $words" >>wrong
done
for words in '--help' 'help' 'new --help' 'state --help' 'journal --help' 'topics --help' 'config --help'; do
    # shellcheck disable=SC2086
    "$weir" $words >help 2>&1 || echo "status $?: $words" >>wrong
    awk -v what="weir $words" 'length > 80 { print what ": more than 80 columns: " $0 }' help >>wrong
    grep -q '^usage: weir' help || echo "no usage: $words" >>wrong
done
tap_check 'each help is on stdout, within 80 columns, with status 0' "$(cat wrong)"
version=$(sed -n 's/^PACKAGE_VERSION = //p' "$top_builddir/Makefile")
echo "weir $version" >version
tap_check 'both say their version' "$(
    prints 0 version "$job" --version
    prints 0 version "$weir" --version
    prints 0 version "$weir" version
)"

sed "s/@VERSION@/$version/" "$golden/describe.json" >describe.json
WEIR_THREADS=2
export WEIR_THREADS
tap_check 'describe shows agents, actions and what is configured, without secrets' "$(
    prints 0 describe.json "$job" describe --set job.name=renamed --set kafka.sasl.password=s3cret \
        --set input.topics=a,b
)"
tap_check 'weir config tells where each value comes from' "$(
    printf 'log: {level: error}\n' >log.yaml
    "$weir" config --origin --config log.yaml --set limits.depth=9 2>&1 | tr -d ' \n' >origins
    for wanted in '"level":{"value":"error","origin":"file"}' '"depth":{"value":9,"origin":"commandline"}' \
        '"threads":{"value":2,"origin":"environment"}' '"commit-interval-ms":{"value":100,"origin":"default"}'; do
        grep -qF "$wanted" origins || echo "missing: $wanted"
    done
)"
unset WEIR_THREADS

cat >in <<'END'
{"key":"ü","value":0}
{"key":"a \"b\"","value":0}
{"key":"be","value":0}
{"key":"","value":0}
{"key":"a \"b\"","value":0}
END
"$job" local --input in --output out --state-dir kept 2>err || cat err
printf 'state: {dir: kept}\n' >kept.yaml
printf '{"be":{"count":1}}\n' >be
tap_check 'weir state prints each key, in the order of their bytes' "$(
    prints 0 "$golden/state.jsonl" "$weir" state --state-dir kept
    prints 0 "$golden/state.jsonl" "$weir" state --config kept.yaml
    prints 0 be "$weir" state --state-dir=kept --key be
)"
neither='no state folder, and no Kafka job; give --state-dir DIR, or --config FILE with state.dir, or with '
neither="${neither}input.topics and kafka.bootstrap.servers"
tap_check 'weir state says what is not there' "$(
    says 1 "weir: state folder 'kept' keeps nothing for key 'zz'" "$weir" state --state-dir kept --key zz
    says 3 "weir: state 'missing': there is no state here (no state.db)" "$weir" state --state-dir missing
    [ ! -e missing ] || echo 'the folder was made'
    says 2 "weir: $neither" "$weir" state
    says 2 'weir: state.dir: empty; leave it out instead' "$weir" state --state-dir ''
)"

make_journal=$(cd "$top_builddir" && pwd)/tests/support/journal-store
"$make_journal" calls
printf 'state: {dir: calls}\n' >calls.yaml
tap_check 'weir journal prints the claim, then what was done in its order' "$(
    prints 0 "$golden/journal.jsonl" "$weir" journal --state-dir calls
    prints 0 "$golden/journal.jsonl" "$weir" journal --config calls.yaml
)"
head -n 4 "$golden/journal.jsonl" >readable
tap_check 'an entry that cannot be read is named, after those before it' "$(
    where="state './harmed': journal: place 255, run 7: a journal entry"
    for harm in "damaged: is damaged: its checksum differs" \
        "version: has version 1, this weir knows 2; use the weir that wrote it, or a newer one"; do
        rm -rf harmed
        "$make_journal" harmed "${harm%%:*}"
        status=0
        "$weir" journal --state-dir harmed >out.jsonl 2>err || status=$?
        [ "$status" = 3 ] || echo "status $status"
        diff readable out.jsonl
        [ "$(cat err)" = "weir: $where ${harm#*: }" ] || cat err
    done
)"
tap_check 'weir journal says what is not there' "$(
    says 3 "weir: state 'missing': there is no state here (no state.db)" "$weir" journal --state-dir missing
    [ ! -e missing ] || echo 'the folder was made'
    says 2 "weir: $neither" "$weir" journal
    says 2 "weir: unexpected word 'extra'; see --help" "$weir" journal extra
)"
tap_check 'looking at a state changes nothing that the job sees' "$(
    cp out before
    "$job" local --input in --output out --state-dir kept 2>&1 | sanely
    cmp before out
)"
tap_check 'a state of another job is refused, and the name in the configuration counts' "$(
    says 3 "word-count: state 'kept': belongs to job 'word-count', not to 'other'" \
        "$job" local --input in --output out --state-dir kept --set job.name=other
)"

tap_check 'an input is never overwritten' "$(
    cp in copy
    says 2 "word-count: output './copy' is the same file as the input; name another one" \
        "$job" local --input copy --output ./copy
    ln copy link
    says 2 "word-count: output 'link' is the same file as the input; name another one" \
        "$job" local --input copy --output link
    says 2 "word-count: output.dlq-file 'link' is the same file as the input; name another one" \
        "$job" local --input copy --output new --set input.on-error=dlq --set output.dlq-file=link
    cmp in copy
)"
if [ -w /dev/full ]; then
    tap_check 'what cannot be printed is told' "$(
        for command in "$job describe" "$weir config" "$weir state --state-dir kept" \
            "$weir journal --state-dir calls"; do
            status=0
            $command >/dev/full 2>err || status=$?
            [ "$status" = 3 ] || echo "status $status: $command"
            grep -q 'cannot write to stdout: No space left on device' err || cat err
        done
    )"
else
    tap_skip 'what cannot be printed is told' 'no /dev/full'
fi
tap_check 'a reader that goes away is an error with status 3, not a signal' "$(
    mkfifo pipe
    head -c 0 pipe >reader 2>&1 &
    exec 3>pipe
    wait "$!"
    status=0
    "$job" local --input in >&3 2>err 3>&- || status=$?
    exec 3>&-
    [ "$status" = 3 ] || echo "status $status"
    [ "$(sanely <err)" = "word-count: cannot write output 'stdout': Broken pipe" ] || cat err
)"

echo 'a job in ./shop; next: cd shop && make run' >made
tap_check 'weir new makes a folder, once' "$(
    prints 0 made "$weir" new shop
    [ "$(cd shop && echo ./*)" = './Makefile ./README.md ./input.jsonl ./job.c ./job.yaml' ] || ls shop
    grep -rn '@NAME@' shop
    says 3 "weir: 'shop' exists already; choose another name, or remove it" "$weir" new shop
)"
tap_check 'what weir new writes is the template' "$(
    for file in "$top_srcdir"/src/cli/template/*; do
        sed 's/@NAME@/shop/g' "$file" | cmp - "shop/$(basename "$file")" 2>&1
    done
)"
tap_check 'a name that YAML takes for something else is still a name' "$(
    "$weir" new true >/dev/null && "$job" describe --config true/job.yaml 2>&1 | grep -q '"job": "true"' || echo no
)"
tap_check 'weir new refuses names that do not work' "$(
    says 2 "weir: job name 'a/b' has a character other than A-Z a-z 0-9 . _ -" "$weir" new a/b
    says 2 "weir: 'state' is the name of something else in a job's folder; choose another" "$weir" new state
    says 2 "weir: 'job.c' is the name of something else in a job's folder; choose another" "$weir" new job.c
    says 2 "weir: '.shop' begins with '.', which make and shells take for something else" "$weir" new .shop
    says 2 "weir: '-shop' begins with '-', which make and shells take for something else" "$weir" new -- -shop
    says 2 'weir: new needs a name; see weir new --help' "$weir" new
    says 2 "weir: unexpected word 'two'; see --help" "$weir" new one two
)"
tap_done
