#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The peer's cases, one TAP line each, and that docs/conformance.md says what they gave.
# WEIR_TEST_UPDATE=1 writes the page anew.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
runner=$top_builddir/tests/conformance/conformance
cases=$top_srcdir/tests/conformance/cases

[ -z "${WEIR_TEST_UPDATE:-}" ] || "$runner" "$cases" --table >"$top_srcdir/docs/conformance.md"
"$runner" "$cases" >conformance.tap || exit 99
count=$(sed -n 's/^1\.\.//p' conformance.tap)
sed '/^1\.\./d' conformance.tap
rm -f conformance.tap
count=$((count + 1))
if "$runner" "$cases" --table | cmp -s - "$top_srcdir/docs/conformance.md"; then
    echo "ok $count - docs/conformance.md is what the cases gave"
else
    echo "not ok $count - docs/conformance.md is what the cases gave"
    echo "# run WEIR_TEST_UPDATE=1 $0"
fi
echo "1..$count"
