"""A minimal io_uring: one operation at a time, with or without the kernel's worker threads."""

import ctypes
import mmap
import os
import socket
import struct

from tests.lab import kernel

SETUP, ENTER = 425, 426
OP_CONNECT, OP_SEND, OP_SENDMSG, OP_SOCKET = 16, 26, 9, 45
IOSQE_ASYNC = 1 << 4
GETEVENTS = 1
_SQES = 0x10000000


class Ring:
    def __init__(self):
        parameters = ctypes.create_string_buffer(120)
        self.fd = kernel.syscall(SETUP, 4, parameters)
        values = struct.unpack("30I", parameters.raw)
        self._sq, self._cq = values[10:20], values[20:30]
        size = max(self._sq[6] + 4 * values[0], self._cq[5] + 16 * values[1])
        self._rings = mmap.mmap(self.fd, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)  # both: IORING_FEAT_SINGLE_MMAP
        self._entries = mmap.mmap(self.fd, 64 * values[0], flags=mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=_SQES)

    def _word(self, offset, value=None):
        if value is not None:
            self._rings[offset : offset + 4] = struct.pack("I", value)
        return struct.unpack_from("I", self._rings, offset)[0]

    def do(self, operation, fd, address=0, length=0, offset=0, asynchronous=False, wait=True):
        """The operation's result; raises OSError."""
        entry = struct.pack("BBHiQQIIQ", operation, IOSQE_ASYNC if asynchronous else 0, 0, fd, offset, address, length, 0, 1).ljust(64, b"\0")
        tail = self._word(self._sq[1])
        slot = tail & self._word(self._sq[2])
        self._entries[64 * slot : 64 * slot + 64] = entry
        self._word(self._sq[6] + 4 * slot, slot)
        self._word(self._sq[1], tail + 1)
        kernel.syscall(ENTER, self.fd, 1, 1 if wait else 0, GETEVENTS if wait else 0, 0, 0)
        if not wait:
            return 0
        head = self._word(self._cq[0])
        at = self._cq[5] + 16 * (head & self._word(self._cq[2]))
        _, result, _ = struct.unpack_from("QiI", self._rings, at)
        self._word(self._cq[0], head + 1)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    def socket(self, family, kind, **options):
        return self.do(OP_SOCKET, family, offset=kind, **options)

    def connect(self, fd, address, port, **options):
        self._name = ctypes.create_string_buffer(struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(address) + bytes(8))
        return self.do(OP_CONNECT, fd, ctypes.addressof(self._name), 0, 16, **options)

    def send(self, fd, data, **options):
        self._data = ctypes.create_string_buffer(data, len(data))
        return self.do(OP_SEND, fd, ctypes.addressof(self._data), len(data), **options)


def missing():
    try:
        os.close(Ring().fd)
        return None
    except OSError as error:
        return f"this kernel has no io_uring: {error.strerror}"
