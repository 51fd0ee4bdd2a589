"""Sends one frame through an AF_XDP socket in copy mode: past every hook of IP, tc and nftables."""

import ctypes
import errno
import mmap
import os
import socket
import struct
import time

from tests.lab import kernel

AF_XDP, SOL_XDP = 44, 283
XDP_MMAP_OFFSETS, XDP_TX_RING, XDP_UMEM_REG, XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING = 1, 3, 4, 5, 6
XDP_COPY = 1 << 1
XDP_PGOFF_TX_RING = 0x80000000
FRAME, FRAMES = 2048, 4


def missing():
    return None if kernel.has_socket(AF_XDP, socket.SOCK_RAW) else "this kernel has no AF_XDP"


def send(link, frame):
    """Raises OSError where it is refused. The socket stays open with the process."""
    s = socket.socket(AF_XDP, socket.SOCK_RAW, 0)
    umem = mmap.mmap(-1, FRAME * FRAMES)
    start = ctypes.addressof(ctypes.c_char.from_buffer(umem))
    s.setsockopt(SOL_XDP, XDP_UMEM_REG, struct.pack("QQIIII", start, FRAME * FRAMES, FRAME, 0, 0, 0))
    for ring in (XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_TX_RING):
        s.setsockopt(SOL_XDP, ring, struct.pack("I", FRAMES))
    offsets = struct.unpack("16Q", s.getsockopt(SOL_XDP, XDP_MMAP_OFFSETS, 128))
    producer, _consumer, descriptors, _flags = offsets[4:8]  # of the transmit ring
    ring = mmap.mmap(s.fileno(), descriptors + 16 * FRAMES, offset=XDP_PGOFF_TX_RING, flags=mmap.MAP_SHARED)
    _bind(s, link)
    umem[: len(frame)] = frame
    ring[descriptors : descriptors + 16] = struct.pack("QII", 0, len(frame), 0)
    ring[producer : producer + 4] = struct.pack("I", 1)
    _kick(s)
    time.sleep(0.01)
    _open.append((s, umem, ring))


_open = []


def _bind(s, link):
    address = struct.pack("HHIII", AF_XDP, XDP_COPY, socket.if_nametoindex(link), 0, 0)
    for _attempt in range(100):  # the queue of one that has just ended is given back a little later
        if ctypes.CDLL(None, use_errno=True).bind(s.fileno(), address, len(address)) == 0:
            return
        number = ctypes.get_errno()
        if number != errno.EBUSY:
            break
        time.sleep(0.02)
    raise OSError(number, os.strerror(number))


def _kick(s):
    """Tells the kernel that there is something to send."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.sendto(s.fileno(), None, 0, socket.MSG_DONTWAIT, None, 0) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
