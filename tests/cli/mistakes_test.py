"""What users do wrong, and what the world does to them: outputs that are inputs, names of any bytes, files of any size, typos."""
import json
import os
import subprocess
import unittest

from captures import pcap
from compile_test import ONE, payload, profile
from program import PROGRAM, Case, run


class Mistakes(Case):
    def vpn(self, *arguments, **more):
        return run(*arguments, folder=self.folder, **more)

    def setUp(self):
        super().setUp()
        self.write("a.mobileconfig", profile(payload(ONE)))

    def refused(self, arguments, code, *words, stdin=b""):
        got, output, errors = self.vpn(*arguments, stdin=stdin)
        self.assertEqual((got, output), (code, ""), (arguments, errors))
        for word in words:
            self.assertIn(word, errors, arguments)
        return errors

    def test_what_is_read_is_not_written_over(self):
        before = self.read("a.mobileconfig")
        os.link(self.folder / "a.mobileconfig", self.folder / "b")
        os.symlink("a.mobileconfig", self.folder / "c")
        for name in ("a.mobileconfig", "./a.mobileconfig", "b", "c"):
            self.refused(["compile", "a.mobileconfig", "-o", name], 2, name, "is read, so it cannot be written")
            self.refused(["compile", "a.mobileconfig", "-o", "p", "--secrets", name], 2, "cannot be written")
            self.refused(["lint", "a.mobileconfig", "--write-baseline", name], 2, "cannot be written")
        self.refused(["compile", "a.mobileconfig", "-o", "p", "--secrets", "./p"], 2, "two things")
        self.write("map.yaml", "{}\n")
        self.refused(["compile", "a.mobileconfig", "-o", "map.yaml", "--app-map", "map.yaml"], 2, "map.yaml")
        self.assertEqual((self.read("a.mobileconfig"), self.read("map.yaml")), (before, "{}\n"))
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.mobileconfig", "b", "c", "map.yaml"])

    def test_what_is_read_on_the_way_is_not_written_over_either(self):
        """Files that other files name, and those that are found: whatever was really read."""
        self.write("profiles/a.mobileconfig", profile(payload(ONE)))
        self.write("down.json", "{}")
        self.write("own.yaml", "properties: [no-shadow]\n")
        self.write("expected.yaml", "allow: []\n")
        self.write("a.app-map.yaml", "{}\n")
        self.write("a.test.yaml", "profiles: profiles\nstates: {down: {file: down.json}}\ncases: [{state: down, flow: {app: other, protocol: udp, remote: 198.51.100.1, remote_port: 53}, expect: direct}]\n")
        self.write("t.yaml", "states: {down: {file: down.json}}\ntimeline: [{at: 0, state: down}]\n")
        self.write("c.pcap", pcap([]))
        self.assertEqual(self.vpn("compile", "a.mobileconfig", "-o", "p.vpnpolicy")[0], 0)
        before = {p: p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}
        for arguments, names in (
                (["ci", "a.mobileconfig", "--prove", "own.yaml", "--allow", "expected.yaml", "--report"],
                 ["json=down.json", "json=own.yaml", "json=a.app-map.yaml", "json=a.test.yaml", "json=profiles/a.mobileconfig", "json=expected.yaml",
                  "json=.vpnprofile.yaml"]),
                (["simulate", "p.vpnpolicy", "--pcap", "c.pcap", "--timeline", "t.yaml", "--write-dropped"], ["down.json", "t.yaml", "p.vpnpolicy"]),
                (["simulate", "profiles", "--pcap", "c.pcap", "--timeline", "t.yaml", "--write-dropped"], ["profiles/a.mobileconfig"]),
                (["report", "p.vpnpolicy", "--against", "profiles", "-p", "own.yaml", "-s", "down.json", "-o"],
                 ["p.vpnpolicy", "a.mobileconfig", "profiles/a.mobileconfig", "own.yaml", "down.json"]),
                (["lint", "a.mobileconfig", "--write-baseline"], [".vpnprofile.yaml"])):
            for name in names:
                self.refused([*arguments, name], 2, name.removeprefix("json="), "cannot be written")
        self.assertEqual({p: p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}, before)

    def test_standard_input_is_read_once(self):
        self.write("s.json", "{}")
        for arguments in (["diff", "-", "-"], ["prove", "-", "-s", "-"], ["report", "-", "-o", "x.html", "--against", "-"], ["explain", "-", "--flows", "-"],
                          ["simulate", "a.mobileconfig", "--pcap", "-", "--timeline", "-"], ["simulate", "-", "--pcap", "x", "--state", "s.json", "--apps", "-"]):
            self.refused(arguments, 2, "only one of the files can come from standard input")

    def test_a_start_loads_nothing_that_few_commands_need(self):
        """libpcap and libldns with what they need: 0.4 and 0.7 ms of every start."""
        needed = subprocess.run(["readelf", "-d", PROGRAM], check=True, stdout=subprocess.PIPE).stdout.decode()
        self.assertIn("libcrypto", needed)
        for library in ("libpcap", "libldns", "libssl"):
            self.assertNotIn(library, needed)

    def test_an_empty_list_is_no_list(self):
        for option in ("--select", "--ignore", "--platform"):
            for value in ("", ","):
                self.refused(["lint", "a.mobileconfig", option, value], 2, option + " wants at least one")

    def test_keys_that_are_not_needed_are_checked_all_the_same(self):
        self.write("none.pem", "")
        (self.folder / "d").mkdir()
        for command in (["compile", "a.mobileconfig", "-o", "p"], ["lint", "a.mobileconfig"]):
            for option in ("--trust", "--decrypt-key"):
                self.refused([*command, option, "a.mobileconfig"], 1, "a.mobileconfig")
                for unreadable in ("missing", "none.pem", "d"):
                    self.refused([*command, option, unreadable], 3, unreadable)
        self.write("fleet/one/a.mobileconfig", profile(payload(ONE)))
        for command in (["compile", "a.mobileconfig", "-o", "p"], ["compile", "--batch", "fleet", "-o", "out"]):
            for option in ("--sign-key", "--encrypt-to"):
                errors = self.refused([*command, option, "a.mobileconfig"], 1, "a.mobileconfig: there is no ")
                self.assertEqual(errors.count("error:"), 1, errors)
                self.refused([*command, option, "missing"], 3, "missing")
                self.refused([*command, option, "d"], 3, "d: this is a folder")
        self.assertFalse((self.folder / "p").exists())

    def test_a_file_may_have_any_name(self):
        name = b"n\xff\x1b[31m\xc2\x9b.mobileconfig"
        path = os.fsencode(self.folder) + b"/" + name
        with open(path, "wb") as file:
            file.write(profile(payload(ONE, secret="s3cret")).encode())
        code, _, errors = self.vpn("compile", name.decode("utf-8", "surrogateescape"), "-o", "p.vpnpolicy")
        self.assertEqual(code, 0, errors)
        code, output, _ = self.vpn("dump", "p.vpnpolicy", "--format", "json")
        self.assertEqual((code, json.loads(output)["files"]), (0, [name.decode("utf-8", "replace")]))
        code, _, errors = self.vpn("lint", "x\x1b[31m\u009b\x7f")
        self.assertEqual((code, errors), (3, "error: x\u241b[31m\ufffd\u2421: there is no such file\n"))

    def test_a_file_that_is_too_large_is_a_finding(self):
        with open(self.folder / "huge.mobileconfig", "wb") as file:
            file.truncate(3 << 30)
        for arguments in (["lint", "huge.mobileconfig"], ["compile", "huge.mobileconfig", "-o", "p"]):
            code, output, _ = self.vpn(*arguments, "--format", "json")
            found = json.loads(output)
            self.assertEqual((code, [(f["code"], f["line"]) for f in found]), (1, [("VP1003", None)]), found)
        code, output, _ = self.vpn("lint", "/dev/zero", "--format", "json")
        self.assertEqual((code, json.loads(output)[0]["code"]), (1, "VP1003"))

    def test_a_policy_is_no_profile_and_may_come_by_standard_input(self):
        self.assertEqual(self.vpn("compile", "a.mobileconfig", "-o", "p.vpnpolicy")[0], 0)
        policy = (self.folder / "p.vpnpolicy").read_bytes()
        code, output, _ = self.vpn("verify", "-", "--format", "json", stdin=policy)
        self.assertEqual((code, json.loads(output)["valid"]), (0, True))
        self.assertEqual(self.vpn("dump", "-", stdin=policy)[:2], self.vpn("dump", "p.vpnpolicy")[:2])
        code, output, _ = self.vpn("verify", "-", "--format", "json", stdin=policy[:-1])
        self.assertEqual((code, json.loads(output)["error"]["where"]), (1, "<stdin>: offset " + str(len(policy) - 1)))
        code, output, _ = self.vpn("lint", "p.vpnpolicy", "--format", "json")
        self.assertEqual((code, json.loads(output)[0]["message"]), (1, "the file is a compiled policy, not a profile"))

    def test_verify_says_the_same_keys_of_sound_and_broken_policies(self):
        self.assertEqual(self.vpn("compile", "a.mobileconfig", "-o", "p.vpnpolicy")[0], 0)
        sound = json.loads(self.vpn("verify", "p.vpnpolicy", "--format", "json")[1])
        broken = json.loads(self.vpn("verify", "a.mobileconfig", "--format", "json")[1])
        self.assertEqual((list(sound), sound["error"]), (list(broken), None))

    def test_a_fleet_whose_profiles_lie_beside_its_folders(self):
        self.write("fleet/one/a.mobileconfig", profile(payload(ONE)))
        self.write("fleet/b.mobileconfig", profile(payload(ONE)))
        code, _, errors = self.vpn("compile", "--batch", "fleet", "-o", "out")
        self.assertEqual((code, os.listdir(self.folder / "out")), (0, ["one.vpnpolicy"]))
        self.assertIn("warning: fleet: 1 profile is in no sub-folder, so for no device\n", errors)

    def test_typos_get_a_suggestion(self):
        self.write("s.json", json.dumps({"primary_interfce": "w", "interfaces": [{"name": "w", "tpye": "wifi"}]}))
        flow = {"protocol": "tcp", "remote": "192.0.2.1", "remote_prt": 1}
        _, _, errors = self.vpn("explain", "a.mobileconfig", "--state", "s.json", "--flow", json.dumps(flow))
        for word in ("primary_interface", "type", "remote_port"):
            self.assertIn(f"did you mean '{word}'?", errors)
        self.write("t.yaml", "profiles: [a.mobileconfig]\nsates: {}\nstates: {down: {captve: true}}\ncases:\n"
                             "  - {state: dwn, flow: {protocol: tcp, remote: 192.0.2.1, hostnme: a}, expct: drop, expect: drop}\n")
        errors = self.vpn("test", "t.yaml")[2]
        for word in ("states", "captive", "down", "hostname", "expect"):
            self.assertIn(f"did you mean '{word}'?", errors)
        for option in ("--trst", "--trst=x"):
            self.refused(["lint", option, "a.mobileconfig"], 2, "unknown option '--trst'", "did you mean '--trust'?")
        self.refused(["schema", "com.apple.vpn.manged"], 2, "did you mean 'com.apple.vpn.managed'?")
        self.refused(["schema", "com.apple.vpn.managed", "VPNTpe"], 2, "there is no key 'VPNTpe'\n", "did you mean 'VPNType'?")


if __name__ == "__main__":
    unittest.main()
