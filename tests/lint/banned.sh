#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Calls that are refused in code of ours: unbounded, not thread-safe, without errors, or through a shell.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

banned='strcpy strncpy strcat sprintf vsprintf strtok gmtime localtime ctime asctime atoi atol atoll atof
    gets system popen alloca tmpnam mktemp'

# shellcheck disable=SC2016
# Comments and strings are no calls. `(name)(` and a name taken as a pointer are left to review.
problems=$(cd "$top_srcdir" && find src jobs include -name '*.[ch]' | sort | xargs awk -v banned="$banned" '
BEGIN {
    n = split(banned, word, /[ \n]+/)
    for (i = 1; i <= n; i++)
        if (word[i] != "")
            pattern = pattern (pattern ? "|" : "") word[i]
    pattern = "(^|[^A-Za-z0-9_>.])(" pattern ")[ \t]*\\("
}
FNR == 1 { in_comment = 0 }
{
    line = $0
    gsub(/\\./, "", line)
    gsub(/"[^"]*"/, "\"\"", line)
    if (in_comment) {
        if (!sub(/^.*\*\//, "", line))
            next
        in_comment = 0
    }
    gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
    sub(/\/\/.*/, "", line)
    if (sub(/\/\*.*/, "", line))
        in_comment = 1
    if (match(line, pattern)) {
        call = substr(line, RSTART, RLENGTH)
        gsub(/[^A-Za-z0-9_]/, "", call)
        print FILENAME ":" FNR ": " call "()"
    }
}')

tap_check 'no banned call' "$problems"
tap_done
