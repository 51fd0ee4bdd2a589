"""vpnprofile explain: the shapes of cli.md to the letter, profiles in place of a policy, source lines, exit codes."""
import json
import os
import unittest

from program import SOURCE, Case, run

PROFILES = SOURCE / "profiles"
TUNNEL = "CECFD8FC-4A7C-5380-9BDA-A79068DB7E14#0"
STATE = {"primary_interface": "wlan0",
         "interfaces": [{"name": "wlan0", "type": "wifi", "ssid": "Corp", "addresses": ["192.168.1.20/24"],
                         "dns_servers": ["192.168.1.1"], "search_domains": ["corp.example.com"]}],
         "system_routes": [{"destination": "10.9.0.0/16", "interface": "wlan0"}], "captive": False, "probing": False,
         "tunnels": {TUNNEL.lower(): {"status": "connected", "interface": "utun0",
                                      "endpoints": [{"address": "203.0.113.5", "protocol": "udp", "port": 4500}],
                                      "included_routes": ["0.0.0.0/0"], "excluded_routes": []}},
         "url_probes": {"https://probe.example.com/": 200}}
FLOW = {"app": "com.example.mail", "spawned_by": "com.example.terminal", "uid": 1000, "protocol": "tcp",
        "remote": "203.0.113.80", "remote_port": 443, "local_port": 50000, "hostname": "mail.example.com",
        "scope": "wlan0", "direction": "out"}
SOURCE_OF_TUNNEL = {"file": "a.mobileconfig", "line": 92, "column": 11,
                    "path": "PayloadContent[1].AlwaysOn.TunnelConfigurations[0]"}


class Explain(Case):
    def setUp(self):
        super().setUp()
        self.write("a.mobileconfig", (PROFILES / "always-on.mobileconfig").read_bytes())
        self.write("s.json", json.dumps(STATE))
        code, _, errors = run("compile", "a.mobileconfig", "-o", "p.vpnpolicy", "--platform", "ios", folder=self.folder)
        self.assertEqual(code, 0, errors)

    def explain(self, *arguments, stdin=b"", policy="p.vpnpolicy"):
        return run("explain", policy, *arguments, folder=self.folder, stdin=stdin)

    def verdict(self, flow, state="s.json"):
        code, text, errors = self.explain("--state", state, "--flow", json.dumps(flow), "--format", "json")
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(text.count("\n"), 1)
        return json.loads(text)

    def test_shape(self):
        self.assertEqual(self.verdict(FLOW), {"verdict": "tunnel", "tunnel": TUNNEL, "rule": "S3.e", "source": SOURCE_OF_TUNNEL})
        self.assertEqual(list(self.verdict(FLOW)), ["verdict", "tunnel", "rule", "source"])

    def test_tunnel_only_when_one_governs_source_null_without_a_key(self):
        self.assertEqual(self.verdict({"protocol": "tcp", "remote": "127.0.0.1"}), {"verdict": "system", "rule": "S0", "source": None})
        provider = {"protocol": "udp", "remote": "203.0.113.5", "remote_port": 4500, "provider_of": TUNNEL}
        self.assertEqual(self.verdict(provider), {"verdict": "direct", "rule": "S1.c", "source": None})

    def test_incoming(self):
        flow = {"protocol": "tcp", "remote": "203.0.113.80", "direction": "in", "arrives_on": "utun0"}
        self.assertEqual(self.verdict(flow), {"verdict": "accept", "tunnel": TUNNEL, "rule": "S3.e", "source": SOURCE_OF_TUNNEL})
        self.assertEqual(self.verdict({**flow, "arrives_on": "wlan0"})["verdict"], "drop")

    def test_flows_in_order_with_errors_and_exit_code(self):
        lines = [FLOW, "no json", {"protocol": "tcp"}, {"protocol": "tcp", "remote": "::1"}, "", [], {"protocol": "icmpv6", "remote": "ff02::2", "icmp_type": 133},
                 {"protocol": 132, "remote": "203.0.113.1"}, {"protocol": "tcp", "remote": "300.1.1.1"}, {"protocol": "tcp", "remote": "::1", "remote_port": "443"}]
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n\n"
        self.write("f.ndjson", text)
        code, out, _ = self.explain("--state", "s.json", "--flows", "f.ndjson", "--format", "json")
        self.assertEqual(code, 1)
        answers = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(answers), len(lines))
        for number in (2, 3, 5, 6, 9, 10):
            self.assertEqual(list(answers[number - 1]), ["error", "line"])
            self.assertEqual(answers[number - 1]["line"], number)
        self.assertEqual([answers[i]["rule"] for i in (0, 3, 6, 7)], ["S3.e", "S0", "S1.b", "S3.e"])
        self.assertEqual(self.explain("--flows", "-", "--format", "json", stdin=text.encode())[0], 1)

    def test_all_flows_fine(self):
        code, out, errors = self.explain("--state", "s.json", "--flows", "-", "--format", "json", stdin=json.dumps(FLOW).encode())
        self.assertEqual((code, errors, out.count("\n")), (0, "", 1))
        self.assertEqual(self.explain("--flows", "-", "--format", "json")[:2], (0, ""))

    def test_missing_state_is_a_booting_device(self):
        code, out, errors = self.explain("--state", "missing.json", "--flow", json.dumps(FLOW), "--format", "json")
        self.assertEqual((code, json.loads(out)["rule"]), (0, "S3.d"))
        self.assertIn("booting device", errors)
        self.assertEqual(json.loads(self.explain("--flow", json.dumps(FLOW), "--format", "json")[1])["rule"], "S3.d")

    def test_flow_from_a_file(self):
        self.write("f.json", json.dumps(FLOW))
        code, out, _ = self.explain("--state", "s.json", "--flow", "@f.json", "--format", "json")
        self.assertEqual((code, json.loads(out)["rule"]), (0, "S3.e"))
        self.assertEqual(self.explain("--flow", "@missing.json")[0], 3)

    def test_for_people(self):
        code, text, errors = self.explain("--state", "s.json", "--flow", json.dumps(FLOW))
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(text, f"""com.example.mail (spawned by com.example.terminal) → tcp 203.0.113.80:443 (mail.example.com) bound to wlan0
  verdict  tunnel
  tunnel   {TUNNEL} (Always-on VPN)
  rule     S3.e  always-on: the tunnel that carries on the primary interface
  source   a.mobileconfig:92:11  PayloadContent[1].AlwaysOn.TunnelConfigurations[0]
 92 |           <dict>
    |           ^^^^^^
  passed over
    S3.a  the network is not behind a captive portal
""")

    def test_color(self):
        self.assertIn("\x1b[1;32mtunnel", self.explain("--state", "s.json", "--flow", json.dumps(FLOW), "--color", "always")[1])

    def test_lines_for_people(self):
        code, text, _ = self.explain("--state", "s.json", "--flows", "-", stdin=b'{"protocol":"tcp","remote":"::1"}\nno\n')
        self.assertEqual(code, 1)
        self.assertIn("system  S0\tother → tcp ::1\n", text)
        self.assertIn("error on line 2: ", text)

    def test_excerpt_only_of_an_unchanged_profile(self):
        text = self.read("a.mobileconfig")
        for changed, newer in (("\n" + text, False), (text.replace("<dict>", "<real>"), False), ("", False), (text, True)):
            os.utime(self.write("a.mobileconfig", changed), None if newer else (0, 0))
            out = self.explain("--state", "s.json", "--flow", json.dumps(FLOW))[1]
            self.assertNotIn(" 92 |", out)
            self.assertIn("source   a.mobileconfig:92:11", out)
        (self.folder / "a.mobileconfig").unlink()
        self.assertEqual(self.explain("--state", "s.json", "--flow", json.dumps(FLOW))[0], 0)
        os.mkfifo(self.folder / "a.mobileconfig")
        self.assertEqual(self.explain("--state", "s.json", "--flow", json.dumps(FLOW))[0], 0)

    def test_excerpt_underlines_the_key_and_hides_secrets(self):
        profile = (PROFILES / "include-all-networks.mobileconfig").read_text()
        tunnel = profile.split("com.apple.vpn.managed</string>")[1]
        self.write("i.mobileconfig", profile)
        one_line = "".join(line.strip() for line in profile.splitlines()[2:])
        one_line = one_line.replace("<key>IncludeAllNetworks", "<key>AuthPassword</key><string>hunter2hunter2</string><key>IncludeAllNetworks", 1)
        self.write("j.mobileconfig", "\n".join(profile.splitlines()[:2]) + "\n" + one_line)
        uuid = tunnel.split("<key>PayloadUUID</key>")[1].split("<string>")[1].split("<")[0].upper()
        self.write("t.json", json.dumps({"tunnels": {uuid: {"status": "connected", "interface": "utun0"}}}))
        flow = json.dumps({"protocol": "tcp", "remote": "203.0.113.80", "remote_port": 443})
        code, text, errors = self.explain("--state", "t.json", "--flow", flow, policy="i.mobileconfig")
        self.assertEqual(code, 0, errors)
        self.assertIn("S5.f", text)
        self.assertIn("^" * len("IncludeAllNetworks") + "\n", text)
        code, text, _ = self.explain("--state", "t.json", "--flow", flow, policy="j.mobileconfig")
        self.assertEqual(code, 0)
        self.assertIn("IncludeAllNetworks", text)
        self.assertNotIn("hunter2", text)

    def test_profile_in_place_of_a_policy(self):
        arguments = ("--state", "s.json", "--flow", json.dumps(FLOW), "--format", "json")
        code, out, errors = self.explain(*arguments, "--platform", "ios", policy="a.mobileconfig")
        self.assertEqual((code, json.loads(out)["source"]), (0, SOURCE_OF_TUNNEL))
        self.assertEqual(errors, "note: compiled in memory for this answer; no policy was written\n")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["a.mobileconfig", "p.vpnpolicy", "s.json"])
        stdin = (self.folder / "a.mobileconfig").read_bytes()
        self.assertEqual(self.explain(*arguments, policy="-", stdin=stdin)[0], 0)
        self.assertEqual(self.explain(*arguments, "--platform", "ios")[0], 2, "says nothing about a compiled policy")
        self.assertEqual(run("explain", "p.vpnpolicy", "a.mobileconfig", *arguments, folder=self.folder)[0], 2)

    def test_refused_profile(self):
        self.write("b.mobileconfig", self.read("a.mobileconfig").replace("TunnelConfigurations", "TunnelConfiguration"))
        code, out, errors = self.explain("--flow", json.dumps(FLOW), policy="b.mobileconfig")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("error[VP", errors)

    def test_warnings(self):
        self.write("t.json", json.dumps({"tunnels": {"nobody": {}}, "primary": "x"}))
        code, _, errors = self.explain("--state", "t.json", "--flow", json.dumps({**FLOW, "prot": 1}))
        self.assertEqual(code, 0)
        self.assertIn("'primary' is not a known key", errors)
        self.assertIn("tunnel 'nobody', which the policy does not have", errors)
        self.assertIn("'prot' is not a known key", errors)
        errors = self.explain("--flows", "-", stdin=(json.dumps({**FLOW, "prot": 1}) + "\n").encode() * 3)[2]
        self.assertEqual(errors.count("'prot'"), 1)

    def test_hostile_texts_do_not_reach_the_terminal(self):
        code, text, _ = self.explain("--flow", json.dumps({**FLOW, "app": "evil\x1b[2J\u202e", "hostname": "a\nb"}))
        self.assertEqual(code, 0)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\u202e", text)
        code, text, _ = self.explain("--flow", "[" * 100_000)
        self.assertEqual(code, 1)

    def test_exit_codes(self):
        flow = ("--flow", json.dumps(FLOW))
        self.assertEqual(self.explain()[0], 2)
        self.assertEqual(self.explain(*flow, "--flows", "-")[0], 2)
        self.assertEqual(self.explain("--state", "-", "--flows", "-")[0], 2)
        self.assertEqual(self.explain(*flow, policy="missing.vpnpolicy")[0], 3)
        self.assertEqual(self.explain(*flow, policy="missing.mobileconfig")[0], 3)
        self.assertEqual(self.explain(*flow, "--state", str(self.folder))[0], 3)
        self.write("t.json", "{]")
        self.assertEqual(self.explain(*flow, "--state", "t.json")[0], 1)
        self.assertEqual(self.explain("--flow", "{]")[0], 1)
        damaged = bytearray((self.folder / "p.vpnpolicy").read_bytes())
        damaged[300] ^= 1
        self.write("d.vpnpolicy", bytes(damaged))
        self.assertEqual(self.explain(*flow, policy="d.vpnpolicy")[0], 1)


if __name__ == "__main__":
    unittest.main()
