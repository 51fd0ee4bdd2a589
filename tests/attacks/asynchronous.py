"""Sockets made and used by io_uring: in the caller's context, and in that of the kernel's workers."""

import socket

from tests.lab import uring
from tests.lab.attack import attack
from tests.lab.frames import TCP, Leak


@attack("io_uring socket/connect/send", needs=uring.missing)
def _inline(scene):
    yield Leak(token=scene.token)
    ring = uring.Ring()
    fd = ring.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ring.connect(fd, scene.server, 7)
    ring.send(fd, scene.token)


@attack("io_uring IOSQE_ASYNC (io-wq)", needs=uring.missing)
def _workers(scene):
    yield Leak(token=scene.token)
    ring = uring.Ring()
    fd = ring.socket(socket.AF_INET, socket.SOCK_DGRAM, asynchronous=True)
    ring.connect(fd, scene.server, 7, asynchronous=True)
    ring.send(fd, scene.token, asynchronous=True)


@attack("io_uring TCP connect by a worker", needs=uring.missing)
def _workers_tcp(scene):
    yield Leak(protocol=TCP, port=scene.port)
    ring = uring.Ring()
    fd = ring.socket(socket.AF_INET, socket.SOCK_STREAM, asynchronous=True)
    ring.connect(fd, scene.server, scene.port, asynchronous=True, wait=False)


@attack("io_uring made before, send after", needs=uring.missing)
def _before(scene):
    ring = uring.Ring()
    fd = ring.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ring.connect(fd, scene.server, 7)
    yield Leak(token=scene.token)
    ring.send(fd, scene.token, asynchronous=True)
