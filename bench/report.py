# SPDX-License-Identifier: Apache-2.0
"""What a bench prints, kept for its report: docs/reports/bench-NAME.md."""

import datetime
import os
import subprocess


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown processor"


class Report:
    def __init__(self, top, name, how):
        self.top, self.name, self.how = top, name, how
        self.lines = []

    def say(self, line=""):
        print(line, flush=True)
        self.lines.append(line)

    def write(self):
        commit = subprocess.run(["git", "-C", self.top, "describe", "--always", "--dirty", "--abbrev=12"], check=False,
                                stdout=subprocess.PIPE, text=True).stdout.strip() or "unknown"
        path = f"{self.top}/docs/reports/bench-{self.name}.md"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"# bench/{self.name}.sh\n\n")
            out.write(f"Written by `bench/{self.name}.sh --report` on {datetime.date.today()}, commit {commit}, "
                      f"{os.cpu_count()} cores ({processor()}),\n{self.how}. The rates are this "
                      "machine's on that day; the ratios are what it is about.\n\n")
            in_block = False
            for line in self.lines:
                is_table = bool(line) and not line.startswith("## ")
                if is_table != in_block:
                    out.write("```\n")
                    in_block = is_table
                out.write(line + "\n")
            if in_block:
                out.write("```\n")
        print(f"written: {path}")
