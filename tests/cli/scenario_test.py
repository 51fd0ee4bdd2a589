"""vpnprofile test: strict reading, differences, reports, exit codes; every example's scenario holds."""
import json
import unittest
import xml.etree.ElementTree as xml

from program import SOURCE, Case, run

PROFILES = SOURCE / "profiles"
TUNNEL = "CECFD8FC-4A7C-5380-9BDA-A79068DB7E14#0"
SCENARIO = """profiles: [always-on.mobileconfig]
platform: ios
states:
  up:
    primary_interface: wlan0
    interfaces: [{name: wlan0, type: wifi, addresses: [192.168.1.20/24]}]
    tunnels: {%s: {status: connected, interface: utun0}}
  down: {primary_interface: wlan0, interfaces: [{name: wlan0, type: wifi}]}
cases:
""" % TUNNEL
FLOW = "{app: com.example.mail, protocol: tcp, remote: 203.0.113.80, remote_port: 443}"


class Scenarios(Case):
    def setUp(self):
        super().setUp()
        self.write("always-on.mobileconfig", (PROFILES / "always-on.mobileconfig").read_bytes())

    def check(self, cases, *arguments, head=SCENARIO, name="s.yaml"):
        self.write(name, head + cases)
        return run("test", name, *arguments, folder=self.folder)

    def test_examples_hold(self):
        code, text, errors = run("test", *sorted(PROFILES.glob("*.test.yaml")))
        self.assertEqual((code, errors), (0, ""), text)
        self.assertRegex(text, r"(?m)^\d+ cases passed in \d+ files$")

    def test_passing(self):
        code, text, errors = self.check(f"  - {{state: up, flow: {FLOW}, expect: tunnel, rule: S3.e, tunnel: {TUNNEL.lower()}}}\n")
        self.assertEqual((code, text, errors), (0, "ok    s.yaml  1 case\n\n1 case passed in 1 file\n", ""))

    def test_differences(self):
        code, text, _ = self.check(f"  - {{name: mail, state: down, flow: {FLOW}, expect: direct, rule: S3.c}}\n")
        self.assertEqual(code, 1)
        self.assertEqual(text, f"""FAIL  s.yaml  1 of 1 case failed

s.yaml:10:5: mail
  state     down
  flow      com.example.mail → tcp 203.0.113.80:443
  expected  direct  S3.c
  got       drop    S3.e  {TUNNEL}
  because   always-on: the tunnel that carries on the primary interface
  source    always-on.mobileconfig:92:11  PayloadContent[1].AlwaysOn.TunnelConfigurations[0]

1 of 1 case failed in 1 file
""")

    def test_rule_and_tunnel_are_looked_at_only_where_given(self):
        self.assertEqual(self.check(f"  - {{state: up, flow: {FLOW}, expect: tunnel}}\n")[0], 0)
        self.assertEqual(self.check(f"  - {{state: up, flow: {FLOW}, expect: tunnel, rule: S3.d}}\n")[0], 1)
        self.assertEqual(self.check(f"  - {{state: up, flow: {FLOW}, expect: tunnel, tunnel: other}}\n")[0], 1)
        self.assertEqual(self.check(f"  - {{state: up, flow: {FLOW}, expect: drop}}\n")[0], 1)
        direct = "{protocol: udp, remote: 255.255.255.255, remote_port: 67, local_port: 68}"
        self.assertEqual(self.check(f"  - {{state: up, flow: {direct}, expect: direct, tunnel: {TUNNEL}}}\n")[0], 1)

    def test_incoming(self):
        flow = "{protocol: tcp, remote: 203.0.113.80, direction: in, arrives_on: %s}"
        self.assertEqual(self.check(f"  - {{state: up, flow: {flow % 'utun0'}, expect: accept}}\n"
                                    f"  - {{state: up, flow: {flow % 'wlan0'}, expect: drop}}\n")[0], 0)

    def test_json_scenario_with_escapes_tabs_and_positions(self):
        scenario = {"profiles": ["always-on.mobileconfig"], "platform": "ios",
                    "states": {"\U0001f600": {"primary_interface": "w", "interfaces": [{"name": "w", "ssid": "\U0001f600"}]}},
                    "cases": [{"state": "\U0001f600", "flow": {"protocol": "tcp", "remote": "203.0.113.80"}, "expect": "direct"}]}
        code, text, errors = self.check("", head=json.dumps(scenario, indent="\t"), name="s.json")
        self.assertEqual((code, errors), (1, ""))
        self.assertIn("s.json:18:3: a case failed", text)

    def test_states_in_files(self):
        self.write("states/up.json", '{"primary_interface": "wlan0", "interfaces": [{"name": "wlan0"}]}')
        self.write("states/other.yaml", "primary_interface: wlan0\ninterfaces: [{name: wlan0}]\n")
        head = SCENARIO.replace("  down:", "  file: {file: states/up.json}\n  yaml: {file: states/other.yaml}\n  down:")
        cases = "".join(f"  - {{state: {s}, flow: {FLOW}, expect: drop, rule: S3.e}}\n" for s in ("file", "yaml"))
        self.assertEqual(self.check(cases, head=head)[0], 0)
        run_elsewhere = run("test", self.folder / "s.yaml")
        self.assertEqual(run_elsewhere[0], 0, run_elsewhere)

    def test_compiled_policy(self):
        self.assertEqual(run("compile", "always-on.mobileconfig", "-o", "p.vpnpolicy", folder=self.folder)[0], 0)
        head = SCENARIO.replace("profiles: [always-on.mobileconfig]\nplatform: ios", "policy: p.vpnpolicy")
        self.assertEqual(self.check(f"  - {{state: up, flow: {FLOW}, expect: tunnel}}\n", head=head)[0], 0)
        code, _, errors = self.check(f"  - {{state: up, flow: {FLOW}, expect: tunnel}}\n", head="platform: ios\n" + head)
        self.assertEqual(code, 1)
        self.assertIn("s.yaml:1:1: 'platform' says nothing about a policy that is compiled already", errors)

    def test_warns_of_strange_tunnels(self):
        head = SCENARIO.replace("  down: {", "  down: {tunnels: {nobody: {}}, ")
        code, _, errors = self.check(f"  - {{state: down, flow: {FLOW}, expect: drop}}\n", head=head)
        self.assertEqual(code, 0)
        self.assertIn("the state 'down' lists the tunnel 'nobody'", errors)

    def test_filter(self):
        cases = (f"  - {{name: one, state: up, flow: {FLOW}, expect: tunnel}}\n"
                 f"  - {{name: two, state: down, flow: {FLOW}, expect: direct}}\n")
        self.assertEqual(self.check(cases, "--filter", "one")[0], 0)
        self.assertEqual(self.check(cases, "--filter", "two")[0], 1)
        self.assertEqual(self.check(cases, "--filter", "s.yaml:10")[0], 0)
        self.assertIn("2 cases", self.check(cases, "--filter", "one", "--filter", "two")[1])
        code, text, errors = self.check(cases, "--filter", "three")
        self.assertEqual((code, text), (2, ""))
        self.assertIn("no case matches", errors)

    def test_json_report(self):
        code, text, _ = self.check(f"  - {{name: one, state: up, flow: {FLOW}, expect: tunnel}}\n"
                                   f"  - {{state: down, flow: {FLOW}, expect: direct, rule: S3.c}}\n", "--format", "json")
        report = json.loads(text)
        self.assertEqual(code, 1)
        self.assertEqual([report[k] for k in ("passed", "failed", "not_run")], [1, 1, 0])
        good, bad = report["files"][0]["cases"]
        self.assertEqual((good["name"], good["passed"], good["line"]), ("one", True, 10))
        self.assertEqual(bad["expected"], {"verdict": "direct", "rule": "S3.c"})
        self.assertEqual(list(bad["got"]), ["verdict", "tunnel", "rule", "source"])
        self.assertEqual(bad["flow"]["remote_port"], 443)

    def test_junit_report(self):
        self.write("broken.yaml", "cases: [")
        self.write("s.yaml", SCENARIO + f"  - {{name: <one> & only, state: up, flow: {FLOW}, expect: tunnel}}\n"
                   f"  - {{state: down, flow: {FLOW}, expect: direct}}\n")
        code, text, _ = run("test", "s.yaml", "broken.yaml", "--format", "junit", folder=self.folder)
        self.assertEqual(code, 1)
        root = xml.fromstring(text)
        self.assertEqual((root.get("tests"), root.get("failures"), root.get("errors")), ("2", "1", "1"))
        cases = root.findall("./testsuite/testcase")
        self.assertEqual(cases[0].get("name"), "<one> & only")
        self.assertIn("expected direct", cases[1].find("failure").get("message"))
        self.assertIsNotNone(cases[2].find("error"))

    def test_strict(self):
        flow = f"flow: {FLOW}"
        for text, place, what in [
                (SCENARIO.replace("platform:", "platfrom:") + f"  - {{state: up, {flow}, expect: tunnel}}\n", "2:1", "unknown key 'platfrom'"),
                (SCENARIO.replace("platform: ios", "platform: android") + f"  - {{state: up, {flow}, expect: tunnel}}\n", "2:11", "'platform' must be"),
                (SCENARIO + f"  - {{state: up, {flow}, expect: tunnel, rules: S3}}\n", "10:", "unknown key 'rules'"),
                (SCENARIO + f"  - {{state: upp, {flow}, expect: tunnel}}\n", "10:13", "there is no state 'upp'"),
                (SCENARIO + f"  - {{{flow}, expect: tunnel}}\n", "10:5", "names no 'state'"),
                (SCENARIO + "  - {state: up, expect: tunnel}\n", "10:5", "needs a 'flow'"),
                (SCENARIO + f"  - {{state: up, {flow}}}\n", "10:5", "what to 'expect'"),
                (SCENARIO + f"  - {{state: up, {flow}, expect: accept}}\n", "10:", "'expect' must be"),
                (SCENARIO + "  - {state: up, flow: {protocol: tcp, remote: 1.2.3.4, direction: in}, expect: tunnel}\n", "10:", "'accept' or 'drop'"),
                (SCENARIO + f"  - {{state: up, {flow}, expect: tunnel, rule: S9}}\n", "10:", "'rule' must be"),
                (SCENARIO + "  - {state: up, flow: {protocl: tcp, protocol: tcp, remote: 1.2.3.4}, expect: drop}\n", "10:24", "unknown key 'protocl'"),
                (SCENARIO + "  - {state: up, flow: {protocol: tcp, remote: 1.2.3.4.5}, expect: drop}\n", "10:", "'remote' must be"),
                (SCENARIO + "  - {state: up, state: up}\n", "10:17", "'state' is there twice"),
                (SCENARIO.replace("  down: {", "  down: {tunnels: {x: {stats: up}}, ") + f"  - {{state: up, {flow}, expect: tunnel}}\n", "8:24", "unknown key 'tunnels.x.stats'"),
                (SCENARIO.replace("type: wifi}]}\n", "type: lan}]}\n") + f"  - {{state: up, {flow}, expect: tunnel}}\n", "8:9", "type' must be"),
                (SCENARIO.replace("profiles:", "policy: p.vpnpolicy\nprofiles:") + f"  - {{state: up, {flow}, expect: tunnel}}\n", "1:1", "either 'profiles' or a 'policy'"),
                (SCENARIO.replace("cases:\n", ""), "1:1", "'cases' is missing"),
                (SCENARIO.replace("cases:\n", "cases: []\n"), "9:8", "at least one case"),
                ("just text", "1:1", "a mapping"),
                ("a: [", "1:", "this is no YAML"),
                ("a: 1\n---\nb: 2\n", "3:1", "one YAML document"),
                (",", "1:1", "one YAML document"),  # YAML::LoadAll() makes documents of it without end
                ("a: &x [*x]\n", "1:", "nested too deeply"),
        ]:
            code, output, errors = self.check("", head=text)
            self.assertEqual(code, 1, (what, errors))
            self.assertIn(f"s.yaml:{place}", errors, what)
            self.assertIn(what, errors)
            self.assertIn("could not be run", output)

    def test_hostile(self):
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))
        for text in (bomb, "[" * 100_000, "a: " * 10_000, "\0\1\2", "{" * 40 + "}" * 40):
            code, _, errors = self.check("", head=text)
            self.assertEqual(code, 1, errors)
        self.assertEqual(self.check("", head="[" * 1_000_000, name="s.json")[0], 1)

    def test_files_that_cannot_be_read(self):
        self.assertEqual(run("test", "missing.yaml", folder=self.folder)[0], 3)
        self.assertEqual(run("test", self.folder)[0], 3)
        head = SCENARIO.replace("  down:", "  file: {file: missing.json}\n  down:")
        code, _, errors = self.check(f"  - {{state: up, flow: {FLOW}, expect: tunnel}}\n", head=head)
        self.assertEqual(code, 3)
        self.assertIn("it is named at s.yaml:8:16", errors)
        head = SCENARIO.replace("always-on.mobileconfig", "missing.mobileconfig")
        self.assertEqual(self.check(f"  - {{state: up, flow: {FLOW}, expect: tunnel}}\n", head=head)[0], 3)

    def test_refused_profiles(self):
        text = (PROFILES / "always-on.mobileconfig").read_text().replace("TunnelConfigurations", "TunnelConfiguration")
        self.write("always-on.mobileconfig", text)
        code, text, errors = self.check(f"  - {{state: up, flow: {FLOW}, expect: tunnel}}\n")
        self.assertEqual(code, 1)
        self.assertIn("TunnelConfigurations", errors)
        self.assertIn("its profiles have errors", errors)
        self.assertIn("1 file could not be run", text)

    def test_usage(self):
        self.assertEqual(run("test")[0], 2)
        self.assertEqual(run("test", "x", "--format", "sarif")[0], 2)


if __name__ == "__main__":
    unittest.main()
