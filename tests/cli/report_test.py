"""report: one page, whole in itself, that says what decide() says. tests/report looks at it in a browser."""
import base64
import copy
import fcntl
import hashlib
import html.parser
import json
import os
import plistlib
import pty
import re
import struct
import subprocess
import termios
import unittest
import uuid
import zlib

from program import PROGRAM, SOURCE, Case, run

PROFILES = SOURCE / "profiles"
VOID = {"meta", "input", "br", "img", "link", "path", "rect"}
HOSTILE = "</script><script>window.attacked=1</script><img src=x onerror=\"window.attacked=1\">\u202e\u2066"


class Page(html.parser.HTMLParser):
    """What a page is made of, with what is wrong about it."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.ids, self.links, self.headings, self.problems, self.open = [], [], [], [], []
        self.counts, self.texts, self.scripts, self.policy = {}, [], [], ""
        self.feed(text)
        self.close()
        if self.open:
            self.problems.append(f"never closed: {self.open}")

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.counts[tag] = self.counts.get(tag, 0) + 1
        for name, value in attributes:
            if name.startswith("on") or name in ("style", "src", "srcset", "action", "formaction"):
                self.problems.append(f"<{tag} {name}={value!r}>")
            if name in ("href", "xlink:href") and not value.startswith("#"):
                self.problems.append(f"<{tag}> leads out of the page: {value!r}")
        if "id" in given:
            self.ids.append(given["id"])
        if given.get("href", "").startswith("#"):
            self.links.append(given["href"][1:])
        if tag == "th" and "scope" not in given:
            self.problems.append("a table header without scope")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag == "script":
            self.scripts.append({"type": given.get("type", ""), "id": given.get("id", ""), "text": ""})
        if tag in ("iframe", "object", "embed", "base", "link", "form", "img"):
            self.problems.append(f"<{tag}> has no place here")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-1:]}")
        elif self.open:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1]["text"] += data
        elif not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)


def hash_of(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def per_app_profile(count, rules):
    """So many per-app VPNs; `rules(i)` are the on-demand rules of one."""
    with open(PROFILES / "per-app-on-demand-disconnect.mobileconfig", "rb") as file:
        profile = plistlib.load(file)
    identity, vpn, mapping = profile["PayloadContent"]
    profile["PayloadContent"] = [identity]
    for i in range(count):
        one, apps = copy.deepcopy(vpn), copy.deepcopy(mapping)
        for payload in (one, apps):
            payload["PayloadUUID"] = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{payload['PayloadType']}.{i}"))
            payload["PayloadIdentifier"] += f".{i}"
        one["UserDefinedName"] = f"Network {i}"
        one["VPNUUID"] = apps["AppLayerVPNMapping"][0]["VPNUUID"] = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"vpn.{i}"))
        one["VPN"]["OnDemandRules"] = rules(i)
        apps["AppLayerVPNMapping"][0]["Identifier"] = f"com.example.app{i}"
        profile["PayloadContent"] += [one, apps]
    return plistlib.dumps(profile)


class Report(Case):
    def page(self, *arguments, **more):
        code, output, errors = run("report", *arguments, "-o", self.folder / "page.html", folder=self.folder, **more)
        self.assertEqual((code, output), (0, ""), errors)
        return self.read("page.html")

    def check(self, text):
        """The structure that holds for every page."""
        page = Page(text)
        self.assertEqual(page.problems, [])
        self.assertEqual(len(page.ids), len(set(page.ids)), "an id is there twice")
        self.assertEqual([link for link in page.links if link not in page.ids], [])
        for tag in ("main", "h1", "header", "footer", "nav"):
            self.assertEqual(page.counts.get(tag), 1, tag)
        self.assertEqual(page.counts["svg"] - text.count("aria-hidden=\"true\">"), text.count("role=\"img\""))
        for before, after in zip(page.headings, page.headings[1:]):
            self.assertLessEqual(after, before + 1, "a level of headings is left out")
        script = [s for s in page.scripts if s["type"] == ""]
        self.assertEqual(len(script), 1)
        style = re.search("<style>(.*?)</style>", text, re.S).group(1)
        self.assertIn("script-src " + hash_of(script[0]["text"]), page.policy)
        self.assertIn("style-src " + hash_of(style), page.policy)
        self.assertTrue(page.policy.startswith("default-src 'none';"))
        self.assertNotIn("http:", script[0]["text"] + style)
        self.assertNotIn("https:", script[0]["text"] + style)
        self.assertNotIn("innerHTML", script[0]["text"])
        return page

    def test_every_example(self):
        for profile in sorted(PROFILES.glob("*.mobileconfig")) + sorted(p for p in PROFILES.iterdir() if p.is_dir()):
            with self.subTest(profile=profile.name):
                page = self.check(self.page(profile))
                for title in ("What this policy promises", "Exceptions", "Routes and local networks", "How to read this page"):
                    self.assertIn(title, page.text)
                found = "certificate-not-yet-valid" if profile.name == "personal-ikev2.mobileconfig" else "lint finds nothing"
                self.assertTrue(found in page.text, "findings")

    def test_cells_are_what_explain_says(self):
        profile = PROFILES / "always-on-service-exceptions.mobileconfig"
        text = self.page(profile)
        state = self.write("state.json", json.dumps({"primary_interface": "wlan0", "interfaces": [
            {"name": "wlan0", "type": "wifi", "addresses": ["192.168.1.20/24"]}]}))
        flow = json.dumps({"protocol": "tcp", "remote": "203.0.113.80", "remote_port": 443})
        _, output, _ = run("explain", profile, "--state", state, "--flow", flow, "--format", "json")
        verdict = json.loads(output)
        self.assertEqual((verdict["verdict"], verdict["rule"]), ("drop", "S3.e"))
        rows = re.findall(r'<tr class="row"[^>]*>.*?</tr>', text, re.S)
        row = next(r for r in rows if "<code>tcp 203.0.113.80:443</code>" in r)
        cell = re.search(r'<td [^>]*data-verdict="(\w+)"><span class="on">Not connected.*?<span class="rule">([^<]*)<', row)
        self.assertEqual(cell.groups(), ("drop", "S3.e"))
        self.assertIn(f"{profile}:{verdict['source']['line']}:", text)

    def test_a_compiled_policy(self):
        run("compile", PROFILES / "include-all-networks.mobileconfig", "-o", "p.vpnpolicy", "--serial", "1234567", folder=self.folder)
        page = self.check(self.page("p.vpnpolicy"))
        self.assertIn("Not known: this page was made from a compiled policy", page.text)
        self.assertIn("1,234,567", page.text)
        self.assertIn("default, not in the profile", page.text)

    def test_same_input_same_bytes(self):
        profile = PROFILES / "per-app-packet-tunnel.mobileconfig"
        self.assertEqual(self.page(profile, env={"SOURCE_DATE_EPOCH": "1"}), self.page(profile, env={"SOURCE_DATE_EPOCH": "1"}))
        code, output, _ = run("report", profile, "-o", "-")
        self.assertEqual((code, output), (0, self.page(profile)))

    def test_same_bytes_in_every_terminal(self):
        profile = PROFILES / "declaration-always-on"
        pages = []
        for columns in (40, 200):
            ours, theirs = pty.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            subprocess.run([PROGRAM, "report", profile, "-o", self.folder / "page.html"], stdout=theirs, check=True, timeout=60)
            os.close(ours)
            os.close(theirs)
            pages.append(self.read("page.html"))
        self.assertEqual(*pages)

    def test_more_networks_than_can_be_gone_through(self):
        profile = self.write("many.mobileconfig", per_app_profile(13, lambda i: [
            {"Action": "Disconnect", "URLStringProbe": f"https://here{i}.example.com/"}]))
        page = self.check(self.page(profile))
        self.assertIn("Nothing is shown: the on-demand rules tell more networks apart", page.text)
        self.assertNotIn("Shown for every flow in every state", page.text)
        code, _, errors = run("report", profile, "-o", "p.html", "--against", profile, folder=self.folder)
        self.assertEqual(code, 1, errors)
        self.assertIn("help: leave out --against", errors)
        self.assertFalse((self.folder / "p.html").exists())

    def test_proofs_of_many_vpns(self):
        def office(i):
            return [{"Action": "Disconnect", "SSIDMatch": [f"Office {i}"]}, {"Action": "Connect"}]
        page = self.page(self.write("many.mobileconfig", per_app_profile(40, office)))
        self.assertIn("16 further VPNs have no section", page)
        self.assertNotIn("Nothing is shown", page)
        self.assertIn("Shown for every flow in every state", page)
        page = self.page(self.write("many.mobileconfig", per_app_profile(130, office)))
        self.assertIn("take long to go through; ask `vpnprofile prove`.", page)

    def test_hostile_names(self):
        text = (PROFILES / "per-app-excluded-domains.mobileconfig").read_text(encoding="utf-8")
        escaped = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        changed = re.sub(r"(<key>(?:UserDefinedName|PayloadDisplayName|Identifier|VPNSubType)</key>\s*<string>)[^<]*", lambda m: m.group(1) + escaped, text)
        self.assertGreater(changed.count(escaped), 3)
        self.write("evil<img src=x>.mobileconfig", changed)
        state = self.write("<b>\u202e.json", "{}")
        page = self.check(self.page("evil<img src=x>.mobileconfig", "--state", state, "--title", HOSTILE))
        self.assertIn("<script>window.attacked=1</script>", page.text)  # as text
        self.assertNotIn("\u202e", self.read("page.html"))
        self.assertIn("<U+202E>", page.text)

    def test_names_are_all_there(self):
        text = (PROFILES / "per-app-excluded-domains.mobileconfig").read_text(encoding="utf-8")
        names = [f"host-{i}.example-{i % 7}.com" for i in range(3000)] + ["*.below.example.net"]
        many = "".join(f"<string>{name}</string>" for name in names)
        changed = re.sub(r"(<key>ExcludedDomains</key>\s*<array>)", lambda m: m.group(1) + many, text)
        self.assertNotEqual(changed, text)
        self.write("many.mobileconfig", changed)
        page = self.check(self.page("many.mobileconfig"))
        packed = next(s["text"] for s in page.scripts if s["id"] == "domains-data")
        unpacked = zlib.decompress(base64.b64decode(packed)).decode().splitlines()
        self.assertLessEqual(set(names), set(unpacked))

    def test_exceptions_have_reasons(self):
        page = self.check(self.page(PROFILES / "always-on-application-exceptions.mobileconfig"))
        self.assertIn("The profile says: \u201cMust work whatever happens.\u201d", page.text)
        self.assertIn("Limited to the protocol that the profile names.", page.text)
        page = self.check(self.page(PROFILES / "exclude-apns.mobileconfig"))
        self.assertNotIn("vpnprofile-ignore", page.text)

    def test_what_is_proven(self):
        def proofs(text):
            return dict(re.findall(r'<article class="proof"><h3>([^<]*) <span class="verdict v-\w+">([^<]*)<', text))
        always_on = proofs(self.page(PROFILES / "always-on.mobileconfig"))
        self.assertEqual((always_on["no-leak"], always_on["no-shadow"]), ("Holds", "Holds"))
        text = self.page(PROFILES / "include-all-networks.mobileconfig", "-p", "never com.example.mail direct when connected")
        self.check(text)
        self.assertEqual(proofs(text)["no-leak"], "Does not hold")
        self.assertEqual(len(proofs(text)), len(always_on) + 1)
        self.assertIn("The simplest flow that breaks it", text)
        # What `prove` says is what the page says.
        _, output, _ = run("prove", PROFILES / "include-all-networks.mobileconfig", "--format", "json")
        counter = json.loads(output)[0]["counterexample"]
        page = Page(text)
        self.assertIn(json.dumps(counter["flow"], separators=(",", ":")), re.sub(r"\s", "", page.text))

    def test_what_changes(self):
        old = PROFILES / "include-all-networks.mobileconfig"
        new = self.write("new.mobileconfig", old.read_text(encoding="utf-8").replace(
            "<key>IncludeAllNetworks</key>", "<key>ExcludeLocalNetworks</key><integer>1</integer><key>IncludeAllNetworks</key>"))
        run("compile", old, "-o", "old.vpnpolicy", folder=self.folder)
        for before in (old, "old.vpnpolicy"):
            text = self.page(new, "--against", before, "--platform", "linux")
            page = self.check(text)
            self.assertIn("newly leaves outside every tunnel", page.text)
            self.assertIn("ExcludeLocalNetworks", text[text.index('id="changes"'):])
        _, output, _ = run("diff", "old.vpnpolicy", new, "--format", "json", folder=self.folder)
        self.assertEqual(text.count('<span class="becomes">'), len(json.loads(output)["changes"]))
        self.assertIn("No traffic changes its verdict", self.page(old, "--against", old))

    def test_states_of_ones_own(self):
        office = self.write("office.json", json.dumps({"captive": True}))
        several = self.write("several.json", json.dumps({"at home": {}, "on the road": {"probing": True, "tunnels": {"x": {
            "status": "connected", "included_routes": ["10.0.0.0/8"]}}}}))
        page = self.check(self.page(PROFILES / "include-all-networks.mobileconfig", "-s", office, "--states", several))
        self.assertIn("Your states", page.text)
        self.assertIn("Included routes of x in", page.text)
        for name in ("Office", "At home", "On the road"):
            self.assertIn(name.lower(), page.text.lower())

    def test_wrong_usage(self):
        profile = PROFILES / "always-on.mobileconfig"
        copy = self.write("a.mobileconfig", profile.read_bytes())
        for arguments, code, said in (([profile], 2, "say where the page goes"),
                                      ([copy, "-o", copy], 2, "cannot be written"),
                                      ([profile, "-o", "p.html", "--states", profile], 1, "no JSON object of states"),
                                      (["missing.vpnpolicy", "-o", "p.html"], 3, "missing.vpnpolicy"),
                                      ([profile, "-o", "p.html", "--against", "missing.vpnpolicy"], 3, "missing.vpnpolicy"),
                                      ([profile, "-o", copy, "--against", copy], 2, "cannot be written"),
                                      ([profile, "-o", "none/p.html"], 3, "none")):
            with self.subTest(arguments=arguments):
                got, _, errors = run("report", *arguments, folder=self.folder)
                self.assertEqual(got, code, errors)
                self.assertIn(said, errors)
        self.assertFalse((self.folder / "p.html").exists())
        self.assertEqual(copy.read_bytes(), profile.read_bytes())


if __name__ == "__main__":
    unittest.main()
