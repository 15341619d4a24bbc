# SPDX-License-Identifier: Apache-2.0
"""Ports for a test's servers."""
import random
import socket


def free_ports(count):
    """Ports nobody listens on, below those that the system gives to outgoing connections: one that a stopped server
    needs again is not taken by a client meanwhile."""
    held = []
    try:
        while len(held) < count:
            attempt = socket.socket()
            try:
                attempt.bind(("127.0.0.1", random.SystemRandom().randrange(10000, 32000)))
                held.append(attempt)
            except OSError:
                attempt.close()
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
