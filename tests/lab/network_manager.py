"""NetworkManager: the real one, in mounts of its own. Not installed, for it would take the machine's own network over: `./dev`
unpacks its packages."""

import json
from pathlib import Path

from tests.lab import kernel
from tests.lab.desk import Desk
from tests.lab.strongswan import wait_for

UNPACKED = Path(__file__).parents[2] / "build/lab/network-manager"
_PROGRAM, _LIBRARIES = UNPACKED / "usr/sbin/NetworkManager", UNPACKED / "usr/lib/x86_64-linux-gnu"
_NAME, _PATH = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"
_CONNECTED = 70  # NM_STATE_CONNECTED_GLOBAL


def available():
    return None if _PROGRAM.exists() else "NetworkManager is not unpacked (./dev lab does it)"


class ManagedDesk(Desk):
    services = (UNPACKED / "usr/share/dbus-1/system.d/org.freedesktop.NetworkManager.conf",)

    def manage(self, access, search):
        """A connection of NetworkManager's for an access network. The device's link is as if it had just been plugged in."""
        folder = self.place.folder / "connections"
        folder.mkdir(exist_ok=True)
        file = folder / f"{access.link}.nmconnection"
        file.write_text(f"[connection]\nid={access.name}\ntype=ethernet\ninterface-name={access.link}\n"
                        f"[ipv4]\nmethod=manual\naddress1={access.device}/{access.prefix},{access.router}\ndns={access.router};\ndns-search={search};\n"
                        f"route-metric={access.number * 100}\n"
                        f"[ipv6]\nmethod=manual\naddress1={access.device6}/64,{access.router6}\nroute-metric={access.number * 100}\n")
        file.chmod(0o600)
        self.place.device.ip(f"link set {access.link} down", f"addr flush dev {access.link}")

    def start_manager(self):
        """Returns when it has brought its connections up."""
        folder = self.place.folder
        (folder / "nm.conf").write_text("[main]\nplugins=keyfile\nno-auto-default=*\ndns=none\nsystemd-resolved=false\nauth-polkit=false\n"
                                        f"[keyfile]\npath={folder}/connections\n[connectivity]\nenabled=false\n")
        (folder / "none").mkdir(exist_ok=True)

        def enter():
            kernel.mount("tmpfs", "/var/lib", "tmpfs")
            kernel.mount("sysfs", "/sys", "sysfs", kernel.MS_RDONLY)  # this namespace's links; and no udev, which is the host's

        self._manager = self.start([_PROGRAM, "--no-daemon", f"--config={folder}/nm.conf", f"--config-dir={folder}/none", f"--system-config-dir={folder}/none",
                                    f"--intern-config={folder}/nm-intern.conf", f"--state-file={folder}/nm.state"],
                                   enter, environment={"LD_LIBRARY_PATH": str(_LIBRARIES)})
        wait_for(lambda: self.state() == _CONNECTED, lambda: f"NetworkManager: {(folder / 'NetworkManager.log').read_text()[-3000:]}", 20)

    def state(self):
        done = self.bus.busctl("get-property", _NAME, _PATH, _NAME, "State")
        return json.loads(done.stdout)["data"] if done.returncode == 0 else None

    def kill_manager(self):
        self._manager.kill()
        self._manager.wait()
