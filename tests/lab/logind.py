"""systemd-logind: the real one, in mounts of its own. The service manager behind it and the kernel's /sys/power, without which it
puts nothing to sleep, are stand-ins: nothing here ever sleeps."""

import os
import subprocess
from pathlib import Path

from tests.lab import bus, kernel
from tests.lab.desk import Desk
from tests.lab.strongswan import wait_for

_PROGRAM, _SERVICE_MANAGER = Path("/lib/systemd/systemd-logind"), Path(__file__).with_name("service_manager.py")
_NAME, _PATH, _INTERFACE = "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"


def available():
    if not _PROGRAM.exists():
        return "systemd-logind is not installed"
    return None if Path("/sys/power").is_dir() else "there is no /sys/power to put another one over"


class LogindDesk(Desk):
    services = (bus.SERVICES / "org.freedesktop.login1.conf", bus.SERVICES / "org.freedesktop.systemd1.conf")

    def start_logind(self):
        self._manager = self.start(["/usr/bin/python3", "-I", "-S", "-B", _SERVICE_MANAGER, self.bus.address], name="service-manager", stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self._expect("ready")
        power = self.place.folder / "power"
        power.mkdir()
        for file, text in {"state": "freeze mem disk", "mem_sleep": "[s2idle]", "disk": "[platform]"}.items():
            (power / file).write_text(text + "\n")

        def enter():
            for name in ("seats", "users", "sessions", "inhibit"):
                os.makedirs(f"/run/systemd/{name}")
            kernel.mount(power, "/sys/power", flags=kernel.MS_BIND)

        self.logind = self.start([_PROGRAM], enter)
        wait_for(lambda: self.bus.has(_NAME), "systemd-logind", 10)

    def suspend(self):
        """Returns when the machine would be put to sleep: whoever has asked for time before has had it."""
        done = self._logind("Suspend", "b", "false")
        if done.returncode:
            raise RuntimeError(f"logind does not suspend: {done.stderr}")
        self._expect("asleep")

    def wake(self):
        self._manager.stdin.write("wake\n")
        self._manager.stdin.flush()

    def inhibitors(self):
        return self._logind("ListInhibitors").stdout

    def pretend(self, member, *arguments, user=65534):
        """A signal that looks like logind's, sent to the bridge alone by somebody else."""
        owner = self.bus.owner("org.vpnprofile.Agent1")
        done = subprocess.run(["dbus-send", f"--bus={self.bus.address}", "--type=signal", f"--dest={owner}", _PATH, f"{_INTERFACE}.{member}", *arguments],
                              capture_output=True, text=True, user=user, timeout=10)
        if done.returncode:
            raise RuntimeError(f"dbus-send: {done.stderr}")

    def _logind(self, method, *arguments):
        return self.bus.busctl("call", _NAME, _PATH, _INTERFACE, method, *arguments)

    def _expect(self, word):
        line = self._manager.stdout.readline().strip()
        if line != word:
            raise RuntimeError(f"the service manager says {line!r} instead of {word!r}")
