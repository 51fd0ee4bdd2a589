"""A message bus of the test's own, with the real dbus-daemon and the real Polkit."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

from tests.lab.strongswan import wait_for

SOURCE = Path(__file__).parents[2]
NAME, PATH = "org.vpnprofile.Agent1", "/org/vpnprofile/Agent1"
POLKITD = Path("/usr/lib/polkit-1/polkitd")

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
  <include>{packaging}/dbus/org.vpnprofile.Agent1.conf</include>
  <include>/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf</include>
</busconfig>
"""

# Who is nobody may connect and not disconnect; all else is as the actions' defaults say.
RULES = """polkit.addRule(function(action, subject) {
  if (action.id == "org.vpnprofile.agent.connect" && subject.user == "nobody") return polkit.Result.YES;
});
"""


ANSWER = """
import os, sys, dbus
from dbus.bus import BusConnection
address, tunnel, question, file = sys.argv[1:]
if file:
    end = os.open(file, os.O_RDONLY)
else:
    end, into = os.pipe()
    os.write(into, sys.stdin.buffer.read())
    os.close(into)
object = BusConnection(address).get_object("org.vpnprofile.Agent1", "/org/vpnprofile/Agent1", introspect=False)
try:
    object.Answer(tunnel, dbus.UInt64(int(question)), dbus.types.UnixFd(end), dbus_interface="org.vpnprofile.Agent1", signature="sth")
except dbus.DBusException as error:
    print(error.get_dbus_name(), error.get_dbus_message())
"""


class Bus:
    def __init__(self, folder):
        self.folder = folder / "bus"
        self.folder.mkdir(exist_ok=True)
        os.chmod(self.folder, 0o755)
        socket = self.folder / "socket"
        socket.unlink(missing_ok=True)
        self.address = f"unix:path={socket}"
        configuration = self.folder / "bus.conf"
        configuration.write_text(CONFIGURATION.format(socket=socket, packaging=SOURCE / "packaging"))
        self._daemons = [subprocess.Popen(["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile"], stderr=subprocess.DEVNULL)]
        wait_for(socket.exists, "the message bus", 5)

    def start_polkit(self):
        """With our actions and RULES in place of the host's, in a mount namespace."""
        rules = self.folder / "rules"
        rules.mkdir(exist_ok=True)
        (rules / "50-test.rules").write_text(RULES)
        script = f'mount --bind {SOURCE}/packaging/polkit /usr/share/polkit-1/actions && mount --bind {rules} /etc/polkit-1/rules.d && exec {POLKITD} --no-debug'
        self._daemons.append(subprocess.Popen(["unshare", "--mount", "sh", "-c", script], env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address},
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for(lambda: self.has("org.freedesktop.PolicyKit1"), "Polkit", 10)

    def has(self, name):
        done = subprocess.run(["busctl", f"--address={self.address}", "--json=short", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus",
                               "NameHasOwner", "s", name], capture_output=True, text=True, timeout=5)
        return done.returncode == 0 and json.loads(done.stdout)["data"] == [True]

    def call(self, method, *arguments, user=0):
        """(what comes back, or None; the error's words)."""
        signature = ["s" * len(arguments), *arguments] if arguments else []
        done = subprocess.run(["busctl", f"--address={self.address}", "--json=short", "--allow-interactive-authorization=no", "call", NAME, PATH, NAME,
                               method, *signature], capture_output=True, text=True, timeout=20, user=user)
        return (json.loads(done.stdout or '{"data": []}')["data"] if done.returncode == 0 else None), done.stderr

    def answer(self, tunnel, question, answer=b"", user=0, file=""):
        """By a pipe, as busctl cannot, or by a file. The error's name; empty: it was taken."""
        done = subprocess.run(["/usr/bin/python3", "-c", ANSWER, self.address, tunnel, str(question), str(file)], input=answer, capture_output=True, timeout=20, user=user)
        if done.returncode:
            raise AssertionError(done.stderr.decode())
        return done.stdout.decode().strip()

    def monitor(self, user=65534):
        """The bridge's signals as an ordinary user sees them, a JSON object on each line."""
        return subprocess.Popen(["dbus-monitor", "--address", self.address, f"type='signal',interface='{NAME}'"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, user=user)

    def close(self):
        for daemon in reversed(self._daemons):
            daemon.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(3)
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
