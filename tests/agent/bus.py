"""A message bus of the test's own, with the real dbus-daemon and the real Polkit."""

import json
import os
import subprocess
from pathlib import Path

from tests.lab import bus
from tests.lab.strongswan import wait_for

SOURCE = Path(__file__).parents[2]
NAME, PATH = "org.vpnprofile.Agent1", "/org/vpnprofile/Agent1"
POLKITD = Path("/usr/lib/polkit-1/polkitd")

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


class Bus(bus.Bus):
    def __init__(self, folder):
        super().__init__(folder, [bus.SERVICES / "org.freedesktop.PolicyKit1.conf"])

    def start_polkit(self):
        """With our actions and RULES in place of the host's, in a mount namespace."""
        rules = self.folder / "rules"
        rules.mkdir(exist_ok=True)
        (rules / "50-test.rules").write_text(RULES)
        script = f'mount --bind {SOURCE}/packaging/polkit /usr/share/polkit-1/actions && mount --bind {rules} /etc/polkit-1/rules.d && exec {POLKITD} --no-debug'
        self._daemons.append(subprocess.Popen(["unshare", "--mount", "sh", "-c", script], env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address},
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for(lambda: self.has("org.freedesktop.PolicyKit1"), "Polkit", 10)

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
