#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the ten worst aircraft of an output of jobs/flight-watch: jobs/flight-watch/worst.py OUTPUT.jsonl"""

import json
import sys


def main():
    summaries = []
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            [(aircraft, output)] = json.loads(line).items()
            if "summary" in output:
                summaries.append((aircraft, output["summary"]))
    summaries.sort(key=lambda item: (-item[1]["late"], -item[1]["late_minutes"], item[0]))
    print(f"{'aircraft':<9}{'flights':>8}{'late':>6}{'':>6}{'hours late':>12}{'missed':>8}{'chronic':>9}"
          f"{'worst':>12}  last in")
    for aircraft, of in summaries[:10]:
        print(f"{aircraft:<9}{of['flights']:>8}{of['late']:>6}{of['late'] / of['flights']:>6.0%}"
              f"{of['late_minutes'] / 60:>12.1f}{of['missed_connections']:>8}{of['chronic_episodes']:>9}"
              f"{of['worst']['minutes']:>8} min  {of['last']['airport'] if of['last'] else '-'}")


if __name__ == "__main__":
    main()
