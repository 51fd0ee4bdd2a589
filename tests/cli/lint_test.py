"""vpnprofile lint from outside: what it reads, prints, mends and gives as exit code."""
import json
import os
import pathlib
import pty
import re
import signal
import stat
import subprocess
import time
import unittest
import xml.etree.ElementTree

from program import PROGRAM, Case, run

FINDING_KEYS = ["code", "name", "severity", "message", "file", "line", "column", "end_line", "end_column", "path", "fix", "help"]


def profile(extra="", head=""):
    """A profile with one IKEv2 payload; `extra` goes into its IKEv2 dictionary."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
{head}<plist version="1.0">
<dict>
\t<key>PayloadType</key>
\t<string>Configuration</string>
\t<key>PayloadVersion</key>
\t<integer>1</integer>
\t<key>PayloadIdentifier</key>
\t<string>com.example.test</string>
\t<key>PayloadUUID</key>
\t<string>8B7E6A52-1F0B-4D58-9D44-0D4B7C1B1E01</string>
\t<key>PayloadDisplayName</key>
\t<string>Test</string>
\t<key>PayloadContent</key>
\t<array>
\t\t<dict>
\t\t\t<key>PayloadType</key>
\t\t\t<string>com.apple.vpn.managed</string>
\t\t\t<key>PayloadVersion</key>
\t\t\t<integer>1</integer>
\t\t\t<key>PayloadIdentifier</key>
\t\t\t<string>com.example.test.vpn</string>
\t\t\t<key>PayloadUUID</key>
\t\t\t<string>8B7E6A52-1F0B-4D58-9D44-0D4B7C1B1E02</string>
\t\t\t<key>PayloadDisplayName</key>
\t\t\t<string>VPN</string>
\t\t\t<key>UserDefinedName</key>
\t\t\t<string>VPN</string>
\t\t\t<key>VPNType</key>
\t\t\t<string>IKEv2</string>
\t\t\t<key>IKEv2</key>
\t\t\t<dict>
\t\t\t\t<key>RemoteAddress</key>
\t\t\t\t<string>vpn.example.com</string>
\t\t\t\t<key>RemoteIdentifier</key>
\t\t\t\t<string>vpn.example.com</string>
\t\t\t\t<key>LocalIdentifier</key>
\t\t\t\t<string>device.example.com</string>
\t\t\t\t<key>AuthenticationMethod</key>
\t\t\t\t<string>None</string>
\t\t\t\t<key>ExtendedAuthEnabled</key>
\t\t\t\t<integer>1</integer>
{extra}\t\t\t</dict>
\t\t</dict>
\t</array>
</dict>
</plist>
"""


MISSPELT = "\t\t\t\t<key>IncludeAllNetwork</key>\n\t\t\t\t<integer>1</integer>\n"
MALFORMED = "<plist version=\"1.0\">\n<dict>\n<key>a</kex>\n</dict>\n</plist>\n"


def codes(text):
    return [finding["code"] for finding in json.loads(text)]


class ExitCodes(Case):
    def test_clean_profile_is_0(self):
        self.write("a.mobileconfig", profile())
        self.assertEqual(self.lint("a.mobileconfig"), (0, "no findings in 1 file\n", ""))

    def test_warnings_are_0_and_errors_when_asked(self):
        self.write("a.mobileconfig", profile(MISSPELT))
        self.assertEqual(self.lint("a.mobileconfig")[0], 0)
        code, text, _ = self.lint("--warnings-as-errors", "--format", "json", "a.mobileconfig")
        self.assertEqual(code, 1)
        self.assertEqual([f["severity"] for f in json.loads(text)], ["error"])

    def test_malformed_is_1_and_one_finding(self):
        self.write("a.mobileconfig", MALFORMED)
        code, text, _ = self.lint("--format", "json", "a.mobileconfig")
        self.assertEqual(code, 1)
        findings = json.loads(text)
        self.assertEqual(len(findings), 1)
        self.assertEqual((findings[0]["severity"], findings[0]["line"]), ("error", 3))

    def test_an_empty_file_is_1(self):
        self.write("a.mobileconfig", "")
        self.assertEqual(self.lint("a.mobileconfig")[0], 1)

    def test_wrong_usage_is_2(self):
        self.write("a.mobileconfig", profile())
        for arguments in ([], ["--nonsense", "a.mobileconfig"], ["--format", "xml", "a.mobileconfig"],
                          ["--platform", "android", "a.mobileconfig"], ["--select", "VP0000", "a.mobileconfig"],
                          ["--os-version", "18", "a.mobileconfig"], ["--os-version", "new", "--platform", "ios", "a.mobileconfig"],
                          ["--supervised", "--unsupervised", "a.mobileconfig"], ["--fix", "-"], ["--explain", "nonsense"]):
            code, text, errors = self.lint(*arguments)
            self.assertEqual((code, text), (2, ""), arguments)
            self.assertTrue(errors.startswith("error: "), arguments)

    def test_a_missing_file_is_3_and_the_others_are_linted(self):
        self.write("a.mobileconfig", profile(MISSPELT))
        code, text, errors = self.lint("none.mobileconfig", "a.mobileconfig", "--format", "json")
        self.assertEqual((code, codes(text)), (3, ["VP1203"]))
        self.assertEqual(errors, "error: none.mobileconfig: there is no such file\n")

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_an_unreadable_file_is_3(self):
        self.write("a.mobileconfig", profile(), 0)
        self.assertEqual(self.lint("a.mobileconfig")[0], 3)

    def test_a_folder_without_profiles_is_2(self):
        (self.folder / "empty").mkdir()
        code, text, errors = self.lint("empty")
        self.assertEqual((code, text), (2, ""))
        self.assertIn("there is no profile in this folder", errors)

    def test_a_bad_baseline_is_1_a_missing_one_3(self):
        self.write("a.mobileconfig", profile())
        self.write("base.json", "{}")
        self.assertEqual(self.lint("--baseline", "base.json", "a.mobileconfig")[0], 1)
        self.assertEqual(self.lint("--baseline", "none.json", "a.mobileconfig")[0], 3)

    def test_help_and_version(self):
        code, text, _ = run("lint", "--help")
        self.assertEqual(code, 0)
        self.assertIn("example:\n  vpnprofile lint", text)
        self.assertRegex(run("lint", "--version")[1], r"^vpnprofile \d+\.\d+\.\d+\n$")

    def test_output_that_cannot_be_written(self):
        self.write("a.mobileconfig", profile(MISSPELT))
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "lint", self.folder / "a.mobileconfig"], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"cannot write to standard output", done.stderr)


class Reading(Case):
    def test_standard_input(self):
        code, text, _ = self.lint("-", "--format", "json", stdin=profile(MISSPELT).encode())
        self.assertEqual((code, [f["file"] for f in json.loads(text)]), (0, ["<stdin>"]))

    def test_folders_recursively_by_name(self):
        self.write("b/x.mobileconfig", profile(MISSPELT))
        self.write("a/y.plist", profile(MISSPELT))
        self.write("a/info.plist", "<plist><dict><key>CFBundleName</key><string>x</string></dict></plist>")
        self.write("package.json", "{}")
        code, text, errors = self.lint(".", "--format", "json")
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual([f["file"] for f in json.loads(text)], ["a/y.plist", "b/x.mobileconfig"])

    def test_a_pipe(self):
        os.mkfifo(self.folder / "pipe")
        with subprocess.Popen([PROGRAM, "lint", "pipe", "--format", "json"], cwd=self.folder, stdout=subprocess.PIPE) as process:
            (self.folder / "pipe").write_text(profile(MISSPELT), encoding="utf-8")
            self.assertEqual(codes(process.communicate(timeout=30)[0]), ["VP1203"])

    def test_names_that_are_no_utf8_or_hold_control_characters(self):
        name = os.fsencode(self.folder) + b"/a\xff\x1b[2J\n.mobileconfig"
        with open(name, "wb") as file:
            file.write(profile(MISSPELT).encode())
        for style in ("text", "json", "sarif", "github", "gitlab", "junit"):
            done = subprocess.run([PROGRAM, "lint", name, "--format", style], stdout=subprocess.PIPE, check=False)
            self.assertEqual(done.returncode, 0)
            self.assertNotIn(b"\x1b", done.stdout)
            done.stdout.decode("utf-8")

    def test_hostile_files_end_with_an_error(self):
        hostile = {"deep": "<plist>" + "<array>" * 200000, "laughs": '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><plist>&c;</plist>',
                   "zeros": b"\0" * 100000, "binary": b"bplist00" + b"\xff" * 100, "half": profile()[:700], "brackets": "{" * 100000,
                   "der": b"\x30\x80" + b"\x30\x80" * 1000, "utf16": b"\xff\xfe<\0p\0"}
        for name, content in hostile.items():
            self.write(name, content)
            code, _, errors = self.lint(name, timeout=30)
            self.assertEqual(code, 1, name)
            self.assertEqual(errors, "", name)

    def test_declarations_of_a_folder_are_judged_together(self):
        declaration = {"Type": "com.apple.configuration.network.vpn.ikev2", "Identifier": "vpn", "ServerToken": "1",
                       "Payload": {"VisibleName": "VPN", "HostName": "vpn.example.com", "RemoteIdentifier": "vpn.example.com",
                                   "LocalIdentifier": "x.example.com",
                                   "Authentication": {"Method": "Certificate", "IdentityAssetReference": "identity"}}}
        asset = {"Type": "com.apple.asset.credential.acme", "Identifier": "identity", "ServerToken": "1",
                 "Payload": {"Reference": {"ContentType": "application/json", "DataURL": "https://mdm.example.com/acme"},
                             "Accessible": "AfterFirstUnlock"}}
        self.write("together/vpn.json", json.dumps(declaration, indent=1))
        self.write("together/identity.json", json.dumps(asset, indent=1))
        self.write("alone/vpn.json", json.dumps(declaration, indent=1))
        dangling = {f["code"] for f in json.loads(self.lint("alone", "--format", "json")[1])}
        together = {f["code"] for f in json.loads(self.lint("together", "--format", "json")[1])}
        self.assertTrue(dangling - together, (dangling, together))


class Selecting(Case):
    def test_select_and_ignore(self):
        self.write("a.mobileconfig", profile(MISSPELT))
        for arguments, expected in ((["--select", "VP12"], ["VP1203"]), (["--select", "unknown-key"], ["VP1203"]),
                                    (["--select", "VP90"], []), (["--ignore", "vp1203"], []),
                                    (["--select", "VP12", "--ignore", "unknown-key,VP90"], [])):
            self.assertEqual(codes(self.lint(*arguments, "a.mobileconfig", "--format", "json")[1]), expected, arguments)

    def test_what_cannot_be_read_cannot_be_ignored(self):
        self.write("a.mobileconfig", MALFORMED)
        self.assertEqual(self.lint("--ignore", "VP", "a.mobileconfig")[0], 1)
        self.assertEqual(self.lint("--select", "VP90", "a.mobileconfig")[0], 1)
        self.assertEqual(self.lint("--write-baseline", "base.json", "a.mobileconfig")[0], 1)
        self.assertEqual(self.lint("--baseline", "base.json", "a.mobileconfig")[0], 1)

    def test_comments(self):
        before = "\t\t\t\t<!-- vpnprofile-ignore: VP1203 the old client wants it -->\n"
        self.write("a.mobileconfig", profile(before + MISSPELT))
        self.assertEqual(codes(self.lint("a.mobileconfig", "--format", "json")[1]), [])
        self.write("a.mobileconfig", profile(MISSPELT, "<!-- vpnprofile-ignore-file: unknown-key -->\n"))
        self.assertEqual(codes(self.lint("a.mobileconfig", "--format", "json")[1]), [])
        self.write("a.mobileconfig", profile(before))
        self.assertEqual(codes(self.lint("a.mobileconfig", "--format", "json")[1]), ["VP9001"])

    def test_baseline_survives_moved_lines(self):
        self.write("p/a.mobileconfig", profile(MISSPELT))
        self.assertEqual(self.lint("--write-baseline", "base.json", "p"), (0, "", "wrote 1 finding to base.json\n"))
        self.write("p/a.mobileconfig", profile(MISSPELT, "<!-- a new line -->\n\n\n"))
        self.assertEqual(self.lint("--baseline", "base.json", "p"), (0, "no findings in 1 file\n", ""))
        code, text, _ = run("lint", "--baseline", "../base.json", ".", folder=self.folder / "p")
        self.assertEqual((code, text), (0, "no findings in 1 file\n"))
        self.write("p/a.mobileconfig", profile("\t\t\t\t<key>Other</key>\n\t\t\t\t<true/>\n"))
        code, text, errors = self.lint("--baseline", "base.json", "p", "--format", "json")
        self.assertEqual(codes(text), ["VP1203"])
        self.assertIn("1 of the baseline's findings are gone", errors)


class Configuration(Case):
    def test_is_found_upwards(self):
        self.write(".vpnprofile.yaml", "ignore: [VP1203]\n")
        self.write("deep/er/a.mobileconfig", profile(MISSPELT))
        self.assertEqual(codes(self.lint("deep/er/a.mobileconfig", "--format", "json")[1]), [])
        self.assertEqual(codes(self.lint("--no-config", "deep", "--format", "json")[1]), ["VP1203"])
        code, text, _ = run("lint", "a.mobileconfig", "--format", "json", folder=self.folder / "deep" / "er")
        self.assertEqual((code, codes(text)), (0, []))

    def test_severity_and_paths(self):
        self.write(".vpnprofile.yaml", "severity: {unknown-key: error}\nper-path:\n  - path: old/\n    severity: {VP1203: note}\n")
        self.write("old/a.mobileconfig", profile(MISSPELT))
        self.write("new/a.mobileconfig", profile(MISSPELT))
        code, text, _ = self.lint("new", "old", "--format", "json")
        self.assertEqual(code, 1)
        self.assertEqual([f["severity"] for f in json.loads(text)], ["error", "note"])

    def test_mistakes_are_2_with_their_line(self):
        self.write(".vpnprofile.yaml", "supervised: true\nplatforms: [ios]\n")
        self.write("a.mobileconfig", profile())
        code, text, errors = self.lint("a.mobileconfig")
        self.assertEqual((code, text), (2, ""))
        self.assertRegex(errors, r"\.vpnprofile\.yaml:2:1: unknown key 'platforms'\n  help: did you mean 'platform'\?\n$")

    def test_another_file(self):
        self.write(".vpnprofile.yaml", "nonsense: 1\n")
        self.write("other.yaml", "ignore: VP1203\n")
        self.write("a.mobileconfig", profile(MISSPELT))
        self.assertEqual(codes(self.lint("--config", "other.yaml", "a.mobileconfig", "--format", "json")[1]), [])
        self.assertEqual(self.lint("--config", "none.yaml", "a.mobileconfig")[0], 3)


class Mending(Case):
    def test_diff_shows_and_does_not_write(self):
        path = self.write("p/a.mobileconfig", profile(MISSPELT))
        code, text, errors = self.lint("--diff", "p")
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("--- a/p/a.mobileconfig\n+++ b/p/a.mobileconfig\n@@ ", text)
        self.assertIn("-\t\t\t\t<key>IncludeAllNetwork</key>\n+\t\t\t\t<key>IncludeAllNetworks</key>\n", text)
        self.assertEqual(path.read_text(encoding="utf-8"), profile(MISSPELT))
        done = subprocess.run(["patch", "-p1", "-s"], cwd=self.folder, input=text.encode(), check=False)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(path.read_text(encoding="utf-8"), profile(MISSPELT.replace("Network<", "Networks<")))

    def test_fix_keeps_every_other_byte_and_the_mode(self):
        content = "\ufeff" + profile("\t\t\t\t<!-- \u00fcber -->  \n" + MISSPELT).replace("\n", "\r\n").rstrip()
        path = self.write("a.mobileconfig", content, 0o640)
        code, text, errors = self.lint("--fix", "a.mobileconfig")
        self.assertEqual((code, text, errors), (0, "no findings in 1 file\n", "mended 1 finding in 1 file\n"))
        self.assertEqual(path.read_bytes().decode(), content.replace("IncludeAllNetwork<", "IncludeAllNetworks<"))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)
        self.assertEqual(list(self.folder.iterdir()), [path])

    def test_a_second_run_finds_nothing_to_mend(self):
        path = self.write("a.mobileconfig", profile(MISSPELT))
        self.lint("--fix", "a.mobileconfig")
        before = path.stat()
        self.assertEqual(self.lint("--fix", "a.mobileconfig"), (0, "no findings in 1 file\n", ""))
        self.assertEqual(path.stat().st_mtime_ns, before.st_mtime_ns)
        self.assertEqual(path.stat().st_ino, before.st_ino)
        self.assertEqual(self.lint("--diff", "a.mobileconfig"), (0, "", ""))

    def test_links_stay_links(self):
        self.write("real.mobileconfig", profile(MISSPELT))
        (self.folder / "link.mobileconfig").symlink_to("real.mobileconfig")
        self.assertEqual(self.lint("--fix", "link.mobileconfig")[0], 0)
        self.assertTrue((self.folder / "link.mobileconfig").is_symlink())
        self.assertIn("IncludeAllNetworks", self.read("real.mobileconfig"))

    def test_only_what_is_selected(self):
        self.write("a.mobileconfig", profile(MISSPELT))
        self.lint("--fix", "--ignore", "VP1203", "a.mobileconfig")
        self.assertEqual(self.read("a.mobileconfig"), profile(MISSPELT))

    def test_converted_files_are_refused(self):
        path = self.write("a.mobileconfig", profile(MISSPELT).replace("UTF-8", "UTF-16").encode("utf-16"))
        before = path.read_bytes()
        code, text, errors = self.lint("--fix", "a.mobileconfig", "--format", "json")
        self.assertEqual((code, codes(text)), (0, ["VP1203"]))
        self.assertIn("not mended", errors)
        self.assertIsNone(json.loads(text)[0]["fix"])
        self.assertEqual(path.read_bytes(), before)

    @unittest.skipIf(os.geteuid() == 0, "root may write everything")
    def test_a_file_that_must_not_be_written(self):
        self.write("a.mobileconfig", profile(MISSPELT), 0o400)
        self.assertEqual(self.lint("--fix", "a.mobileconfig")[0], 3)

    def test_standard_input_can_be_shown_not_mended(self):
        code, text, _ = self.lint("--diff", "-", stdin=profile(MISSPELT).encode())
        self.assertEqual(code, 0)
        self.assertIn("+++ b/stdin\n", text)


class Formats(Case):
    def setUp(self):
        super().setUp()
        self.write("a.mobileconfig", profile(MISSPELT + "\t\t\t\t<key>SharedSecret</key><string>hunter2</string>\n"))

    def output(self, style):
        return self.lint("--format", style, "a.mobileconfig")[1]

    def test_json(self):
        findings = json.loads(self.output("json"))
        for finding in findings:
            self.assertEqual(list(finding), FINDING_KEYS)
        finding = next(f for f in findings if f["code"] == "VP1203")
        lines = self.read("a.mobileconfig").split("\n")
        text = lines[finding["line"] - 1][finding["column"] - 1:finding["end_column"] - 1]
        self.assertEqual((finding["line"], text), (finding["end_line"], "IncludeAllNetwork"))
        self.assertEqual(finding["path"], "PayloadContent[0].IKEv2.IncludeAllNetwork")
        edit = finding["fix"]["edits"][0]
        self.assertEqual(set(edit), {"line", "column", "end_line", "end_column", "begin", "end", "replacement"})
        content = self.read("a.mobileconfig").encode()
        self.assertEqual(content[edit["begin"]:edit["end"]], b"IncludeAllNetwork")
        self.assertEqual(edit["replacement"], "IncludeAllNetworks")

    def test_text(self):
        text = self.output("text")
        self.assertRegex(text, r"(?m)^a\.mobileconfig:43:10: warning\[VP1203\]: .*\n 43 \|                 <key>IncludeAllNetwork</key>\n"
                               r"    \|                      \^{17}\n    = fix: .* \(--fix\)\n")
        self.assertRegex(text, r"(?m)^\d.* in 1 file\n\Z")

    def test_machine_formats(self):
        log = json.loads(self.output("sarif"))
        self.assertEqual(log["version"], "2.1.0")
        self.assertEqual(log["runs"][0]["columnKind"], "unicodeCodePoints")
        region = next(r for r in log["runs"][0]["results"] if r["ruleId"] == "VP1203")["locations"][0]["physicalLocation"]["region"]
        self.assertEqual(region, {"startLine": 43, "startColumn": 10, "endLine": 43, "endColumn": 27})
        self.assertIn("::warning file=a.mobileconfig,line=43,endLine=43,col=10,endColumn=27,title=VP1203 unknown-key::", self.output("github"))
        entry = next(e for e in json.loads(self.output("gitlab")) if e["check_name"].startswith("VP1203"))
        self.assertEqual(entry["location"], {"path": "a.mobileconfig", "lines": {"begin": 43, "end": 43}})
        suites = xml.etree.ElementTree.fromstring(self.output("junit"))
        self.assertEqual(suites.find("testsuite").get("name"), "a.mobileconfig")

    def test_no_secret_is_printed(self):
        for style in ("text", "json", "sarif", "github", "gitlab", "junit"):
            self.assertNotIn("hunter2", self.output(style), style)
        self.lint("--write-baseline", "base.json", "a.mobileconfig")
        self.assertNotIn("hunter2", self.read("base.json"))

    def test_color(self):
        self.assertNotIn("\x1b", self.output("text"))
        self.assertIn("\x1b[1;33mwarning", self.lint("--color", "always", "a.mobileconfig")[1])
        for environment, colored in (({}, True), ({"NO_COLOR": "1"}, False)):
            self.assertEqual("\x1b[" in on_terminal(["lint", self.folder / "a.mobileconfig"], environment), colored)
        self.assertNotIn("\x1b[", on_terminal(["lint", "--color", "never", self.folder / "a.mobileconfig"], {}))

    def test_explain(self):
        code, text, _ = self.lint("--explain", "VP1203")
        self.assertEqual(code, 0)
        self.assertTrue(text.startswith("VP1203 unknown-key (warning)\n"))
        self.assertIn("\nwrong:\n", text)
        self.assertEqual(self.lint("--explain", "unknown-key")[1], text)


def on_terminal(arguments, environment):
    """What the program prints when its output is a terminal."""
    master, slave = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    with subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=slave, env={**env, **environment}) as process:
        os.close(slave)
        text = b""
        try:
            while chunk := os.read(master, 65536):
                text += chunk
        except OSError:  # the other end is closed
            pass
        process.wait(timeout=30)
    os.close(master)
    return text.decode()


class Stopping(Case):
    def test_ctrl_c_leaves_nothing_behind(self):
        for number in range(40):
            self.write(f"p/{number}.mobileconfig", profile(MISSPELT))
        before = profile(MISSPELT)
        after = before.replace("Network<", "Networks<")
        for delay in (0.0, 0.004, 0.01):
            with subprocess.Popen([PROGRAM, "lint", "--fix", "p"], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)
            names = sorted(p.name for p in (self.folder / "p").iterdir())
            self.assertEqual(names, sorted(f"{n}.mobileconfig" for n in range(40)))
            for path in (self.folder / "p").iterdir():
                self.assertIn(path.read_text(encoding="utf-8"), (before, after))

    def test_a_closed_pipe_ends_quietly(self):
        self.write("a.mobileconfig", profile(MISSPELT * 3000))
        read, write = os.pipe()
        with subprocess.Popen([PROGRAM, "lint", self.folder / "a.mobileconfig"], stdout=write, stderr=subprocess.PIPE) as process:
            os.close(write)
            os.close(read)
            self.assertEqual(process.stderr.read(), b"")
            self.assertIn(process.wait(timeout=30), (0, 1, 3))


if __name__ == "__main__":
    unittest.main()
