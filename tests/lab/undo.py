"""What the lab made, it takes away again: after success, failure, Ctrl-C and SIGTERM, and by name when it was killed."""

import atexit
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.lab import kernel

PREFIX = "vpnlab"
_actions = []
_owner = None
_worlds = 0


def name(suffix=""):
    """A name that nobody else has, neither another run of the lab nor another world of this one."""
    return f"{PREFIX}{_owner}-{_worlds}" + (f"-{suffix}" if suffix else "")


def next_world():
    global _worlds
    _worlds += 1


def later(action, *arguments):
    """Has `action` called in the end, the last one first."""
    _actions.append((action, arguments))


def everything():
    if os.getpid() != _owner:
        return  # a forked child: what the parent made is not its own
    while _actions:
        action, arguments = _actions.pop()
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            action(*arguments)


def install():
    """From now on this process cleans up, however it ends (but for SIGKILL: see leftovers()): what it makes, not what the one
    made that it was forked from."""
    global _owner
    _owner = os.getpid()
    _actions.clear()
    atexit.register(everything)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: exit(128 + number))


def remove_cgroup(path):
    """Kills what is in a cgroup and below, and removes it."""
    if not path.exists():
        return
    (path / "cgroup.kill").write_text("1")
    for folder, _, _ in os.walk(path, topdown=False):
        for _attempt in range(100):
            try:
                os.rmdir(folder)
                break
            except OSError:
                time.sleep(0.01)


def remove_namespace(title):
    subprocess.run(["ip", "netns", "delete", title], check=False, stderr=subprocess.DEVNULL)


def leftovers():
    """Removes what runs of the lab left that were killed. Returns the names."""
    removed = []
    alive = lambda title: Path(f"/proc/{re.match(PREFIX + r'([0-9]+)', title)[1]}").exists()  # noqa: E731
    ours = lambda folder: [p for p in folder.glob(f"{PREFIX}[0-9]*") if not alive(p.name)] if folder.exists() else []  # noqa: E731
    for path in ours(kernel.cgroup_mount()):
        remove_cgroup(path)
        removed.append(str(path))
    for path in ours(Path("/run/netns")):
        remove_namespace(path.name)
        removed.append(path.name)
    for path in ours(Path("/tmp")):
        shutil.rmtree(path, ignore_errors=True)
        removed.append(str(path))
    return removed
