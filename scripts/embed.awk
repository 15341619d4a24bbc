# SPDX-License-Identifier: Apache-2.0
# Makes a C file of text files: awk -f scripts/embed.awk -v name=weir__template FILE... >FILE.c
# It holds `const struct weir__text_file NAME[]`, {file's name, text}, ended by a NULL name; the struct's declaration is
# included from the header that `-v header=…` names.
BEGIN {
    printf "/* Made by scripts/embed.awk. */\n#include \"%s\"\n\nconst struct weir__text_file %s[] = {\n", header, name
}
FNR == 1 {
    if (NR > 1) print "    },"
    file = FILENAME
    sub(/.*\//, "", file)
    printf "    { \"%s\",\n", file
}
{
    gsub(/\\/, "\\\\")
    gsub(/"/, "\\\"")
    gsub(/\t/, "\\t")
    printf "      \"%s\\n\"\n", $0
}
END { print "    },\n    { NULL, NULL },\n};" }
