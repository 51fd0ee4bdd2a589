"""vpnprofile schema: its forms and exit codes; the JSON Schema takes our examples and refuses what is wrong."""
import base64
import copy
import datetime
import json
import plistlib
import unittest

from program import SOURCE, run

try:
    import jsonschema
except ImportError:
    jsonschema = None


def output(*arguments):
    code, text, errors = run("schema", *arguments)
    assert code == 0 and errors == "", (arguments, code, errors)
    return text


def as_json(value):
    """A property list as the JSON Schema wants it."""
    if isinstance(value, dict):
        return {key: as_json(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return value.isoformat() + "Z"
    return value


def vpn(**changes):
    payload = {
        "PayloadType": "com.apple.vpn.managed", "PayloadVersion": 1, "PayloadIdentifier": "com.example.vpn.1",
        "PayloadUUID": "5E3F9A52-7C5B-4C39-9E2A-8B0C6A1D2F30", "UserDefinedName": "Work", "VPNType": "IKEv2",
        "IKEv2": {"RemoteAddress": "vpn.example.com", "LocalIdentifier": "device", "RemoteIdentifier": "vpn.example.com",
                  "AuthenticationMethod": "SharedSecret", "SharedSecret": "not a secret", "IncludeAllNetworks": 1,
                  "DisableRedirect": True,
                  "OnDemandRules": [{"Action": "Connect", "SSIDMatch": ["Cafe"]}, {"Action": "Ignore"}]},
        **changes}
    return {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "com.example.vpn",
            "PayloadUUID": "0B5A4E0C-54B4-4D3E-8A57-2C2E4F5B6A01", "PayloadContent": [payload]}


def changed(profile, path, value):
    """A copy with another value at the path; None takes the key away."""
    profile = copy.deepcopy(profile)
    at = profile
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return profile


IKE = ("PayloadContent", 0, "IKEv2")
BAD = [
    ("unknown key", (*IKE, "RemoteAddres"), "x"),
    ("unknown key of the payload", ("PayloadContent", 0, "IncludeAllNetworks"), 1),
    ("missing key", (*IKE, "RemoteAddress"), None),
    ("missing block", ("PayloadContent", 0, "IKEv2"), None),
    ("wrong value", (*IKE, "AuthenticationMethod"), "Password"),
    ("wrong type", (*IKE, "RemoteAddress"), 7),
    ("flag out of range", (*IKE, "IncludeAllNetworks"), 2),
    ("out of range", (*IKE, "MTU"), 9000),
    ("unknown action", (*IKE, "OnDemandRules", 0, "Action"), "Explode"),
    ("unknown type of VPN", ("PayloadContent", 0, "VPNType"), "WireGuard"),
    ("no payload type", ("PayloadContent", 0, "PayloadType"), None),
    ("no version", ("PayloadVersion",), None),
    ("version", ("PayloadVersion",), 2),
]
DECLARATION = {
    "Type": "com.apple.configuration.network.vpn.always-on", "Identifier": "a", "ServerToken": "1",
    "Payload": {"VisibleName": "Always", "TunnelConfigurations": [
        {"ProtocolType": "IKEv2", "Interfaces": ["WiFi"], "IKEV2": {
            "HostName": "vpn.example.com", "LocalIdentifier": "device", "RemoteIdentifier": "vpn.example.com",
            "Authentication": {"Method": "Certificate", "IdentityAssetReference": "identity"}}}]}}
BAD_DECLARATIONS = [
    ("no tunnels", ("Payload", "TunnelConfigurations"), []),
    ("no host", ("Payload", "TunnelConfigurations", 0, "IKEV2", "HostName"), None),
    ("unknown key", ("Payload", "AlwaysOn"), {}),
    ("no identifier", ("Identifier",), None),
]


class Forms(unittest.TestCase):
    def test_list(self):
        lines = output().splitlines()
        self.assertTrue(lines[0].startswith("Configuration "))
        for name in ("com.apple.vpn.managed", "com.apple.vpn.managed.applayer", "com.apple.security.pkcs12",
                     "com.apple.configuration.network.vpn.ikev2", "com.apple.asset.credential.identity"):
            self.assertTrue(any(line.startswith(name + " ") for line in lines), name)
        listed = json.loads(output("--format", "json"))
        self.assertEqual(sorted(line.split()[0] for line in lines), sorted(entry["type"] for entry in listed))

    def test_one_key(self):
        text = output("com.apple.vpn.managed", "AlwaysOn.TunnelConfigurations[0].MTU")
        self.assertIn("1280 to 1400", text)
        self.assertNotIn("\x1b", text)
        for nothing in ("", "PayloadContent[0]"):
            self.assertEqual(output("com.apple.vpn.managed", nothing), output("com.apple.vpn.managed"))
        self.assertIn("\x1b[", output("com.apple.vpn.managed", "VPNType", "--color", "always"))
        key = json.loads(output("vpn.managed", "IKEv2.MTU", "--format", "json"))
        self.assertEqual((key["path"], key["min"], key["max"]), ("IKEv2.MTU", 1280, 1400))

    def test_completion(self):
        words = [line.split("\t") for line in output("vpn.managed", "--format", "completion").splitlines()]
        self.assertTrue(all(len(word) == 4 for word in words))
        self.assertIn("VPN.OnDemandRules[].Action", [word[0] for word in words])

    def test_wrong_usage(self):
        for arguments, hint in ((["com.apple.security.pkcs13"], "com.apple.security.pkcs12"),
                                (["scep"], "com.apple.security.scep"),
                                ([""], "lists the types"),
                                (["com.apple.wifi.managed"], "not judged"),
                                (["vpn.managed", "IKEv2.Mtu"], "MTU"),
                                (["vpn.managed", "VPN", "VPN"], ""),
                                (["--format", "xml"], "json-schema")):
            code, text, errors = run("schema", *arguments)
            self.assertEqual((code, text), (2, ""), arguments)
            self.assertIn(hint, errors, arguments)


@unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
class JsonSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.whole = json.loads(output("--format", "json-schema"))
        cls.validator = jsonschema.Draft202012Validator(cls.whole)

    def good(self, name, document):
        with self.subTest(name):
            self.assertEqual([error.message for error in self.validator.iter_errors(document)], [])

    def bad(self, name, document):
        with self.subTest(name):
            self.assertFalse(self.validator.is_valid(document))

    def test_is_well_formed(self):
        jsonschema.Draft202012Validator.check_schema(self.whole)
        for entry in json.loads(output("--format", "json")):
            jsonschema.Draft202012Validator.check_schema(json.loads(output(entry["type"], "--format", "json-schema")))

    def test_profiles(self):
        self.good("a good one", vpn())
        self.good("a foreign payload",
                  changed(vpn(), ("PayloadContent", 0), {"PayloadType": "com.apple.wifi.managed", "SSID": "x"}))
        for name, path, value in BAD:
            self.bad(name, changed(vpn(), path, value))

    def test_one_payload(self):
        single = jsonschema.Draft202012Validator(json.loads(output("com.apple.vpn.managed", "--format", "json-schema")))
        self.assertTrue(single.is_valid(vpn()["PayloadContent"][0]))
        self.assertFalse(single.is_valid(vpn()))

    def test_declarations(self):
        self.good("a good one", DECLARATION)
        for name, path, value in BAD_DECLARATIONS:
            self.bad(name, changed(DECLARATION, path, value))

    def test_anything_else(self):
        self.bad("neither profile nor declaration", {})
        self.bad("no dictionary", [])

    def test_examples(self):
        count = 0
        for file in sorted((SOURCE / "profiles").rglob("*")):
            if file.suffix == ".mobileconfig":
                try:
                    self.good(file.name, as_json(plistlib.loads(file.read_bytes())))
                except plistlib.InvalidFileException:
                    continue  # signed
                count += 1
            elif file.suffix == ".json" and '"ServerToken"' in file.read_text():
                self.good(file.name, json.loads(file.read_text()))
                count += 1
        self.assertGreaterEqual(count, 14)


if __name__ == "__main__":
    unittest.main()
