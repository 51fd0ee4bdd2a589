"""Too little memory: an error and exit 4, never a signal, at whatever allocation it ends."""
import plistlib
import resource
import shutil
import subprocess
import unittest

from program import PROGRAM, Case

MEGABYTE = 1 << 20
NAMES = [f"host{n}.example.com" for n in range(60_000)]
PAYLOAD = {"PayloadType": "com.apple.vpn.managed.applayer", "PayloadVersion": 1, "PayloadIdentifier": "com.example.vpn", "PayloadUUID":
           "0C6E1B1E-0000-4000-8000-000000000001", "VPNUUID": "0C6E1B1E-0000-4000-8000-000000000002", "VPNType": "VPN", "VPNSubType": "com.example.client",
           "UserDefinedName": "a", "VPN": {"RemoteAddress": "vpn.example.com", "AuthenticationMethod": "Password"}, "SafariDomains": NAMES}
PROFILE = {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "com.example.profile", "PayloadUUID":
           "0C6E1B1E-0000-4000-8000-000000000003", "PayloadContent": [PAYLOAD]}


def run_within(megabytes, *arguments, folder):
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes * MEGABYTE,) * 2)
    done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=folder, preexec_fn=limit, check=False, timeout=60, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    return done.returncode, done.stderr.decode("utf-8", "replace")


class Memory(Case):
    def setUp(self):
        super().setUp()
        self.write("fleet/xml/a.mobileconfig", plistlib.dumps(PROFILE))
        self.write("fleet/binary/a.mobileconfig", plistlib.dumps(PROFILE, fmt=plistlib.FMT_BINARY))
        least = 8  # what the program itself takes
        while run_within(least, "--version", folder=self.folder)[0] != 0:
            least += 1
        self.least = least

    def sweep(self, *arguments):
        """Exit codes from next to nothing to plenty."""
        codes = []
        for more in [*range(0, 24, 1), *range(24, 80, 8), 400]:
            code, errors = run_within(self.least + more, *arguments, folder=self.folder)
            self.assertIn(code, (0, 4), f"{arguments} with {more} MB more: {errors[-300:]}")
            if code == 4:
                self.assertIn("there is not enough memory", errors)
            codes.append(code)
        self.assertEqual(codes[-1], 0)
        self.assertIn(4, codes)

    def test_lint(self):
        for form in ("xml", "binary"):
            self.sweep("lint", "fleet/" + form)

    def test_compile(self):
        for form in ("xml", "binary"):
            self.sweep("compile", "fleet/" + form, "-o", "p.vpnpolicy")

    def test_a_fleet(self):
        # libplist must not run while others take the memory that it was promised (docs/known-issues.md).
        shutil.rmtree(self.folder / "fleet/binary")
        shutil.copytree(self.folder / "fleet/xml", self.folder / "fleet/another")
        self.sweep("compile", "--batch", "fleet", "-o", "out", "--jobs", "3")


if __name__ == "__main__":
    unittest.main()
