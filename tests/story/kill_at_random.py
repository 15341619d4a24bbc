#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills flight-watch with -9 at random moments, starts it again each time, and compares the output with that of an
undisturbed run. Prints TAP.

    kill_at_random.py JOB INPUT [KILLS [SEED]]

A life lasts a random time, so short that a run over the whole input takes many; a run that ends before all kills are
used up is compared, and another one is begun in a fresh folder.
"""
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def start(job, source, folder):
    return subprocess.Popen(
        [job, "local", "--input", source, "--output", os.path.join(folder, "output.jsonl"), "--state-dir",
         os.path.join(folder, "state"), "--set", "commit-interval-ms=10"],
        stderr=subprocess.PIPE)


def main():
    job, source = sys.argv[1:3]
    kills = int(sys.argv[3]) if len(sys.argv) > 3 else 25
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)
    if not os.path.exists(source):
        print(f"1..0 # SKIP no {source}; scripts/flights.py makes it")
        return
    print(f"# seed {seed}: kill_at_random.py JOB INPUT {kills} {seed} draws the same times again")
    with tempfile.TemporaryDirectory() as work:
        whole = os.path.join(work, "undisturbed")
        os.mkdir(whole)
        began = time.monotonic()
        if start(job, source, whole).wait() != 0:
            print("not ok 1 - the undisturbed run ends well\n1..1")
            return
        length = time.monotonic() - began
        wanted = sha256(os.path.join(whole, "output.jsonl"))
        done = rounds = torn = grown = 0
        problems = []
        while done < kills and not problems:
            folder = os.path.join(work, f"round-{rounds}")
            os.mkdir(folder)
            rounds += 1
            size = 0
            while True:
                process = start(job, source, folder)
                if done < kills:
                    try:
                        process.wait(timeout=chance.uniform(0, 1.6 * length / min(kills, 25)))
                    except subprocess.TimeoutExpired:
                        process.send_signal(signal.SIGKILL)
                        done += 1
                status = process.wait()
                words = process.stderr.read().decode()
                if status == -signal.SIGKILL:
                    output = os.path.join(folder, "output.jsonl")
                    grown += os.path.exists(output) and os.path.getsize(output) > size
                    if os.path.exists(output) and os.path.getsize(output):
                        size = os.path.getsize(output)
                        with open(output, "rb") as file:
                            file.seek(-1, os.SEEK_END)
                            torn += file.read(1) != b"\n"
                    continue
                if status != 0:
                    problems.append(f"round {rounds}: status {status}: {words}")
                elif sha256(os.path.join(folder, "output.jsonl")) != wanted:
                    problems.append(f"round {rounds}: the output differs from the undisturbed run's")
                break
        print(f"# {done} kills in {rounds} runs of {length:.1f} s; {grown} of these lives wrote outputs, {torn} left "
              "half a line behind")
        print(("not ok" if problems else "ok") + " 1 - the output equals the undisturbed run's after every kill")
        for problem in problems:
            print("# " + problem.replace("\n", "\n# "))
        print(("ok" if done >= kills or problems else "not ok") + f" 2 - {kills} kills were made")
        print("1..2")


main()
