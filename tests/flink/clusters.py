#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The clusters that the other stories stand on: they start, answer the real client, and leave nothing."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests/support"))
import flink  # noqa: E402
from flink import FlinkError  # noqa: E402
from story import Skip, check, same, tell, wait_until  # noqa: E402


def answers(version):
    why = flink.unavailable(version)
    if why:
        raise Skip(why)
    started = time.monotonic()
    with flink.Cluster(version, taskmanagers=2, slots=1) as cluster:
        ready = time.monotonic() - started
        out = cluster.flink("list")
        check("No running jobs" in out, f"flink list: {out}")
        same(cluster.rest("/overview")["flink-version"], version, "version")
        same(cluster.jobs(), {}, "jobs")
        check("Successful registration at resource manager" in cluster.taskmanager_log(cluster.taskmanagers[1]),
              "the TaskManager's log is not to be had")
        status, out, err = cluster.client("run", os.path.join(cluster.folder, "nothing.jar"))
        check(status and "JAR file does not exist" in out + err, f"a JAR that is not there: {status}, {out}{err}")
        sessions = {session for server in cluster.servers for session in server.sessions}
        same(len(flink.in_sessions(sessions)), 3, "processes")
        memory = [server.memory_mb() for server in cluster.servers]
        print(f"# {version}: ready after {ready:.1f} s, most memory {memory} MB")
    same(flink.in_sessions(sessions), {}, "left behind")
    check(not os.path.exists(cluster.folder), "its folder is left behind")


def a_cluster_of_1_20_answers_and_ends(place):
    del place
    answers("1.20.3")


def a_cluster_of_2_2_answers_and_ends(place):
    del place
    answers("2.2.1")


def a_taskmanager_killed_with_9_is_missed_and_comes_back(place):
    del place
    version = flink.VERSIONS[-1]
    if flink.unavailable(version):
        raise Skip(flink.unavailable(version))
    with flink.Cluster(version) as cluster:
        server = cluster.taskmanagers[0]
        server.kill()
        cluster.wait(lambda: cluster.rest("/overview")["taskmanagers"] == 0, "a killed TaskManager counts")
        server.start()
        cluster.wait_ready()
        try:
            cluster.flink("cancel", "0" * 32)
        except FlinkError as why:
            check("Could not find" in str(why), f"said: {why}")
        else:
            raise AssertionError("a job that is not there was canceled")


def nothing_outlives_a_killed_process(place):
    version = flink.VERSIONS[0]
    if flink.unavailable(version):
        raise Skip(flink.unavailable(version))
    script = ("import sys, time; sys.path.insert(0, sys.argv[1]); import flink\n"
              "with flink.Cluster(sys.argv[2]) as cluster:\n"
              "    print(*[server.process.pid for server in cluster.servers], flush=True)\n"
              "    time.sleep(600)\n")
    with subprocess.Popen([sys.executable, "-B", "-c", script, os.path.dirname(flink.__file__), version],
                          env=dict(os.environ, TMPDIR=place.folder), stdout=subprocess.PIPE,
                          start_new_session=True) as process:
        sessions = set(map(int, process.stdout.readline().split()))
        same(len(flink.in_sessions(sessions)), 2, "processes")
        os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: not flink.in_sessions(sessions) and not os.listdir(place.folder))


tell()
