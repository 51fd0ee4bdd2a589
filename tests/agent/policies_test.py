"""Which policy is in force: apply, its refusals, confirm, reload."""

import errno
import json
import subprocess
import time

from tests.agent.room import Room
from tests.lab import profiles, world


class Apply(Room):
    def setUp(self):
        self.install(self.compile(serial=5)).start()

    def serial(self):
        policy = self.status()["policy"]
        return policy["serial"], policy["on_trial"]

    def kept(self):
        return (self.agent.folder / "state/serial").read_text().strip()

    def test_a_good_policy_is_in_force_and_kept(self):
        newer = self.compile(serial=6)
        self.assertEqual(self.ctl("apply", newer)["policy"]["serial"], 6)
        self.assertEqual((self.serial(), self.kept()), ((6, False), "6"))
        self.assertEqual((self.agent.folder / "state/policy.vpnpolicy").read_bytes(), newer.read_bytes())
        self.agent.kill()
        self.agent.start()  # by the file that the service names, which is older
        self.assertEqual(self.serial(), (6, False))
        self.assertIn("stays in force", self.agent.log())

    def test_a_lower_serial_is_refused(self):
        self.refused(1, "serial", "apply", self.compile(serial=4))
        self.assertEqual((self.serial(), self.kept()), ((5, False), "5"))

    def test_what_is_no_policy_is_refused(self):
        bad = self.place.folder / "bad.vpnpolicy"
        good = self.compile(serial=6).read_bytes()
        for content in (b"", b"no policy", good[:-1], good[:200] + bytes([good[200] ^ 1]) + good[201:]):
            bad.write_bytes(content)
            self.refused(1, "", "apply", bad)
        self.refused(3, "missing", "apply", self.place.folder / "missing")
        self.refused(3, "", "apply", self.place.folder)
        self.assertEqual(self.serial(), (5, False))
        self.assertEqual(self.ask("browser"), errno.EPERM)

    def test_confirmed_in_time_it_stays(self):
        self.ctl("apply", self.compile(serial=6), "--confirm", 30)
        self.assertEqual((self.serial(), self.kept()), ((6, True), "5"))
        self.refused(2, "confirm", "reload")
        self.ctl("confirm")
        self.assertEqual((self.serial(), self.kept()), ((6, False), "6"))
        self.refused(2, "", "confirm")

    def test_not_confirmed_it_falls_back(self):
        lax = profiles.always_on(self.identity, self.authority, ApplicationExceptions=[{"BundleIdentifier": "com.example.browser"}])
        self.assertEqual(self.ask("browser"), errno.EPERM)
        begin = time.monotonic()
        self.ctl("apply", self.compile(lax, serial=6), "--confirm", 2)
        self.assertEqual(self.ask("browser"), b"hello", "the policy on trial lets it out (S3.c)")
        self.wait(lambda: self.serial() == (5, False), "the fall back", 4)
        self.assertGreater(time.monotonic() - begin, 1.5)
        self.assertEqual(self.ask("browser"), errno.EPERM)
        self.assertEqual(self.kept(), "5")


class Signed(Room):
    def _key(self, name):
        private, public = self.place.folder / f"{name}.key", self.place.folder / f"{name}.pem"
        for command in (["genpkey", "-algorithm", "ed25519", "-out", private], ["pkey", "-in", private, "-pubout", "-out", public]):
            subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
        return private, public

    def test_only_the_named_key_signs(self):
        own, public = self._key("own")
        other, _ = self._key("other")
        self.install(self.compile(serial=1, sign_key=own), configuration={"public_key": str(public)}).start()
        self.assertTrue(self.status()["policy"]["verified"])
        self.refused(1, "", "apply", self.compile(serial=2, sign_key=other))
        self.refused(1, "", "apply", self.compile(serial=2))
        self.assertEqual(self.status()["policy"]["serial"], 1)
        self.ctl("apply", self.compile(serial=2, sign_key=own))
        self.assertEqual(self.status()["policy"]["serial"], 2)


class AppMap(Room):
    def test_an_app_that_the_map_gets_by_a_reload_is_held_to_its_tunnel(self):
        nothing = {app: what for app, what in profiles.APPS.items() if app != "com.example.ledger"}
        policy = self.compile(profiles.per_app("com.example.ledger"), apps=nothing)
        self.install(policy, profiles.PER_APP).start()
        self.assertEqual(self.ask("ledger", protocol="udp"), b"hello", "nobody knows the app yet: it is other")
        self.place.take()
        folder = self.agent.folder / "config/apps.d"
        folder.mkdir(exist_ok=True)
        (folder / "ledger.yaml").write_text(json.dumps({"com.example.ledger": profiles.APPS["com.example.ledger"]}))
        self.ctl("reload")
        for protocol in ("tcp", "udp"):
            answer = self.ask("ledger", protocol=protocol)
            self.assertIn(answer, (errno.EPERM, errno.ENETUNREACH, errno.EHOSTUNREACH), f"{protocol}: {self.log()}")
        leaked = [frame for frame in self.place.take() if frame.destination == world.SERVER]
        self.assertEqual(list(map(str, leaked)), [])
        self.assertEqual(self.ask("browser"), b"hello", "the others go on")
        why = self.ctl("why", "--pid", self.app("ledger").pid, "--to", f"{world.SERVER}:7")
        self.assertEqual((why["verdict"], why["rule"]), ("drop", "S4.e"))
