"""The agent on D-Bus, with the real bus and the real Polkit: who may see what, and who may do what."""

import errno
import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from tests.agent import room
from tests.agent.bus import Bus
from tests.lab import profiles, strongswan
from tests.lab.strongswan import wait_for

NOBODY, OTHER = 65534, 1


class OnTheBus(room.Room):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="vpnlab-bus-")  # everybody may go through it, unlike the lab's
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o755)
        self.bus = Bus(Path(folder))
        self.addCleanup(self.bus.close)

    def bridge(self):
        program = subprocess.Popen([room.BUILD / "bin/vpnagent-dbus", "--bus", self.bus.address, "--control", str(self.agent.control)])
        self.addCleanup(self._end, program)
        wait_for(lambda: self.bus.has("org.vpnprofile.Agent1"), "the bridge", 5)
        return program

    def _end(self, program):
        if program.poll() is None:
            program.terminate()
            self.assertEqual(program.wait(5), 0)


class Desktop(OnTheBus):
    def _device_wide(self):
        return self.compile(profiles.device_wide(IncludeAllNetworks=True, OnDemandEnabled=0))

    def test_everybody_sees_the_status(self):
        self.install(self.compile()).start()
        self.bridge()
        (status,), error = self.bus.call("Status", user=NOBODY)
        self.assertEqual(json.loads(status)["guard"], "in-force", error)
        (tunnels,), _ = self.bus.call("ListTunnels", user=NOBODY)
        known = self.status()["tunnels"]
        self.assertEqual([t[0] for t in tunnels], [t["id"] for t in known])
        self.assertEqual([t[2:] for t in tunnels], [[t["kind"], t["status"]] for t in known])

    def test_polkit_says_who_may_connect_and_disconnect(self):
        policy = self._device_wide()
        tunnel = json.loads(subprocess.run([room.BUILD / "bin/vpnprofile", "dump", policy, "--format", "json"], capture_output=True, text=True,
                                           check=True).stdout)["tunnels"][0]["id"]
        self.install(policy, tunnel=tunnel).start()
        self.bridge()
        wanted = lambda: self.status()["tunnels"][0]["wanted"]  # noqa: E731
        done, error = self.bus.call("Connect", tunnel, user=NOBODY)
        self.assertIsNone(done, "there is no Polkit to ask")
        self.assertIn("Access denied", error)
        self.bus.start_polkit()
        for user, method in ((OTHER, "Connect"), (OTHER, "Disconnect"), (NOBODY, "Disconnect")):
            done, error = self.bus.call(method, tunnel, user=user)
            self.assertIsNone(done, (user, method))
            self.assertIn("Access denied", error)
        self.assertFalse(wanted())
        done, error = self.bus.call("Connect", tunnel, user=NOBODY)
        self.assertEqual(done, [], error)
        self.assertTrue(wanted())
        done, error = self.bus.call("Disconnect", tunnel)
        self.assertEqual(done, [], "root may: " + error)
        self.assertFalse(wanted())
        done, error = self.bus.call("Connect", "no such tunnel")
        self.assertIsNone(done)
        self.assertIn("no such tunnel", error)

    def test_what_the_profile_forbids_polkit_cannot_allow(self):
        self.install(self.compile()).start()
        self.bridge()
        self.bus.start_polkit()
        done, error = self.bus.call("Disconnect", self.status()["tunnels"][0]["id"])
        self.assertIsNone(done)
        self.assertIn("always on", error)

    def test_signals(self):
        """Changes of the status and blocks, and neither apps nor destinations in them, for everybody can hear."""
        self.install(self.compile()).start()
        self.bridge()
        with self.bus.monitor() as monitor:
            heard = []
            reader = threading.Thread(target=lambda: heard.extend(iter(monitor.stdout.readline, "")))
            reader.start()
            try:
                wait_for(lambda: any("NameAcquired" in line or "signal" in line for line in heard), "the monitor", 5)
                def blocked():
                    self.assertEqual(self.ask("browser", protocol="udp", port=4321), errno.EPERM)
                    return any("member=Blocked" in line for line in heard)
                wait_for(blocked, "Blocked", 8)
                client = self.agent.client(self.status()["tunnels"][0]["id"])
                self.addCleanup(client.close)
                client.report("connected")
                wait_for(lambda: any("member=StatusChanged" in line for line in heard) and '"connected"' in "".join(heard), "StatusChanged", 5)
                self.agent.kill()
                wait_for(lambda: '"guard":"unknown"' in "".join(heard), "that nobody knows", 5)
                _, error = self.bus.call("Status", user=NOBODY)
                self.assertIn("cannot be reached", error)
                self.agent.start()
                wait_for(lambda: '"guard":"in-force"' in "".join(heard).rpartition("unknown")[2], "the agent again", 8)
            finally:
                monitor.terminate()
                reader.join()
        text = "".join(heard)
        self.assertNotIn("com.example.browser", text)
        self.assertNotIn("4321", text)

    def test_a_second_one_is_refused(self):
        self.install(self.compile()).start()
        self.bridge()
        done = subprocess.run([room.BUILD / "bin/vpnagent-dbus", "--bus", self.bus.address], capture_output=True, text=True, timeout=5)
        self.assertEqual(done.returncode, 4)
        self.assertIn("the name cannot be had", done.stderr)
        done = subprocess.run([room.BUILD / "bin/vpnagent-dbus", "--bus", "unix:path=/nonexistent"], capture_output=True, text=True, timeout=5)
        self.assertEqual(done.returncode, 4)
        self.assertIn("there is no message bus", done.stderr)


class Answers(OnTheBus):
    """What a tunnel asks for is answered over D-Bus; nobody but who may answers, and the answer is in no message of the bus."""

    external = False

    def test_a_password(self):
        server = strongswan.gateway(self.place, self.authority)
        self.addCleanup(server.stop)
        self.install(self.compile(profiles.ikev2(self.authority)), tunnel=None).start()
        self.bridge()
        self.bus.start_polkit()
        self.agent.request("connect", tunnel=profiles.DEVICE_WIDE)
        tunnel = lambda: self.status()["tunnels"][0]  # noqa: E731
        self.wait(lambda: "needs" in tunnel(), "a question", 15)
        (status,), _ = self.bus.call("Status", user=NOBODY)
        question = json.loads(status)["tunnels"][0]["needs"]["question"]
        secret = strongswan.PASSWORD.encode()
        self.assertIn("AccessDenied", self.bus.answer(tunnel()["id"], question, secret, user=NOBODY))
        for odd in (b"", b"x" * 4097):
            self.assertIn("InvalidArgs", self.bus.answer(tunnel()["id"], question, odd))
        self.assertIn("InvalidArgs", self.bus.answer(tunnel()["id"], question, file="/etc/hostname"), "no pipe")
        self.assertIn("Refused", self.bus.answer(tunnel()["id"], question + 1, secret))
        self.assertIn("needs", tunnel())
        self.assertEqual(self.bus.answer(tunnel()["id"], question, secret), "")
        self.wait(lambda: tunnel()["status"] == "connected", "the tunnel", 15)
