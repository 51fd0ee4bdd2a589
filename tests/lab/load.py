"""Traffic of an app while things happen to the device."""

import errno
import os
import socket
import time
from collections import Counter

from tests.lab.process import Child

_PAUSE = 0.005  # seconds between bursts


class Flood:
    """An app that sends datagrams to a server at about `rate` a second, by a socket of its own for each burst as well as by
    one from before, until stop(). Each carries `token`."""

    def __init__(self, world, app, server, rate=10000, port=7):
        self.token = b"flood" + os.urandom(11)
        self._child = Child(_flood, server, port, self.token, rate, namespace=world.device, cgroup=world.app_cgroup(app))
        self._child.receive()

    def stop(self):
        """How many were sent, and what errors there were: Counter of "sent" and names of errors."""
        self._child.send("stop")
        counts = self._child.receive()
        self._child.stop()
        return counts


def _flood(channel, server, port, token, rate):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    before = socket.socket(family, socket.SOCK_DGRAM)
    counts, burst = Counter(), max(1, int(rate * _PAUSE))
    channel.send("ready")
    due = time.monotonic()
    while not channel.poll():
        fresh = socket.socket(family, socket.SOCK_DGRAM)
        for number in range(burst):
            try:
                (fresh if number % 2 else before).sendto(token, (server, port))
                counts["sent"] += 1
            except OSError as error:
                counts[errno.errorcode.get(error.errno, str(error.errno))] += 1
        fresh.close()
        due += _PAUSE
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due, time.monotonic() - 0.1)  # what could not be sent in time is not made up for
    channel.recv()
    channel.send(counts)


class Streams:
    """TCP connections of an app to an echo server, over each of which something is asked every 10 ms."""

    def __init__(self, world, app, server, count):
        self._child = Child(_streams, server, count, namespace=world.device, cgroup=world.app_cgroup(app))
        self._child.receive()

    def ended(self, seconds):
        """Of those that have ended within so many seconds: (when, which error)."""
        self._child.send(seconds)
        return self._child.receive(seconds + 5)


def _streams(channel, server, count):
    connections = []
    for _ in range(count):
        s = socket.create_connection((server, 7), 5)
        s.setblocking(False)
        connections.append(s)
    channel.send("ready")
    ended, until = [], None
    while until is None or (connections and time.monotonic() < until):
        for s in list(connections):
            try:
                s.send(b"x")
                s.recv(64)
            except BlockingIOError:
                pass
            except OSError as error:
                ended.append((time.monotonic(), errno.errorcode[error.errno]))
                connections.remove(s)
        if channel.poll(_PAUSE * 2) and until is None:
            until = time.monotonic() + channel.recv()
    channel.send(ended)
    channel.poll(None)
