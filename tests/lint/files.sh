# SPDX-License-Identifier: Apache-2.0
# Which files are ours; sourced by the lints.
# shellcheck shell=sh disable=SC2154

# The files of the tree, relative to its root. From git where it is a checkout; a tarball has only known folders.
weir_files() {
    (
        cd "$top_srcdir" || exit
        if [ -e .git ] && command -v git >/dev/null && git rev-parse >/dev/null 2>&1; then
            git ls-files --cached --others --exclude-standard | while IFS= read -r path; do
                [ -f "$path" ] && printf '%s\n' "$path"
            done
        else
            find .ci include src jobs tests scripts bench docs man docker ./*.sh ./*.md ./*.ac ./*.am -type f \
                ! -name '*.o' ! -name '*.lo' ! -name '*.log' ! -name '*.trs' ! -path '*/.deps/*' ! -path '*/.libs/*' \
                2>/dev/null | sed 's,^\./,,'
        fi
    )
}
