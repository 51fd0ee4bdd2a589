"""Tunnels that the agent brings up itself: sealed secrets end to end, and what becomes of a tunnel that a policy drops."""

import os
from pathlib import Path

from tests.agent.room import Room
from tests.lab import profiles, strongswan


class Sealed(Room):
    """charon on both sides, by a shared secret that is sealed to the device's key."""

    external = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway = strongswan.gateway(cls.place, cls.authority)

    def _profile(self):
        secret = {"AuthenticationMethod": "SharedSecret", "SharedSecret": strongswan.SHARED_SECRET, "PayloadCertificateUUID": None,
                  "CertificateType": None}
        ike = {key: value for key, value in {**profiles.ike(), **secret}.items() if value is not None}
        return profiles.always_on_with(self.identity, self.authority, ike)

    def test_the_secret_reaches_charon_and_nobody_else(self):
        self.assertIsNone(strongswan.available())
        policy = self.compile(self._profile(), encrypt_to=self.identity.certificate)
        self.assertFalse(Path(f"{policy}.secrets").exists())
        sources = {"certificate": str(self.identity.certificate), "key": str(self.identity.key)}
        self.install(policy, None, configuration={"secrets": sources}).start()
        self.wait(self._connected, "connected by the shared secret", 30)
        self.assertEqual(self.ask("browser"), b"hello")
        secret = strongswan.SHARED_SECRET.encode()
        self.assertNotIn(secret, policy.read_bytes())
        for file in self.agent.folder.rglob("*"):
            if file.is_file() and "bpf" not in file.parts:
                self.assertNotIn(secret, file.read_bytes(), file)
        for pid in self._processes():
            for what in ("cmdline", "environ"):
                self.assertNotIn(secret, Path(f"/proc/{pid}/{what}").read_bytes(), f"{what} of {pid}")
        self.assertNotIn(secret.decode(), str(self.agent.request("support")))

    def test_a_tunnel_that_the_next_policy_drops_ends_with_its_charon(self):
        policy = self.compile(self._profile(), serial=1, encrypt_to=self.identity.certificate)
        sources = {"certificate": str(self.identity.certificate), "key": str(self.identity.key)}
        self.install(policy, None, configuration={"secrets": sources}).start()
        self.wait(self._connected, "connected", 30)
        own = self._charons()
        self.assertEqual(len(own), 1)
        self.ctl("apply", self.compile(profiles.device_wide(EnforceRoutes=1), serial=2))
        self.wait(lambda: not self._charons(), "charon's end", 8)
        self.assertIn("no longer in the policy", self.agent.log())
        self.assertFalse(list(self.place.guarded.rglob("charon*")) + list(self.place.guarded.glob("vpn-*")), "its cgroup is still there")
        self.assertEqual(self.ask("browser"), b"hello", "no rule governs it any more")

    def _connected(self):
        return any(tunnel["status"] == "connected" for tunnel in self.status()["tunnels"])

    def _processes(self):
        """Of the device, but for the lab's own."""
        own = os.stat(self.place.device.path).st_ino
        out = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.stat(entry / "ns/net").st_ino == own and (entry / "comm").read_text().startswith(("vpnagentd", "charon")):
                    out.append(int(entry.name))
            except OSError:
                continue
        return out

    def _charons(self):
        return [pid for pid in self._processes() if Path(f"/proc/{pid}/comm").read_text().startswith("charon")]
