# SPDX-License-Identifier: Apache-2.0
"""What ends a test's servers, however the test ends: a keeper, a process in a session of its own, holds the other end
of a pipe. It is told process groups; when the pipe closes it kills those that are left and removes a folder."""
import os
import shutil
import signal
import subprocess
import sys
import time


class Keeper:
    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, "-BIS", os.path.abspath(__file__), folder],
                                        stdin=subprocess.PIPE, start_new_session=True)

    def start(self, command, **how):
        """Starts a process in a session, and so a process group, of its own, without standard input. The shell tells
        the keeper who it is before it becomes the command, so that none is ever unknown to it."""
        return subprocess.Popen(["/bin/sh", "-c", 'echo "+$$" >&0 && exec "$@" </dev/null', "kept", *command],
                                stdin=self.process.stdin, start_new_session=True, **how)

    def keep(self, group):
        self.tell(b"+%d\n" % group)

    def forget(self, group):
        self.tell(b"-%d\n" % group)

    def tell(self, line):
        if self.is_there:
            self.process.stdin.write(line)
            self.process.stdin.flush()

    @property
    def is_there(self):
        return not self.process.stdin.closed

    def close(self):
        """Returns when all groups are killed and the folder is gone."""
        self.process.stdin.close()
        self.process.wait()


def main(folder):
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, signal.SIG_IGN)
    groups = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
    # A server that dies may still make a file between the listing of a folder and its removal.
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            break
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1])
