#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the README, the tutorial and the template of `weir new` show is what happens.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
# verdict NAME STATUS
verdict() {
    number=$((number + 1))
    if [ "$2" = 0 ]; then echo "ok $number - $1"; else echo "not ok $number - $1"; fi
}

variable() { sed -n "s/^$1 = //p" "$top_builddir/Makefile"; }
# compile SOURCE PROGRAM: against the library in the build folder
compile() {
    # shellcheck disable=SC2046
    $(variable CC) -std=gnu11 -Wall -Wextra -Werror -fstack-clash-protection -I"$top_srcdir/include" \
        $(variable JANSSON_CFLAGS) -o "$2" "$1" $(variable WEIR_LDFLAGS) \
        -L"$top_builddir/.libs" -lweir -Wl,-rpath,"$top_builddir/.libs" $(variable JANSSON_LIBS) >&2
}
# block FILE N [INFO]: the N-th fenced block of that language (default: c)
block() {
    awk -v n="$2" -v fence="\`\`\`${3:-c}" '
        $0 == fence && !inside { inside = 1; seen++; next }
        /^```/ { inside = 0 }
        inside && seen == n' "$1"
}

# README.md
block "$top_srcdir/README.md" 1 >"$work/readme.c"
status=0
tail -n +3 "$top_srcdir/jobs/word-count/job.c" | cmp - "$work/readme.c" >&2 || status=$?
verdict the_job_in_the_readme_is_word_count "$status"

block "$top_srcdir/README.md" 1 console | sed -n '/^{/p' >"$work/expected"
block "$top_srcdir/README.md" 1 console | sed -n '/^{/d; s/^\$ //; p' >"$work/command"
status=0
(cd "$top_builddir" && sh "$work/command") >"$work/output" || status=$?
cmp "$work/expected" "$work/output" >&2 || status=$?
verdict the_readme_shows_what_word_count_prints "$status"

# The template
name=shop
mkdir "$work/$name"
for file in "$top_srcdir"/src/cli/template/*; do
    sed "s/@NAME@/$name/g" "$file" >"$work/$name/$(basename "$file")"
done
cd "$work/$name"
cat >"$work/expected" <<'END'
{"ada":{"value":"signed in","records":1}}
{"grace":{"value":"signed in","records":1}}
{"ada":{"value":{"bought":"a loom","price":12.5},"records":2}}
{"ada":{"value":"signed out","records":3}}
{"ada":{"third":3}}
END
status=0
compile job.c shop && ./shop local --config job.yaml --input input.jsonl --output output.jsonl >&2 || status=$?
cmp "$work/expected" output.jsonl >&2 || status=$?
verdict the_template_is_a_job_that_runs "$status"

# The tutorial: the job of its step 2 over the template's input; then steps 3 and 4 over one more line.
tutorial=$top_srcdir/docs/tutorial.md
rm -rf output.jsonl state
block "$tutorial" 1 >job.c
block "$tutorial" 2 json >"$work/expected"
status=0
compile job.c shop && ./shop local --config job.yaml --input input.jsonl --output output.jsonl >&2 || status=$?
cmp "$work/expected" output.jsonl >&2 || status=$?
verdict the_tutorials_first_action_prints_what_it_shows "$status"

block "$tutorial" 2 >"$work/ending"
block "$tutorial" 3 >"$work/action"
block "$tutorial" 4 >"$work/registration"
awk -v folder="$work" '
    function put(name,    line) { while ((getline line < (folder "/" name)) > 0) print line }
    /^    return WEIR_OK;/ { put("ending"); next }
    /^int main/ { put("action"); print "" }
    { print }
    /"greet", greet/ { put("registration") }' job.c >job2.c
block "$tutorial" 2 console | sed -n 's/^\$ \(echo .*\)/\1/p' >"$work/append"
sh "$work/append"
# The line that step 4 shows comes behind what step 2 has left.
# shellcheck disable=SC2016
sed -n 's/.*`output.jsonl` now ends in `\(.*\)`\..*/\1/p' "$tutorial" >>"$work/expected"
status=0
compile job2.c shop && ./shop local --config job.yaml --input input.jsonl --output output.jsonl >&2 || status=$?
cmp "$work/expected" output.jsonl >&2 || status=$?
verdict the_tutorials_own_event_is_seen_in_the_next_run "$status"
echo "1..$number"
