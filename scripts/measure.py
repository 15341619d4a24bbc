#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command and says what it took.

    scripts/measure.py [--kill-at FILE BYTES] -- COMMAND...

Prints one line for the shell's eval: status=N seconds=S peak_kb=K. The status is the shell's: 128 + N for signal N.
peak_kb is the largest resident size, but never less than this program's own at its start: Linux counts that to the
child.
With --kill-at the command gets SIGKILL as soon as FILE holds BYTES bytes; it may well end before. When this program is
interrupted, so is the command: nothing is left running.
"""

import os
import signal
import sys
import time


def size_of(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def main():
    split = sys.argv.index("--")
    options, command = sys.argv[1:split], sys.argv[split + 1:]
    kill_at = (options[1], int(options[2])) if options[:1] == ["--kill-at"] else None
    waited_for = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)
    start = time.monotonic()
    # The measured line owns stdout; what the command prints goes to stderr.
    try:
        pid = os.posix_spawnp(command[0], command, os.environ, setsigmask=[],
                              file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
    except OSError as error:
        sys.exit(f"measure: {command[0]} cannot be started: {error.strerror}")
    while True:
        # Until the child ends; in between a look at the file every millisecond.
        got = signal.sigtimedwait(waited_for, 0.001) if kill_at else signal.sigwaitinfo(waited_for)
        if got and got.si_signo != signal.SIGCHLD:
            os.kill(pid, signal.SIGKILL)
            os.wait4(pid, 0)
            sys.exit(128 + got.si_signo)
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        if kill_at and size_of(kill_at[0]) >= kill_at[1]:
            os.kill(pid, signal.SIGKILL)
            kill_at = None
    _, wait_status, usage = os.wait4(pid, 0)
    seconds = time.monotonic() - start
    status = os.waitstatus_to_exitcode(wait_status)
    print(f"status={status if status >= 0 else 128 - status} seconds={seconds:.3f} peak_kb={usage.ru_maxrss}")


if __name__ == "__main__":
    main()
