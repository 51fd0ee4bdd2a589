"""The few system calls that Python 3.11 does not wrap, and what the running kernel can do."""

import contextlib
import ctypes
import gzip
import os
import re
import socket
import struct
import subprocess
from functools import cache
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
_SYS_BPF, _BPF_MAP_LOOKUP_ELEM, _BPF_MAP_UPDATE_ELEM, _BPF_OBJ_GET = 321, 1, 2, 7

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def setns(fd, kind=CLONE_NEWNET):
    _check(_libc.setns(fd, kind), "setns")


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def mount(source, target, kind=None, flags=0, data=None):
    encode = lambda value: None if value is None else str(value).encode()  # noqa: E731
    _check(_libc.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(data)), f"mount on {target}")


def umount(target, flags=MNT_DETACH):
    _check(_libc.umount2(str(target).encode(), flags), f"umount {target}")


def syscall(number, *arguments):
    """A raw system call, for what has no wrapper (io_uring)."""
    _libc.syscall.restype = ctypes.c_long
    wide = [value if isinstance(value, (ctypes._Pointer, ctypes.Array, ctypes._SimpleCData)) else ctypes.c_long(value)
            for value in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *wide), f"system call {number}")


class PinnedArray:
    """The only entry of an eBPF array that is pinned somewhere (bpf(2))."""

    def __init__(self, path):
        self._path = ctypes.create_string_buffer(os.fsencode(path))
        self._fd = self._call(_BPF_OBJ_GET, struct.pack("=QII", ctypes.addressof(self._path), 0, 0))
        # The kernel writes this much, whatever somebody takes it for.
        self._size = int(re.search(r"^value_size:\s+(\d+)", Path(f"/proc/self/fdinfo/{self._fd}").read_text(), re.MULTILINE)[1])

    def _call(self, command, attributes):
        return syscall(_SYS_BPF, command, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes))

    def _entry(self, command, value):
        key = ctypes.c_uint32(0)
        self._call(command, struct.pack("=IIQQQ", self._fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0))

    def read(self):
        value = ctypes.create_string_buffer(self._size)
        self._entry(_BPF_MAP_LOOKUP_ELEM, value)
        return value.raw

    def write(self, data):
        self._entry(_BPF_MAP_UPDATE_ELEM, ctypes.create_string_buffer(data, self._size))


def set_parent_death_signal(number):
    PR_SET_PDEATHSIG = 1
    _check(_libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0), "prctl")


def private_mounts():
    """Gives the calling process mounts of its own: what it mounts from now on is seen by nobody else."""
    unshare(CLONE_NEWNS)
    mount(None, "/", flags=MS_REC | MS_PRIVATE)


@contextlib.contextmanager
def network_of(path):
    """The calling thread's network namespace is that of `path` within the block. Sockets made there stay there."""
    with open("/proc/thread-self/ns/net", "rb") as before, open(path, "rb") as target:
        setns(target.fileno())
        try:
            yield
        finally:
            setns(before.fileno())


def cgroup_mount():
    """Where cgroup v2 is mounted: /sys/fs/cgroup, or below it beside the older hierarchies."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    raise RuntimeError("cgroup v2 is not mounted")


@cache
def _configuration():
    config = Path("/proc/config.gz")
    if config.exists():
        return gzip.decompress(config.read_bytes()).decode()
    config = Path(f"/boot/config-{os.uname().release}")
    return config.read_text() if config.exists() else ""


def configured(option):
    """Whether the kernel was built with CONFIG_<option>, as a module or not; None where it does not tell."""
    if not _configuration():
        return None
    return re.search(rf"^CONFIG_{option}=[ym]$", _configuration(), re.MULTILINE) is not None


@cache
def has_link_kind(kind):
    """Whether interfaces of a kind can be made: tried in a namespace that goes away at once."""
    done = subprocess.run(["unshare", "--net", "ip", "link", "add", "probe0", "type", kind], capture_output=True)
    return done.returncode == 0


def has_socket(family, kind, protocol=0):
    try:
        socket.socket(family, kind, protocol).close()
        return True
    except OSError:
        return False
