#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What jobs/flight-watch must print, computed without weir: one pass, one object per aircraft, no events.

    jobs/flight-watch/reference.py INPUT.jsonl > expected.jsonl

README.md has the rules that both follow.
"""

import collections
import datetime
import json
import sys

LATE = 15
TURNAROUND = 30
WINDOW, CHRONIC_FROM, CHRONIC_UNTIL = 20, 12, 6


def clock(minutes):
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(minutes=minutes)
    return at.strftime("%Y-%m-%dT%H:%MZ")


class Aircraft:
    def __init__(self):
        self.flown = self.cancelled = self.diverted = self.miles = 0
        self.lates = []  # (minutes, flight)
        self.landings = collections.deque(maxlen=WINDOW)
        self.is_chronic = False
        self.episodes = self.missed = 0
        self.owed = None  # (back at, flight that was late)
        self.place = None

    def fly(self, now, flight):
        """One flight, scheduled at minute `now`; gives the alerts in order."""
        name, left_late, minutes = flight["flight"], flight["dep_delay"], flight["arr_delay"]
        has_left = left_late is not None
        has_landed = has_left and minutes is not None and flight["air_time"] is not None
        is_late = has_landed and minutes >= LATE
        alerts = []

        if is_late:
            alerts.append({"late_flight": {"flight": name, "from": flight["from"], "to": flight["to"],
                                           "scheduled": clock(now), "minutes": minutes}})
        if self.owed and self.owed[0] > now:
            self.missed += 1
            alerts.append({"missed_connection": {
                "flight": name, "from": flight["from"], "scheduled": clock(now), "after": self.owed[1],
                "back_at": clock(self.owed[0]), "short_by": self.owed[0] - now, "left_late": left_late}})

        self.cancelled += not has_left
        self.flown += has_left
        self.diverted += has_left and not has_landed
        if has_left:
            self.owed = self.place = None
        if has_landed:
            landed = now + left_late + flight["air_time"]
            self.place = {"airport": flight["to"], "at": clock(landed)}
            self.miles += flight["distance"]
            self.landings.append(is_late)
            if sum(self.landings) <= CHRONIC_UNTIL:
                self.is_chronic = False
        if is_late:
            self.lates.append((minutes, name))
            self.owed = (landed + TURNAROUND + flight["air_time"] + TURNAROUND, name)
            if sum(self.landings) >= CHRONIC_FROM and not self.is_chronic:
                self.is_chronic = True
                self.episodes += 1
                alerts.append({"chronic_lateness": {"flight": name, "scheduled": clock(now),
                                                    "late": sum(self.landings), "of_last": WINDOW}})
        return alerts

    def summary(self):
        # max() takes the first of equals, as the job does.
        worst = max(self.lates, key=lambda late: late[0], default=(0, None))
        return {"summary": {
            "flights": self.flown, "cancelled": self.cancelled, "diverted": self.diverted, "miles": self.miles,
            "late": len(self.lates), "late_minutes": sum(minutes for minutes, _ in self.lates),
            "worst": {"minutes": worst[0], "flight": worst[1]},
            "missed_connections": self.missed, "chronic_episodes": self.episodes, "last": self.place}}


def main():
    fleet = collections.defaultdict(Aircraft)
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            key, value, now = record["key"], record["value"], record["timestamp"] // 60000
            outputs = [fleet[key].summary()] if value.get("end") else fleet[key].fly(now, value)
            for output in outputs:
                print(json.dumps({key: output}, separators=(",", ":"), ensure_ascii=False))


if __name__ == "__main__":
    main()
