"""vpnprofile ci: devices, stages, the base in git, every format, exit codes."""
import json
import os
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as xml

from program import SOURCE, Case, run

PROFILE = (SOURCE / "profiles/always-on.mobileconfig").read_text(encoding="utf-8")
SCENARIO = """profiles: [always-on.mobileconfig]
states:
  down: {primary_interface: wlan0, interfaces: [{name: wlan0, type: wifi, addresses: [192.168.1.20/24]}]}
cases:
  - {name: nothing leaves, state: down, flow: {app: com.example.mail, protocol: tcp, remote: 203.0.113.80, remote_port: 443}, expect: drop, rule: S3.e}
  - {state: down, flow: {app: other, protocol: udp, remote: 198.51.100.1, remote_port: 53}, expect: drop}
"""
FAULTY = (SOURCE / "docs/demo/faulty.mobileconfig").read_text(encoding="utf-8")


class CiCase(Case):
    def setUp(self):
        super().setUp()
        self.write("always-on.mobileconfig", PROFILE)
        self.write("always-on.test.yaml", SCENARIO)

    def git(self, *arguments):
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
                       "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}
        subprocess.run(["git", *arguments], cwd=self.folder, env=environment, check=True, capture_output=True)

    def commit(self):
        if not (self.folder / ".git").exists():
            self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")

    def ci(self, *arguments, **more):
        more.setdefault("env", {"GITHUB_STEP_SUMMARY": ""})
        return run("ci", *arguments, folder=self.folder, **more)

    def stages(self, *arguments):
        code, text, errors = self.ci(*arguments, "--format", "json")
        self.assertEqual(errors, "")
        report = json.loads(text)
        self.assertEqual(code, 0 if report["passed"] else 1)
        return [{name: device[name]["outcome"] for name in ("lint", "compile", "test", "prove", "diff") if name in device}
                for device in report["devices"]], report


class Ci(CiCase):
    def test_a_file_with_its_scenario(self):
        code, text, errors = self.ci("always-on.mobileconfig")
        self.assertEqual((code, errors), (0, ""), text)
        self.assertRegex(text, r"(?m)^always-on.mobileconfig\n  ok    lint     no findings in 1 file$")
        self.assertRegex(text, r"(?m)^  ok    test     2 cases$")
        self.assertTrue(text.endswith("1 device passed\n"), text)

    def test_the_current_folder_unless_said(self):
        (device,), report = self.stages()
        self.assertEqual((device["compile"], device["test"]), ("passed", "passed"))
        self.assertEqual(report["devices"][0]["files"], ["always-on.mobileconfig"])

    def test_errors_of_lint(self):
        self.write("faulty.mobileconfig", FAULTY)
        devices, report = self.stages("faulty.mobileconfig", "always-on.mobileconfig")
        self.assertEqual((devices[0]["lint"], devices[0]["compile"], devices[0]["prove"]), ("failed", "failed", "skipped"))
        self.assertEqual(devices[1]["compile"], "passed")
        self.assertIn("VP1301", [f["code"] for f in report["devices"][0]["lint"]["findings"]])
        self.assertEqual(report["summary"], "1 of 2 devices failed")

    def test_warnings_as_errors(self):
        warned = PROFILE.replace("<key>PayloadOrganization</key>", "<key>PayloadOrganisation</key>", 1)
        self.write("always-on.mobileconfig", warned)
        self.assertEqual(self.ci("always-on.mobileconfig")[0], 0)
        self.assertEqual(self.ci("-W", "always-on.mobileconfig")[0], 1)

    def test_a_scenario_that_fails(self):
        self.write("always-on.test.yaml", SCENARIO.replace("expect: drop", "expect: direct", 1))
        code, text, _ = self.ci("always-on.mobileconfig")
        self.assertEqual(code, 1)
        self.assertIn("1 of 2 cases failed", text)
        self.assertIn("expected  direct", text)
        code, text, _ = self.ci("always-on.mobileconfig", "--format", "github")
        self.assertRegex(text, r"::error file=always-on.test.yaml,line=\d+,endLine=\d+,col=\d+,endColumn=\d+,title=vpnprofile test%3A nothing leaves::expected direct")

    def test_scenarios_alone(self):
        devices, report = self.stages("always-on.test.yaml")
        self.assertEqual(devices, [{"test": "passed"}])
        self.assertEqual(len(self.stages("always-on.mobileconfig", "./always-on.test.yaml")[0]), 1, "it is run once")

    def test_configured_devices(self):
        self.write("one/a.mobileconfig", PROFILE)
        self.write("two/b.mobileconfig", FAULTY)
        self.write(".vpnprofile.yaml", "ci:\n  prove: none\n  devices:\n    - {name: phones, paths: [one], platform: ios, tests: [always-on.test.yaml]}\n"
                                       "    - {paths: [two/b.mobileconfig]}\n")
        devices, report = self.stages()
        self.assertEqual([d["name"] for d in report["devices"]], ["phones", "two/b.mobileconfig"])
        self.assertEqual((devices[0]["compile"], devices[0]["test"], devices[0]["prove"], devices[1]["lint"]),
                         ("passed", "passed", "skipped", "failed"))
        (self.folder / "below").mkdir()
        code, text, _ = run("ci", folder=self.folder / "below")
        self.assertEqual(code, 1)
        self.assertIn("phones", text, "the configuration is found from below, too")

    def test_mistakes_in_the_configuration(self):
        for text, what in (("ci: {device: []}", "did you mean 'devices'?"), ("ci: {devices: [{name: x}]}", "needs 'paths'"),
                           ("ci: {fail-on: often}", "'fail-on' is risk, any or never"), ("ci: 5", "'ci' must be a mapping"),
                           ("ci: {devices: [{paths: [a], platform: beos}]}", "'beos' is no platform")):
            self.write(".vpnprofile.yaml", text + "\n")
            code, out, errors = self.ci()
            self.assertEqual((code, out), (2, ""), text)
            self.assertIn(what, errors)
            self.assertIn(".vpnprofile.yaml:1:", errors)

    def test_an_app_map_beside(self):
        shutil.copy(SOURCE / "profiles/per-app-proxy.mobileconfig", self.folder / "p.mobileconfig")
        self.write("p.app-map.yaml", "com.example.x: {colour: red}\n")
        code, text, errors = self.ci("p.mobileconfig")
        self.assertEqual((code, errors), (1, ""))
        self.assertRegex(text, r"(?m)^  FAIL  compile  p.app-map.yaml: com.example.x.colour: this key")

    def test_a_property_that_does_not_hold(self):
        shutil.copy(SOURCE / "profiles/include-all-networks.mobileconfig", self.folder)
        devices, report = self.stages("include-all-networks.mobileconfig", "--prove", "no-leak-governed,no-leak")
        self.assertEqual(devices[0]["prove"], "failed")
        self.assertEqual([i["outcome"] for i in report["devices"][0]["prove"]["items"]], ["passed", "failed"])
        self.assertEqual(report["devices"][0]["prove"]["summary"], "broken: no-leak")
        self.assertEqual([d["holds"] for d in report["devices"][0]["prove"]["details"]], [True, False])
        code, text, _ = self.ci("include-all-networks.mobileconfig", "--prove", "no-leak", "--format", "github")
        self.assertEqual(code, 1)
        self.assertRegex(text, r"(?m)^::error file=include-all-networks.mobileconfig.*,title=vpnprofile prove%3A no-leak::.*: system \(S8\)$")

    def test_properties_of_a_file(self):
        self.write("own.yaml", "properties: 5\n")
        code, _, errors = self.ci("always-on.mobileconfig", "--prove", "own.yaml")
        self.assertEqual(code, 1)
        self.assertIn("own.yaml:1:", errors)

    def test_what_cannot_be_read_keeps_nothing_else_from_being_shown(self):
        """Every stage, of every device, and every problem; once."""
        self.write("bad/faulty.mobileconfig", FAULTY)
        self.write("named.app-map.yaml", "com.example.x: {colour: red}\n")
        self.write("named.mobileconfig", PROFILE)
        paths = ["missing.mobileconfig", "named.mobileconfig", "always-on.mobileconfig"]
        code, text, errors = self.ci(*paths, "--prove", "no-leak,own.yaml", "--report", "json=r.json", "--report", "github=r.txt")
        self.assertEqual(code, 3, errors)
        self.assertEqual(errors.count("missing.mobileconfig"), 1, errors)
        self.assertEqual(errors.count("own.yaml"), 1, errors)
        devices = json.loads(self.read("r.json"))["devices"]
        self.assertEqual([{stage: device[stage]["outcome"] for stage in ("lint", "compile", "test", "prove", "diff")} for device in devices],
                         [{"lint": "failed", "compile": "failed", "test": "skipped", "prove": "failed", "diff": "skipped"},
                          {"lint": "passed", "compile": "failed", "test": "skipped", "prove": "failed", "diff": "skipped"},
                          {"lint": "passed", "compile": "passed", "test": "passed", "prove": "failed", "diff": "skipped"}])
        self.assertIn("3 of 3 devices failed", text)
        self.assertRegex(self.read("r.txt"), r"(?m)^::error file=missing.mobileconfig,title=vpnprofile compile%3A [^:]*::there is no such file$")
        self.assertEqual(devices[1]["compile"]["items"][0]["message"], devices[1]["compile"]["summary"])
        self.assertNotIn("error: missing.mobileconfig", text, "it is told once")

    def test_what_can_be_read_of_a_device_is_linted(self):
        self.write(".vpnprofile.yaml", "ci: {devices: [{name: d, paths: [gone.mobileconfig, faulty.mobileconfig, also-gone.mobileconfig], tests: [lost.test.yaml]}]}\n")
        self.write("faulty.mobileconfig", FAULTY)
        code, text, errors = self.ci("--format", "json")
        self.assertEqual(code, 3)
        for name in ("gone.mobileconfig", "also-gone.mobileconfig", "lost.test.yaml"):
            self.assertEqual(errors.count(f"{name}: "), 2 if name == "gone.mobileconfig" else 1, errors)
        (device,) = json.loads(text)["devices"]
        self.assertIn("VP1301", [f["code"] for f in device["lint"]["findings"]])
        self.assertIn("not all files can be read", device["lint"]["summary"])
        self.assertEqual([i["file"] for i in device["compile"]["items"]], ["gone.mobileconfig", "also-gone.mobileconfig"])
        self.assertEqual(device["test"]["items"][0]["file"], "lost.test.yaml")

    def test_an_unknown_revision_fails_the_comparison_alone(self):
        self.commit()
        code, text, errors = self.ci("always-on.mobileconfig", "--base", "nope")
        self.assertEqual((code, errors.count("error:")), (2, 1), errors)
        self.assertRegex(text, r"(?m)^  ok    test     2 cases$")
        self.assertRegex(text, r"(?m)^  FAIL  diff     .*does not know the revision")

    def test_a_report_that_cannot_be_written_keeps_nothing_else_from_being_shown(self):
        code, text, errors = self.ci("always-on.mobileconfig", "--report", "junit=none/r.xml", "--report", "json=/dev/full", "--report", "text=r.txt")
        self.assertEqual((code, errors.count("error:")), (3, 2), errors)
        self.assertIn("1 device passed", text)
        self.assertEqual(self.read("r.txt"), text)

    def test_usage(self):
        for arguments, exit_code, what in ((["nothing-there"], 3, "there is no such file"), (["--report", "pdf=x"], 2, "formats: text, json"),
                                           (["--report", "json=always-on.mobileconfig", "always-on.mobileconfig"], 2, "always-on.mobileconfig"),
                                           (["--report", "json=-", "always-on.mobileconfig"], 2, "--report wants a file"),
                                           (["--prove", "no-leek", "always-on.mobileconfig"], 2, "no-leek"),
                                           (["--fail-on", "x"], 2, "any,risk,never")):
            code, _, errors = self.ci(*arguments)
            self.assertEqual(code, exit_code, errors)
            self.assertIn(what, errors)
        self.assertEqual((self.folder / "always-on.mobileconfig").read_text(encoding="utf-8"), PROFILE)


class Formats(CiCase):
    """Every form of one run with every kind of failure."""

    def setUp(self):
        super().setUp()
        self.write("a|b`<i>.mobileconfig", FAULTY)
        self.write("always-on.test.yaml", SCENARIO.replace("expect: drop", "expect: direct", 1))
        self.paths = ["a|b`<i>.mobileconfig", "always-on.mobileconfig"]

    def test_junit(self):
        code, text, _ = self.ci(*self.paths, "--format", "junit")
        self.assertEqual(code, 1)
        suites = xml.fromstring(text)
        self.assertEqual([s.get("name") for s in suites], self.paths)
        self.assertEqual([s.get("failures") for s in suites], ["2", "1"])
        self.assertEqual(len(suites[1].findall("testcase[failure]")), 1)
        self.assertIn("VP1301", suites[0].find("testcase[@name='lint']/failure").text)
        self.assertEqual(suites[0].find("testcase[@name='diff']/skipped").get("message"), "no --base to compare with")

    def test_gitlab(self):
        report = json.loads(self.ci(*self.paths, "--format", "gitlab")[1])
        self.assertEqual({e["location"]["path"] for e in report}, {"a|b`<i>.mobileconfig", "always-on.test.yaml"})
        self.assertEqual(len({e["fingerprint"] for e in report}), len(report))
        self.assertTrue(all(e["severity"] in ("major", "minor", "info") and e["location"]["lines"]["begin"] >= 1 for e in report))

    def test_markdown_and_the_step_summary(self):
        self.write("summary.md", "# before\n")
        code, text, _ = self.ci(*self.paths, "--format", "github", env={"GITHUB_STEP_SUMMARY": str(self.folder / "summary.md")})
        self.assertEqual(code, 1)
        summary = self.read("summary.md")
        self.assertTrue(summary.startswith("# before\n## ❌ vpnprofile: 2 of 2 devices failed\n"), summary)
        self.assertIn(r"| a\|b\`&lt;i>.mobileconfig | lint | ❌ |", summary)
        self.assertEqual(summary.split("# before\n")[1], self.ci(*self.paths, "--format", "markdown")[1])
        self.assertNotIn("<details", text)

    def test_reports_beside_the_output(self):
        code, text, _ = self.ci(*self.paths, "--report", "junit=r.xml", "--report", "gitlab=r.json", "--report", "text=r.txt", "--color", "always")
        self.assertEqual(code, 1)
        self.assertIn("\x1b[", text)
        self.assertNotIn("\x1b[", self.read("r.txt"))
        self.assertIn("expected  direct", self.read("r.txt"))
        xml.fromstring(self.read("r.xml"))
        json.loads(self.read("r.json"))


class Base(CiCase):
    """--base reads git and touches nothing."""

    def state(self):
        """Everything that a run may not touch."""
        return {str(p): p.read_bytes() for p in sorted(self.folder.rglob("*")) if p.is_file()}

    def test_nothing_changed(self):
        self.commit()
        before = self.state()
        devices, report = self.stages("always-on.mobileconfig", "--base", "HEAD")
        self.assertEqual(devices[0]["diff"], "passed")
        self.assertEqual(report["base"], "HEAD")
        self.assertEqual(self.state(), before)

    def test_what_newly_leaves(self):
        shutil.copy(SOURCE / "profiles/include-all-networks.mobileconfig", self.folder / "v.mobileconfig")
        self.commit()
        self.write("v.mobileconfig", self.without_include_all(self.read("v.mobileconfig")))
        devices, report = self.stages("v.mobileconfig", "--base", "HEAD")
        self.assertEqual(devices[0]["diff"], "failed")
        self.assertIn("newly outside every tunnel", report["devices"][0]["diff"]["summary"])
        self.assertTrue(report["devices"][0]["diff"]["details"]["changes"])
        self.assertEqual(self.ci("v.mobileconfig", "--base", "HEAD", "--fail-on", "never")[0], 0)
        code, text, _ = self.ci("v.mobileconfig", "--base", "HEAD", "--format", "github")
        self.assertEqual(code, 1)
        self.assertRegex(text, r"(?m)^::error file=v.mobileconfig.*,title=vpnprofile diff%3A ")
        self.assertIn("<details open><summary>v.mobileconfig: diff</summary>", self.ci("v.mobileconfig", "--base", "HEAD", "--format", "markdown")[1])

    def test_what_newly_is_carried_is_no_risk(self):
        before = (SOURCE / "profiles/include-all-networks.mobileconfig").read_text(encoding="utf-8")
        self.write("v.mobileconfig", before)
        self.commit()
        self.write("v.mobileconfig", before.replace("<key>IncludeAllNetworks</key>", "<key>ExcludeAPNs</key><integer>0</integer><key>IncludeAllNetworks</key>", 1))
        code, text, _ = self.ci("v.mobileconfig", "--base", "HEAD")
        self.assertEqual(code, 0, text)
        self.assertRegex(text, r"(?m)^  ok    diff     \d+ class.*, 0 newly outside every tunnel$")
        self.assertEqual(self.ci("v.mobileconfig", "--base", "HEAD", "--fail-on", "any")[0], 1)
        self.write("allow.yaml", "allow:\n  - {why: notifications through the VPN, from: direct}\n")
        code, text, errors = self.ci("v.mobileconfig", "--base", "HEAD", "--fail-on", "any", "--allow", "allow.yaml")
        self.assertEqual((code, errors), (0, ""), text)
        self.write(".vpnprofile.yaml", "ci: {fail-on: any}\n")
        self.assertEqual(self.ci("v.mobileconfig", "--base", "HEAD")[0], 1)

    def test_expected_changes(self):
        self.write("allow.yaml", "expected: 5\n")
        self.commit()
        for options in (["--base", "HEAD"], []):
            code, text, errors = self.ci("always-on.mobileconfig", *options, "--allow", "allow.yaml")
            self.assertEqual(code, 1)
            self.assertIn("allow.yaml:1:", errors)
            self.assertRegex(text, r"(?m)^  ok    test     2 cases$")
            self.assertRegex(text, r"(?m)^  FAIL  diff     allow.yaml:1:")
        self.assertEqual(self.ci("always-on.mobileconfig", "--allow", "missing.yaml")[0], 3)

    def test_other_names_are_no_change(self):
        self.commit()
        self.write("always-on.mobileconfig", PROFILE.replace("Always-on VPN", "Another name"))
        devices, report = self.stages("always-on.mobileconfig", "--base", "HEAD", "--fail-on", "any")
        self.assertEqual((devices[0]["diff"], report["devices"][0]["diff"]["summary"]), ("passed", "no traffic changes its verdict"))

    @staticmethod
    def without_include_all(text):
        changed = re.sub(r"(<key>IncludeAllNetworks</key>\s*)<(integer>1</integer|true/)>", r"\1<integer>0</integer>", text)
        assert changed != text
        return changed

    def test_a_new_device(self):
        self.commit()
        shutil.copytree(SOURCE / "profiles/declaration-ikev2", self.folder / "new")
        devices, report = self.stages("new", "--base", "HEAD")
        self.assertEqual(devices[0]["diff"], "skipped")
        self.assertIn("no such device in HEAD", report["devices"][0]["diff"]["summary"])

    def test_a_base_with_errors(self):
        self.write("always-on.mobileconfig", FAULTY)
        self.commit()
        self.write("always-on.mobileconfig", PROFILE)
        _, report = self.stages("always-on.mobileconfig", "--base", "HEAD")
        self.assertIn("the profiles of HEAD have errors", report["devices"][0]["diff"]["summary"])
        self.assertTrue(report["passed"])

    def test_folders_of_the_base_are_read_as_they_were(self):
        shutil.copytree(SOURCE / "profiles/declaration-ikev2", self.folder / "d")
        self.write("d/.hidden/x.mobileconfig", FAULTY)
        self.write("d/notes.json", '{"Type": 1}')
        os.symlink("/etc/passwd", self.folder / "d/link.mobileconfig")
        self.commit()
        (self.folder / "d/link.mobileconfig").unlink()
        (self.folder / "d/.hidden/x.mobileconfig").unlink()
        devices, report = self.stages("d", "--base", "HEAD")
        self.assertEqual(devices[0]["diff"], "passed", report)

    def test_in_a_hook_of_git(self):
        self.write("below/always-on.mobileconfig", PROFILE)
        self.commit()
        code, text, errors = run("ci", "always-on.mobileconfig", "--base", "HEAD", folder=self.folder / "below",
                                 env={"GIT_DIR": str(self.folder / ".git"), "GIT_INDEX_FILE": "/nowhere"})
        self.assertEqual((code, errors), (0, ""))
        self.assertRegex(text, "no traffic changes its verdict")

    def test_what_git_does_not_know(self):
        code, _, errors = self.ci("always-on.mobileconfig", "--base", "HEAD")
        self.assertEqual(code, 2)
        self.assertIn("not in a git repository", errors)
        self.commit()
        for revision in ("nope", "--help", "-n1", "HEAD:always-on.mobileconfig", ""):
            code, _, errors = self.ci("always-on.mobileconfig", *(["--base=" + revision] if revision else ["--base", ""]))
            self.assertEqual(code, 2, revision)
            self.assertIn("does not know the revision", errors)
        code, _, errors = self.ci("always-on.mobileconfig", "--base", "HEAD",
                                  env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
                                       "LANG": "de_DE.UTF-8", "GITHUB_STEP_SUMMARY": ""})
        self.assertEqual(code, 2)
        self.assertIn("git does not trust this repository", errors)
        self.assertIn(f"git config --global --add safe.directory {self.folder}", errors)
        code, _, errors = self.ci("always-on.mobileconfig", "--base", "HEAD", env={"PATH": "/nowhere", "GITHUB_STEP_SUMMARY": ""})
        self.assertEqual(code, 4)
        self.assertIn("cannot start 'git'", errors)


if __name__ == "__main__":
    unittest.main()
