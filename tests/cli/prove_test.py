"""vpnprofile prove and diff: the examples, deliberate leaks, counter-examples that explain confirms, exit codes."""
import json
import unittest

from program import SOURCE, Case, run

PROFILES = SOURCE / "profiles"
EXAMPLES = sorted(p for p in PROFILES.iterdir() if p.suffix == ".mobileconfig" or p.is_dir())
ALWAYS_ON = [p for p in EXAMPLES if "always-on" in p.name]


def line_of(text, key):
    return 1 + next(i for i, line in enumerate(text.split("\n")) if f"<key>{key}</key>" in line)


class Prove(Case):
    def prove(self, *arguments):
        code, text, errors = run("prove", *arguments, "--format", "json", folder=self.folder)
        self.assertIn(code, (0, 1), errors)
        return code, json.loads(text)

    def test_no_leak_holds_for_every_always_on_example_and_for_no_other(self):
        self.assertGreater(len(ALWAYS_ON), 5)
        for path in EXAMPLES:
            code, proofs = self.prove(path, "--property", "no-leak")
            self.assertEqual(code, 0 if path in ALWAYS_ON else 1, path)
            self.assertEqual(proofs[0]["holds"], path in ALWAYS_ON, path)

    def test_what_is_governed_never_leaks_in_any_example(self):
        for path in EXAMPLES:
            code, proofs = self.prove(path, "--property", "no-leak-governed,excluded-only,captive-bounded")
            self.assertEqual(code, 0, path)
            self.assertEqual([p["name"] for p in proofs], ["no-leak-governed", "excluded-only", "captive-bounded"])

    def test_explain_confirms_every_counter_example(self):
        for path in EXAMPLES:
            _, proofs = self.prove(path, "--property", "no-leak")
            found = proofs[0]["counterexample"]
            if found is None:
                continue
            self.write("state.json", json.dumps(found["state"]))
            code, text, errors = run("explain", path, "--state", "state.json", "--flow", json.dumps(found["flow"]),
                                     "--format", "json", folder=self.folder)
            self.assertEqual(code, 0, errors)
            self.assertEqual(json.loads(text), found["verdict"], path)
            self.assertTrue(found["blame"], path)

    def test_a_deliberate_leak_is_found_with_its_line(self):
        text = (PROFILES / "include-all-networks.mobileconfig").read_text("utf-8")
        # A rule in front: on the guests' network the VPN goes down.
        rule = ("<key>OnDemandRules</key>\n<array>\n<dict>\n<key>Action</key>\n<string>Disconnect</string>\n"
                "<key>SSIDMatch</key>\n<array>\n<string>Guests</string>\n</array>\n</dict>\n")
        leaking = text.replace("<key>OnDemandRules</key>\n        <array>\n", rule, 1)
        self.assertNotEqual(text, leaking)
        self.write("leak.mobileconfig", leaking)
        code, proofs = self.prove("leak.mobileconfig", "--property", "never other direct when on ssid Guests and disconnected")
        self.assertEqual(code, 1)
        found = proofs[0]["counterexample"]
        self.assertEqual(found["state"]["interfaces"][0]["ssid"], "Guests")
        source = found["blame"][0]["source"]
        self.assertEqual((source["file"], source["line"]), ("leak.mobileconfig", line_of(leaking, "OnDemandRules") + 2))

    def test_properties_of_a_file(self):
        self.write("p.yaml", "properties:\n"
                   "  - no-leak\n"
                   "  - {name: inside, flows: {app: com.example.mail, port: [443]}, verdicts: [tunnel, drop]}\n"
                   "  - {name: wrong, flows: {address: 10.0.0.0/8}, states: {connected: all, network: wifi}, verdicts: drop}\n")
        code, proofs = self.prove(PROFILES / "always-on.mobileconfig", "--property", "p.yaml")
        self.assertEqual((code, [p["holds"] for p in proofs]), (1, [True, True, False]))
        self.assertTrue(proofs[2]["where"].startswith("p.yaml:4:"))
        self.assertEqual(proofs[2]["counterexample"]["flow"]["remote"].split(".")[0], "10")

    def test_mistakes_are_told_with_their_place(self):
        for text, place, words in (("- {name: x, verdict: [drop]}", "p.yaml:1:13", "unknown key 'verdict'"),
                                   ("- {name: x, verdicts: [dropp]}", "p.yaml:1:24", "verdicts are"),
                                   ("- {name: x, flows: {host: 'a..b'}, verdicts: drop}", "p.yaml:1:27", "no host name"),
                                   ("- no-leek", "p.yaml:1:3", "no property"),
                                   ("[]", "p.yaml:1:1", "no property")):
            self.write("p.yaml", text)
            code, out, errors = run("prove", PROFILES / "always-on.mobileconfig", "--property", "p.yaml", folder=self.folder)
            self.assertEqual((code, out), (1, ""), text)
            self.assertIn(place, errors)
            self.assertIn(words, errors)
        code, _, errors = run("prove", PROFILES / "always-on.mobileconfig", "--property", "no-leek", folder=self.folder)
        self.assertEqual(code, 2)
        self.assertIn("did you mean 'no-leak'?", errors)
        code, _, _ = run("prove", PROFILES / "always-on.mobileconfig", "--property", "none.yaml", folder=self.folder)
        self.assertEqual(code, 3)

    def test_a_state_with_mistakes_is_warned_of(self):
        """Else what holds of another state than the one that was meant would be taken for shown."""
        self.write("typo.json", '{"primary_interfce": "wlan0", "tunnels": {"nobody": {"status": "connected"}}}')
        profile = PROFILES / "always-on.mobileconfig"
        self.write("states.json", '{"office": {"primary_interfce": "wlan0"}}')
        for arguments in (["prove", profile], ["diff", profile, profile], ["report", profile, "-o", "p.html"]):
            code, _, errors = run(*arguments, "--state", "typo.json", folder=self.folder)
            self.assertEqual(code, 0, errors)
            self.assertIn("warning: typo.json: 'primary_interfce' is not a known key and is not read; did you mean 'primary_interface'?", errors)
            self.assertIn("the tunnel 'nobody', which the policy does not have", errors.lower())
            code, _, errors = run(*arguments, "--state", "missing.json", folder=self.folder)
            self.assertEqual(code, 3, errors)
        _, _, errors = run("report", profile, "-o", "p.html", "--states", "states.json", folder=self.folder)
        self.assertIn("states.json: state 'office': 'primary_interfce' is not a known key", errors)

    def test_a_tunnel_that_is_not_there(self):
        code, _, errors = run("prove", PROFILES / "always-on.mobileconfig", "--property",
                              "never any direct when Nowhere connected", folder=self.folder)
        self.assertEqual(code, 1)
        self.assertIn("Nowhere", errors)


class Diff(Case):
    def diff(self, *arguments, form="json"):
        code, text, errors = run("diff", *arguments, "--format", form, folder=self.folder)
        self.assertIn(code, (0, 1), errors)
        return code, json.loads(text) if form == "json" else text

    def test_the_same_profile_changes_nothing(self):
        for path in EXAMPLES:
            code, found = self.diff(path, path)
            self.assertEqual((code, found["changes"]), (0, []), path)

    def test_new_identifiers_change_nothing(self):
        text = (PROFILES / "include-all-networks.mobileconfig").read_text("utf-8")
        identifier = "82317DBB-554A-54BD-A452-914B5280942F"
        self.assertIn(identifier, text)
        self.write("new.mobileconfig", text.replace(identifier, "11111111-2222-3333-4444-555555555555"))
        code, found = self.diff(PROFILES / "include-all-networks.mobileconfig", "new.mobileconfig")
        self.assertEqual((code, found["changes"]), (0, []))
        self.assertEqual(len(found["renamed"]), 1)

    def test_examples_are_confirmed_by_explain(self):
        old, new = PROFILES / "always-on.mobileconfig", PROFILES / "always-on-application-exceptions.mobileconfig"
        code, found = self.diff(old, new)
        self.assertEqual(code, 1)
        self.assertTrue(found["leaves"])
        self.assertEqual(found["changes"][0]["risk"], "leaves")
        for change in found["changes"]:
            for path, state, side in ((old, "state", "old"), (new, "new_state", "new")):
                self.write("s.json", json.dumps(change["example"][state]))
                _, text, _ = run("explain", path, "--state", "s.json", "--flow", json.dumps(change["example"]["flow"]),
                                 "--format", "json", folder=self.folder)
                self.assertEqual(json.loads(text)["verdict"], change["example"][side]["verdict"])
        risks = [c["risk"] for c in found["changes"]]
        self.assertEqual(risks, sorted(risks, key=["leaves", "reroutes", "blocks", "opens", "enters", "other", "agent"].index))

    def test_fail_on_risk(self):
        new, old = PROFILES / "always-on.mobileconfig", PROFILES / "always-on-application-exceptions.mobileconfig"
        self.write("allow.yaml", "allow: []\n")
        code, found = self.diff(old, new, "--fail-on", "risk")
        self.assertEqual((code, found["leaves"]), (0, False))
        self.assertTrue(found["changes"])
        code, _ = self.diff(new, old, "--fail-on", "risk")
        self.assertEqual(code, 1)

    def test_what_is_expected_is_left_out(self):
        old, new = PROFILES / "include-all-networks.mobileconfig", PROFILES / "exclude-local-networks.mobileconfig"
        _, before = self.diff(old, new)
        self.write("allow.yaml", "allow:\n  - {why: they are meant to, to: [direct, system, tunnel, drop, proxy], flows: {rule: S5}}\n"
                   "  - {flows: {rule: [S7, S8]}}\n")
        _, after = self.diff(old, new, "--allow", "allow.yaml")
        self.assertLess(len(after["changes"]), len(before["changes"]))
        self.assertGreater(after["expected"], 0)
        self.write("allow.yaml", "allow:\n  - {why: nothing else}\n")
        code, _, errors = run("diff", old, new, "--allow", "allow.yaml", folder=self.folder)
        self.assertEqual(code, 1)
        self.assertIn("allow.yaml:2:5", errors)

    def test_text_and_markdown(self):
        old, new = PROFILES / "always-on.mobileconfig", PROFILES / "always-on-application-exceptions.mobileconfig"
        _, text = self.diff(old, new, form="text")
        self.assertIn("newly leaves outside every tunnel", text)
        _, text = self.diff(old, new, form="markdown")
        rows = [line for line in text.split("\n") if line.startswith("|")]
        self.assertGreater(len(rows), 2)
        self.assertEqual(len({row.count(" | ") for row in rows[2:]}), 1)

    def test_a_profile_with_errors_is_refused(self):
        self.write("bad.mobileconfig", "<plist>")
        code, _, errors = run("diff", "bad.mobileconfig", PROFILES / "always-on.mobileconfig", folder=self.folder)
        self.assertEqual(code, 1)
        self.assertTrue(errors)
        code, _, _ = run("diff", "none.vpnpolicy", PROFILES / "always-on.mobileconfig", folder=self.folder)
        self.assertEqual(code, 3)
        code, _, _ = run("diff", PROFILES / "always-on.mobileconfig", folder=self.folder)
        self.assertEqual(code, 2)


if __name__ == "__main__":
    unittest.main()
