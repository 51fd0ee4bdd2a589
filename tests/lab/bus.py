"""A message bus of the test's own: the real dbus-daemon, with the rules of the system's."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

from tests.lab.strongswan import wait_for

PACKAGING = Path(__file__).parents[2] / "packaging"
SERVICES = Path("/usr/share/dbus-1/system.d")

# Like the system's bus: nobody may own or call anything that no file says.
CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><deny own="*"/><deny send_type="method_call"/>
    <allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>
  {includes}
</busconfig>
"""


class Bus:
    """`services`: files with the rules of other services than ours."""

    def __init__(self, folder, services=()):
        self.folder = folder / "bus"
        self.folder.mkdir(exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.socket = self.folder / "socket"
        self.socket.unlink(missing_ok=True)
        self.address = f"unix:path={self.socket}"
        configuration = self.folder / "bus.conf"
        rules = [PACKAGING / "dbus/org.vpnprofile.Agent1.conf", *services]
        configuration.write_text(CONFIGURATION.format(socket=self.socket, includes="".join(f"<include>{file}</include>" for file in rules)))
        self._daemons = [subprocess.Popen(["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile"], stderr=subprocess.DEVNULL)]
        wait_for(self.socket.exists, "the message bus", 5)

    def busctl(self, *arguments, user=0):
        """A call of some method: the finished process."""
        return subprocess.run(["busctl", f"--address={self.address}", "--json=short", *arguments], capture_output=True, text=True, timeout=20, user=user)

    def owner(self, name):
        """The unique name of who owns a name; None: nobody."""
        done = self.busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner", "s", name)
        return json.loads(done.stdout)["data"][0] if done.returncode == 0 else None

    def has(self, name):
        return self.owner(name) is not None

    def close(self):
        for daemon in reversed(self._daemons):
            daemon.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(3)
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
