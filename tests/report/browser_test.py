"""The page of `vpnprofile report` in headless Chromium: nothing on the console, no request, no violation that axe-core
finds, keyboard, filters, phone width, dark and light, print, a million names. `./dev page` installs what it needs;
exit 77 says that it is not there."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from program import SOURCE, Case, run

HERE = pathlib.Path(__file__).parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
THOROUGH = bool(os.environ.get("VPN_PAGE_THOROUGH"))  # some minutes; without it seconds
HOSTILE = "</script><script>window.attacked=1</script><img src=x onerror=\"window.attacked=1\">\u202e\u2066"


class Browser(Case):
    def look(self, *arguments, name=None):
        """What the browser says about the page that these arguments make."""
        page = self.folder / "page.html"
        code, _, errors = run("report", *arguments, "-o", page, folder=self.folder, timeout=120)
        self.assertEqual(code, 0, errors)
        done = subprocess.run(["node", "look.js", page, os.environ.get("VPN_SCREENSHOTS", "-"), *([name] if name else [])], cwd=HERE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=240, check=False,
                              env={**os.environ, "HOME": str(self.folder), "CHROMIUM": CHROMIUM})
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-2000:])
        said = json.loads(done.stdout)
        self.assertEqual(said["problems"], [])
        self.assertFalse(said["facts"]["attacked"])
        self.assertGreater(said["facts"]["pdf_bytes"], 20_000)
        return said["facts"]

    def with_names(self, names, title=None):
        """The example with excluded domains, with more of them."""
        text = (SOURCE / "profiles/per-app-excluded-domains.mobileconfig").read_text(encoding="utf-8")
        many = "".join(f"<string>{name}</string>" for name in names)
        text = re.sub(r"(<key>ExcludedDomains</key>\s*<array>)", lambda m: m.group(1) + many, text)
        if title is not None:
            escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            text = re.sub(r"(<key>UserDefinedName</key>\s*<string>)[^<]*", lambda m: m.group(1) + escaped, text)
        return self.write("many.mobileconfig", text)

    def test_include_all_networks(self):
        self.look(SOURCE / "profiles/include-all-networks.mobileconfig", "--app-map", SOURCE / "profiles/app-map.yaml",
                  "--against", SOURCE / "profiles/exclude-local-networks.mobileconfig")

    def test_hostile_names_and_a_search(self):
        profile = self.with_names([f"host-{i}.example-{i % 7}.com" for i in range(2000)], HOSTILE)
        self.look(profile, "--title", HOSTILE, name="host-1234")

    @unittest.skipUnless(THOROUGH, "VPN_PAGE_THOROUGH is not set")
    def test_several_vpns(self):
        names = ("per-app-packet-tunnel", "per-app-excluded-domains", "include-all-networks", "enforce-routes")
        self.look(*(SOURCE / f"profiles/{name}.mobileconfig" for name in names), "--app-map", SOURCE / "profiles/app-map.yaml")

    @unittest.skipUnless(THOROUGH, "VPN_PAGE_THOROUGH is not set")
    def test_a_million_names(self):
        profile = self.with_names([f"h{i * 7919 % 1_000_003}.d{i % 50_021}.example.com" for i in range(1_000_000)])
        facts = self.look(profile, name="h123456.")
        facts["page_bytes"] = (self.folder / "page.html").stat().st_size
        print(facts, file=sys.stderr)
        for size in ("desktop", "phone"):
            self.assertLess(facts[f"search_{size}"]["longest_pause"], 500)


if __name__ == "__main__":
    for needed in (CHROMIUM, HERE / "node_modules/playwright-core", HERE / "node_modules/axe-core"):
        if not pathlib.Path(needed).exists():
            print(f"skipped: {needed} is not installed; ./dev page installs it")
            sys.exit(77)
    if shutil.which("node") is None:
        print("skipped: node is not installed; ./dev page installs it")
        sys.exit(77)
    unittest.main()
