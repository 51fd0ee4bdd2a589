"""vpnprofile compile, dump and verify: exit codes, files, secrets, batches."""
import json
import pathlib
import signal
import stat
import subprocess
import time
import unittest

from program import PROGRAM, Case, run


def payload(uuid, secret=None, keys=""):
    shared = f"<key>Password</key><string>{secret}</string>" if secret else ""
    return f"""<dict><key>PayloadType</key><string>com.apple.vpn.managed</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>com.example.{uuid[-4:]}</string><key>PayloadUUID</key><string>{uuid}</string>
<key>UserDefinedName</key><string>Corp</string><key>VPNType</key><string>VPN</string><key>VPNSubType</key><string>com.example.vpn</string>
<key>VPN</key><dict><key>RemoteAddress</key><string>vpn.example.com</string>{shared}{keys}</dict></dict>"""


def profile(*payloads):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>com.example</string><key>PayloadUUID</key><string>0C6E1B1E-0000-4000-8000-000000000000</string>
<key>PayloadContent</key><array>{''.join(payloads)}</array></dict></plist>
"""


ONE = "0C6E1B1E-0000-4000-8000-000000000001"


class Compile(Case):
    def vpn(self, *arguments):
        return run(*arguments, folder=self.folder)

    def test_writes_a_policy_that_verifies(self):
        self.write("a.mobileconfig", profile(payload(ONE)))
        code, output, errors = self.vpn("compile", "a.mobileconfig", "-o", "p.vpnpolicy", "--serial", "7")
        self.assertEqual(code, 0, errors)
        self.assertIn("1 VPN", output)
        code, output, _ = self.vpn("verify", "p.vpnpolicy", "--format", "json", "--serial-at-least", "7")
        self.assertEqual((code, json.loads(output)["serial"], json.loads(output)["signature"]), (0, 7, "none"))
        code, _, errors = self.vpn("verify", "p.vpnpolicy", "--serial-at-least", "8")
        self.assertEqual(code, 1)
        self.assertIn("serial is 7", errors)

    def test_an_app_map_for_a_vpn_that_is_not_there_is_refused(self):
        self.write("a.mobileconfig", profile(payload(ONE)))
        self.write("map.yaml", "com.example.a: {vpn: C48F44EE-D5A4-553E-A8E4-4AB652676E1D}\n")
        code, output, errors = self.vpn("compile", "a.mobileconfig", "--app-map", "map.yaml", "-o", "p")
        self.assertEqual((code, output), (1, ""))
        self.assertIn("error: the app map's entry com.example.a: ", errors)
        self.assertIn("C48F44EE-D5A4-553E-A8E4-4AB652676E1D, which no profile defines", errors)
        self.assertFalse((self.folder / "p").exists())
        # In a fleet, the map is for all devices.
        self.write("fleet/one/a.mobileconfig", profile(payload(ONE)))
        code, _, errors = self.vpn("compile", "--batch", "fleet", "--app-map", "map.yaml", "-o", "out")
        self.assertEqual(code, 0, errors)

    def test_app_maps_take_linear_time_and_no_name_twice(self):
        self.write("a.mobileconfig", profile(payload(ONE)))
        self.write("map.json", json.dumps({f"com.example.a{n}": {"roles": ["mail"]} for n in range(100_000)}))  # n² would be minutes
        self.assertEqual(self.vpn("compile", "a.mobileconfig", "--app-map", "map.json", "-o", "p")[0], 0)
        for name, text in (("twice.json", '{"a": {"roles": ["mail"]}, "a": {}}'), ("twice.yaml", "a: {}\na: {}\n")):
            self.write(name, text)
            code, _, errors = self.vpn("compile", "a.mobileconfig", "--app-map", name, "-o", "q")
            self.assertEqual(code, 1)
            self.assertIn('"a" is there twice', errors)

    def test_same_input_same_bytes(self):
        self.write("a.mobileconfig", profile(payload(ONE)))
        for name in ("p", "q"):
            self.assertEqual(self.vpn("compile", "a.mobileconfig", "-o", name)[0], 0)
        self.assertEqual((self.folder / "p").read_bytes(), (self.folder / "q").read_bytes())

    def test_secrets_lie_beside_the_policy_for_their_owner_only(self):
        self.write("a.mobileconfig", profile(payload(ONE, "horse-battery")))
        self.assertEqual(self.vpn("compile", "a.mobileconfig", "-o", "p")[0], 0)
        self.assertEqual(stat.S_IMODE((self.folder / "p.secrets").stat().st_mode), 0o600)
        self.assertNotIn(b"horse", (self.folder / "p").read_bytes())
        for form in ("text", "json"):
            code, output, errors = self.vpn("dump", "p", "--format", form)
            self.assertEqual(code, 0, errors)
            self.assertNotIn("horse", output)
            self.assertIn(ONE, output)

    def test_errors_refuse_and_leave_nothing(self):
        self.write("a.mobileconfig", "<plist version='1.0'><dict><key>x</key></plist>")
        self.assertEqual(self.vpn("compile", "a.mobileconfig", "-o", "p")[0], 1)
        self.assertEqual([p.name for p in pathlib.Path(self.folder).iterdir()], ["a.mobileconfig"])

    def test_a_refused_compile_leaves_the_old_policy(self):
        self.write("p", "old")
        self.write("a.mobileconfig", "no profile")
        self.assertEqual(self.vpn("compile", "a.mobileconfig", "-o", "p")[0], 1)
        self.assertEqual(self.read("p"), "old")

    def test_exit_codes(self):
        self.write("a.mobileconfig", profile(payload(ONE)))
        self.assertEqual(self.vpn("compile", "a.mobileconfig")[0], 2)
        self.assertEqual(self.vpn("compile", "-o", "p")[0], 2)
        self.assertEqual(self.vpn("compile", "a.mobileconfig", "-o", "p", "--serial", "x")[0], 2)
        self.assertEqual(self.vpn("compile", "missing.mobileconfig", "-o", "p")[0], 3)
        self.assertEqual(self.vpn("dump", "missing")[0], 3)
        self.assertEqual(self.vpn("dump", "a.mobileconfig")[0], 1)
        self.assertEqual(self.vpn("verify", "a.mobileconfig", "--format", "json")[0], 1)

    def test_a_batch_goes_on_after_a_failure(self):
        for name in ("one", "two"):
            self.write(f"fleet/{name}/a.mobileconfig", profile(payload(ONE)))
        self.write("fleet/bad/a.mobileconfig", "no profile")
        code, _, errors = self.vpn("compile", "--batch", "fleet", "-o", "out")
        self.assertEqual(code, 1)
        self.assertIn("2 policies written to out, 1 refused", errors)
        self.assertEqual(sorted(p.name for p in (self.folder / "out").iterdir()), ["one.vpnpolicy", "two.vpnpolicy"])

    def test_a_batch_that_is_interrupted_leaves_whole_policies_only(self):
        for i in range(400):
            self.write(f"fleet/{i}/a.mobileconfig", profile(payload(ONE, secret="hunter2")))
        for again in range(4):  # into an empty folder, then over the files that are there
            with subprocess.Popen([PROGRAM, "compile", "--batch", "fleet", "-o", "out"], cwd=self.folder,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
                time.sleep(0.01 + 0.02 * again)
                running.send_signal(signal.SIGINT)
                self.assertIn(running.wait(60), (0, -signal.SIGINT))
            found = sorted((self.folder / "out").glob("*")) if (self.folder / "out").exists() else []
            policies = [str(p) for p in found if p.suffix == ".vpnpolicy"]
            self.assertEqual(len(found), 2 * len(policies), "each policy with its secrets, and nothing else")
            for policy in policies[::20]:
                self.assertEqual(self.vpn("verify", policy)[0], 0)

    def test_an_ignored_signal_changes_nothing(self):
        for n in range(200):
            self.write(f"fleet/{n}/a.mobileconfig", profile(payload(ONE)))
        ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup does, or a shell for what is in the background
        with subprocess.Popen([PROGRAM, "compile", "--batch", "fleet", "-o", "out"], cwd=self.folder, preexec_fn=ignore,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
            while running.poll() is None:
                running.send_signal(signal.SIGINT)
                time.sleep(0.002)
            errors = running.stderr.read().decode()
        self.assertEqual(running.returncode, 0, errors)
        self.assertIn("200 policies written", errors)
        self.assertEqual(len(list((self.folder / "out").glob("*.vpnpolicy"))), 200)


if __name__ == "__main__":
    unittest.main()
