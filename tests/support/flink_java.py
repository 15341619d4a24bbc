# SPDX-License-Identifier: Apache-2.0
"""Java programs of one's own that apply a packaged job: compiled against the libraries of one version of Flink."""
import glob
import os
import shutil
import subprocess
import zipfile

import flink
from flink_job import SHIM
from story import SOURCE, check

EXAMPLES = os.path.join(SOURCE, "flink/examples/src/main/java/weir/examples")


def unavailable():
    """Why nothing can be compiled here; None when it can."""
    return None if shutil.which("javac") else "no javac"


def compiled(place, version, name, *sources):
    """The path of a JAR with the classes of these sources, without any warning."""
    classes, jar = place.path(f"{name}-{version}"), place.path(f"{name}-{version}.jar")
    # As flink/pom.xml has it; annotations of Flink's own that are not in its libraries are no fault of a program.
    ended = subprocess.run(["javac", "-Xlint:all,-processing,-serial,-classfile,-deprecation,-options,-try", "-Werror",
                            "--release", "11", "-cp", ":".join([SHIM, *flink.jars(version)]), "-d", classes, *sources],
                           capture_output=True, check=False)
    check(ended.returncode == 0, f"javac, Flink {version}: {ended.stderr.decode()}")
    with zipfile.ZipFile(jar, "w") as file:
        for path in sorted(glob.glob(f"{classes}/**/*.class", recursive=True)):
            file.write(path, os.path.relpath(path, classes))
    return jar


def with_job(packaged, program=None):
    """What `flink run` is told, so that a program finds the job's files beside its own."""
    return ["-C", f"file://{packaged.jar}", *(["-c", program] if program else [])]
