# SPDX-License-Identifier: Apache-2.0
"""A strict reader of Prometheus' text format 0.0.4: what is not to the letter raises ValueError.

Stricter than Prometheus: HELP and TYPE stand once, in this order, in front of all samples of their metric; no series
stands twice; counters end with _total and are not negative; histograms are whole and cumulative.
"""
import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
HELP = re.compile(rf"# HELP ({NAME}) (.*)")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram|summary|untyped)")
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')
ESCAPE = re.compile(r'\\(.)')
VALUE = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?|\+Inf|-Inf|NaN")


def _labels(text):
    labels, at = {}, 0
    while text and at < len(text):
        match = LABEL.match(text, at)
        if not match:
            raise ValueError(f"labels {text!r} at {at}")
        if match[1] in labels:
            raise ValueError(f"label {match[1]} twice in {text!r}")
        labels[match[1]] = ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], match[2])
        at = match.end()
    if text and text.endswith(","):
        raise ValueError(f"a comma ends {text!r}")
    return labels


class Page:
    def __init__(self, text):
        """`text`: bytes."""
        self.types, self.series = {}, {}
        helped, current = None, None
        lines = text.decode("utf-8").split("\n")
        if lines.pop() != "":
            raise ValueError("no line break at the end")
        for line in lines:
            if line.startswith("# HELP "):
                helped = self._help(line)
                current = None
            elif line.startswith("# TYPE "):
                current = self._type(line, helped)
            else:
                self._sample(line, current)
        for name, kind in self.types.items():
            if kind == "histogram":
                self._check_histogram(name)

    def _help(self, line):
        match = HELP.fullmatch(line)
        if not match or match[1] in self.types:
            raise ValueError(f"help {line!r}")
        return match[1]

    def _type(self, line, helped):
        match = TYPE.fullmatch(line)
        if not match or match[1] != helped or match[1] in self.types:
            raise ValueError(f"type {line!r}")
        if (match[2] == "counter") != match[1].endswith("_total") and match[2] != "untyped":
            raise ValueError(f"a counter, and nothing else, ends with _total: {line!r}")
        self.types[match[1]] = match[2]
        return match[1]

    def _sample(self, line, current):
        match = SAMPLE.fullmatch(line)
        if not match or not VALUE.fullmatch(match[3]):
            raise ValueError(f"sample {line!r}")
        name, labels, value = match[1], _labels(match[2]), float(match[3])
        kind = self.types.get(current)
        ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        if not current or name not in {current + end for end in ends}:
            raise ValueError(f"{line!r} stands behind the type of {current}")
        if name.endswith("_bucket") != ("le" in labels):
            raise ValueError(f"le is for buckets: {line!r}")
        if kind in ("counter", "histogram") and not value >= 0:
            raise ValueError(f"counts down: {line!r}")
        series = (name, tuple(sorted(labels.items())))
        if series in self.series:
            raise ValueError(f"twice: {line!r}")
        self.series[series] = value

    def _check_histogram(self, name):
        buckets = {}
        for (of, labels), value in self.series.items():
            if of == name + "_bucket":
                rest = tuple(label for label in labels if label[0] != "le")
                buckets.setdefault(rest, []).append((float(dict(labels)["le"].replace("Inf", "inf")), value))
        for rest, pairs in buckets.items():
            if pairs != sorted(pairs) or [count for _, count in pairs] != sorted(count for _, count in pairs):
                raise ValueError(f"{name}: buckets do not grow {pairs}")
            if pairs[-1][0] != math.inf or pairs[-1][1] != self.series[(name + "_count", rest)]:
                raise ValueError(f"{name}: the last bucket is not the count")
            if (name + "_sum", rest) not in self.series:
                raise ValueError(f"{name}: no sum")

    def value(self, name, **labels):
        """Of the one series with these labels among its own; KeyError for none, ValueError for several."""
        found = [value for (of, own), value in self.series.items()
                 if of == name and all(dict(own).get(label) == want for label, want in labels.items())]
        if not found:
            raise KeyError(name)
        if len(found) > 1:
            raise ValueError(f"several series of {name}")
        return found[0]
