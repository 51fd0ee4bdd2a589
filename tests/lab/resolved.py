"""systemd-resolved and nss-resolve: the real ones, in mounts of their own. Not installed, for they would take the machine's own
resolver over: `./dev` unpacks their packages."""

import os
import subprocess
from pathlib import Path

from tests.lab import kernel
from tests.lab.process import join
from tests.lab.strongswan import wait_for

UNPACKED = Path(__file__).parents[2] / "build/lab/resolved"
_PROGRAM, _LIBRARIES = "lib/systemd/systemd-resolved", "usr/lib/x86_64-linux-gnu"
_UID = 996


def available():
    return None if (UNPACKED / _PROGRAM).exists() else "systemd-resolved is not unpacked (./dev lab does it)"


class Resolved:
    """The daemon of a device, and programs that ask it."""

    def __init__(self, place, server):
        self._place, self._process = place, None
        self._files = place.folder / "resolved-etc"
        self._files.mkdir()
        self.folder = place.folder / "resolve"
        self.folder.mkdir()
        os.chown(self.folder, _UID, _UID)
        self.socket = self.folder / "io.systemd.Resolve"
        for name, text in {"passwd": f"root:x:0:0::/:/bin/sh\nsystemd-resolve:x:{_UID}:{_UID}::/:/usr/sbin/nologin\n",
                           "group": f"root:x:0:\nsystemd-resolve:x:{_UID}:\n",
                           "nsswitch.conf": "passwd: files\ngroup: files\nhosts: resolve [!UNAVAIL=return] dns\n",
                           "resolv.conf": "nameserver 127.0.0.53\noptions timeout:2 attempts:1\n"}.items():
            (self._files / name).write_text(text)
        (self._files / "systemd").mkdir()
        (self._files / "systemd/resolved.conf").write_text(f"[Resolve]\nDNS={server}\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\nCache=no\n")

    def start(self):
        """Returns when it listens: its second socket is its last step, and nobody's business."""
        monitor = self.socket.with_name("io.systemd.Resolve.Monitor")
        monitor.unlink(missing_ok=True)
        self._process = self._place.device.start([UNPACKED / _PROGRAM], preexec_fn=lambda: self._enter("resolved"), stdout=subprocess.DEVNULL,
                                                 stderr=subprocess.DEVNULL)
        wait_for(monitor.exists, "systemd-resolved", 10)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def look_up(self, app, name):
        """What the C library of an app gets by nss-resolve and what comes after it: the first address, or None."""
        with self._place.device.inside():
            done = subprocess.run(["getent", "ahostsv4", name], env={**os.environ, "LD_LIBRARY_PATH": str(UNPACKED / _LIBRARIES)}, text=True,
                                  capture_output=True, preexec_fn=lambda: self._enter(app), timeout=20)
        return done.stdout.split()[0] if done.returncode == 0 else None

    def _enter(self, app):
        kernel.private_mounts()
        kernel.mount("tmpfs", "/run", "tmpfs")
        os.makedirs("/run/systemd/resolve")
        kernel.mount(self.folder, "/run/systemd/resolve", flags=kernel.MS_BIND)
        for name in ("passwd", "group", "nsswitch.conf", "resolv.conf"):
            kernel.mount(self._files / name, os.path.realpath(f"/etc/{name}"), flags=kernel.MS_BIND)
        kernel.mount(self._files / "systemd", "/etc/systemd", flags=kernel.MS_BIND)
        join(self._place.app_cgroup(app))
