"""Sockets that come from elsewhere: made in another cgroup, by another process, in another namespace."""

import os
import socket
import subprocess
import threading

from tests.lab import kernel, process
from tests.lab.attack import attack
from tests.lab.frames import Leak

_handed = {}


def _make(kind, address):
    """In a process that is in no guarded cgroup: a socket, offered to whoever asks on an abstract address."""
    s = socket.socket(socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:
        s.settimeout(2)
        s.connect(address)
    name = f"\0vpnlab-{os.getpid()}-{len(_handed)}"
    door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    door.bind(name)
    _handed[name] = (s, door)
    return name


def _hand(name, to):
    s, door = _handed[name]
    door.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, s.fileno().to_bytes(4, "little"))], 0, to)


def _receive(scene, name):
    """SCM_RIGHTS: the socket that a stranger made."""
    own = f"\0vpnlab-app-{os.getpid()}-{scene.run}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mine:
        mine.bind(own)
        scene.outside(_hand, name, own)
        _, fds, _, _ = socket.recv_fds(mine, 1, 1)
    return socket.socket(fileno=fds[0])


@attack("SCM_RIGHTS fd from unpoliced cgroup, udp", whole_machine=True)
def _passed_udp(scene):
    name = scene.outside(_make, socket.SOCK_DGRAM, None)
    yield Leak(token=scene.token)
    _receive(scene, name).sendto(scene.token, (scene.server, 7))


@attack("SCM_RIGHTS fd from unpoliced cgroup, tcp", whole_machine=True)
def _passed_tcp(scene):
    name = scene.outside(_make, socket.SOCK_STREAM, (scene.server, 7))
    yield Leak(token=scene.token)
    _receive(scene, name).send(scene.token)


@attack("socket made in other cgroup then migrated in", whole_machine=True, batch=20)
def _migrated(scene):
    """The maker itself moves into the guarded cgroup, its socket in hand."""
    guarded = process_cgroup()
    process.join(scene.world.outside)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    process.join(guarded)
    yield Leak(token=scene.token)
    s.sendto(scene.token, (scene.server, 7))


@attack("socket inherited by a forked child in another cgroup", whole_machine=True, batch=20)
def _inherited(scene):
    guarded = process_cgroup()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield Leak(token=scene.token)
    process.join(scene.world.outside)
    try:
        s.sendto(scene.token, (scene.server, 7))
    finally:
        process.join(guarded)


@attack("process that leaves the guarded cgroup", whole_machine=True, batch=20)
def _escaped(scene):
    """Who may write to cgroups leaves the guarded one, and makes a new socket outside."""
    guarded = process_cgroup()
    yield Leak(token=scene.token)
    process.join(scene.world.outside)
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(scene.token, (scene.server, 7))
    finally:
        process.join(guarded)


@attack("socket used by another user's process", uid=None, batch=20)
def _other_user(scene):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield Leak(token=scene.token)
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(65534)
            s.sendto(scene.token, (scene.server, 7))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


@attack("thread of a child in a new user and network namespace", batch=1)
def _foreign_socket(scene):
    """A socket of the device's namespace in the hands of a process of another."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield Leak(token=scene.token)
    failed = []

    def elsewhere():
        try:
            kernel.unshare(kernel.CLONE_NEWNET)
            s.sendto(scene.token, (scene.server, 7))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


@attack("exec of another program with the socket", batch=20)
def _exec(scene):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((scene.server, 7))
    yield Leak(token=scene.token)
    subprocess.run(["/bin/cat"], input=scene.token, stdout=s.fileno(), stderr=subprocess.DEVNULL, check=False)


def process_cgroup():
    """The cgroup of the calling process."""
    with open("/proc/self/cgroup", encoding="ascii") as lines:
        path = next(line for line in lines if line.startswith("0::"))[3:].strip()
    return kernel.cgroup_mount() / path.lstrip("/")
