# SPDX-License-Identifier: Apache-2.0
"""Packaged jobs for tests, and what `local` says of the same input."""
import json
import os
import subprocess

import broker
import flink
from story import BUILD, check

SHIM = os.path.join(BUILD, "flink/weir-flink.jar")


def unavailable():
    """Why no job can run in Flink here; None when one can."""
    if not os.path.exists(SHIM):
        return "no flink/weir-flink.jar in the build folder: make flink"
    return next(filter(None, map(flink.unavailable, flink.VERSIONS)), None) or broker.unavailable()


class Packaged:
    """A JAR with a configuration, a dictionary as in YAML."""

    def __init__(self, place, program, config, name="job"):
        self.jar, config_file = place.path(f"{name}.jar"), place.path(f"{name}.yaml")
        with open(config_file, "w", encoding="utf-8") as file:
            json.dump(config, file)  # JSON is YAML
        ended = subprocess.run([program, "package", "--shim", SHIM, "--output", self.jar, "--config", config_file],
                               env=place.environment(), capture_output=True, check=False)
        check(ended.returncode == 0, f"package ended with {ended.returncode}: {ended.stderr.decode()}")

