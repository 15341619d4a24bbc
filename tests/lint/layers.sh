#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Rooms include what is below them, and a third-party library lives in one room. The table is the one in CONTRIBUTING.
# shellcheck source=tests/support/tap.sh
. "$(dirname "$0")/../support/tap.sh"

# A room, then what it may include; base, the room itself and <weir/…> always. `cli` stands on all.
rooms='
cli      host replay package status engine agent kafka registry journal store http codec config
host     status engine agent kafka registry journal store http codec config
replay   host engine agent kafka registry journal store http codec config
package  config
status   config
engine   agent journal http codec config
agent    codec
kafka    journal registry codec config
registry http codec config
journal  codec
store
http     config
codec
config
base
'
# A header of a library, as a pattern, then its room.
libraries='
^sqlite3 store
^yyjson codec
^avro codec
^yaml config
^uuid/ base
^xxhash base
^zlib base
^librdkafka/ kafka
^curl/ http
^microhttpd status
^zip package
'

# shellcheck disable=SC2016
# Prints "kind file:line: text" for what is wrong.
problems=$(cd "$top_srcdir" && find src jobs include -name '*.[ch]' | sort | xargs awk \
    -v rooms="$rooms" -v libraries="$libraries" '
BEGIN {
    n = split(rooms, row, "\n")
    for (i = 1; i <= n; i++) {
        m = split(row[i], word, " ")
        if (!m)
            continue
        known[word[1]] = 1
        may[word[1], word[1]] = may[word[1], "base"] = 1
        for (j = 2; j <= m; j++)
            may[word[1], word[j]] = 1
    }
    n = split(libraries, row, "\n")
    for (i = 1; i <= n; i++)
        if (split(row[i], word, " "))
            home[word[1]] = word[2]
}
FNR == 1 {
    split(FILENAME, part, "/")
    area = part[1]
    room = area == "src" ? part[2] : area
    if (area == "src" && !(room in known)) {
        print "room " FILENAME ": room " room " is not in the table of tests/lint/layers.sh"
        nextfile
    }
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    name = $0
    sub(/^[^"]*"/, "", name)
    sub(/".*/, "", name)
    where = FILENAME ":" FNR ": "
    if (area != "src")
        print "outside " where "includes \"" name "\", only <weir/…> and libraries are for it"
    else if (name !~ /\// || !(substr(name, 1, index(name, "/") - 1) in known))
        print "room " where "\"" name "\" does not say its room"
    else if (!((room, substr(name, 1, index(name, "/") - 1)) in may))
        print "room " where room " may not include \"" name "\""
}
/^[ \t]*#[ \t]*include[ \t]*</ {
    name = $0
    sub(/^[^<]*</, "", name)
    sub(/>.*/, "", name)
    # A job is a user of its own, and may link what it likes.
    for (pattern in home)
        if (name ~ pattern && area != "jobs" && room != home[pattern])
            print "library " FILENAME ":" FNR ": <" name "> is for " home[pattern] " alone"
}')

pick() { printf '%s\n' "$problems" | sed -n "s/^$1 //p"; }

tap_check 'a room includes only what is below it' "$(pick room)"
tap_check 'a library is included in its room alone' "$(pick library)"
tap_check 'jobs and public headers reach no room' "$(pick outside)"
tap_done
