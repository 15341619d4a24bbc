#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes records of about 100 bytes for the word counts; always the same ones.

    bench/generate.py RECORDS >FILE
"""

import random
import sys

KEYS = 10_000


def main():
    records = int(sys.argv[1])
    drawn = random.Random(2013)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = [" ".join("".join(drawn.choices(syllables, k=3)) for _ in range(6)) for _ in range(KEYS)]
    timestamp = 1356998400000
    lines = []
    for _ in range(records):
        key = drawn.randrange(KEYS)
        timestamp += drawn.randrange(50)
        lines.append(f'{{"key":"word-{key:05d}","value":"{words[key]}","timestamp":{timestamp}}}\n')
        if len(lines) == 10_000:
            sys.stdout.writelines(lines)
            lines.clear()
    sys.stdout.writelines(lines)


if __name__ == "__main__":
    main()
