#!/usr/bin/env python3
"""The JSON Schema of `vpnprofile schema` is well-formed, takes our examples and refuses what is wrong.

usage: json_schema_test.py VPNPROFILE PROFILES      exit 77: python3-jsonschema is not installed
"""
import base64
import copy
import datetime
import json
import pathlib
import plistlib
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)


def schema(program, *arguments):
    command = [program, "schema", "--format", "json-schema", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def as_json(value):
    """A property list as the schema wants it."""
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


def main(program, folder):
    failures = []

    def expect(good, name, errors):
        if good != (not errors):
            failures.append(f"{name}: " + ("; ".join(e.message[:200] for e in errors) or "taken, though wrong"))

    whole = schema(program)
    jsonschema.Draft202012Validator.check_schema(whole)
    validator = jsonschema.Draft202012Validator(whole)

    def check(good, name, document):
        expect(good, name, list(validator.iter_errors(document)))

    check(True, "a good profile", vpn())
    for name, path, value in BAD:
        check(False, name, changed(vpn(), path, value))
    check(True, "a good declaration", DECLARATION)
    for name, path, value in BAD_DECLARATIONS:
        check(False, "declaration: " + name, changed(DECLARATION, path, value))
    check(True, "a foreign payload", changed(vpn(), ("PayloadContent", 0), {"PayloadType": "com.apple.wifi.managed", "SSID": "x"}))
    check(False, "neither profile nor declaration", {})
    check(False, "no dictionary", [])

    types = json.loads(subprocess.run([program, "schema", "--format", "json"], check=True, capture_output=True).stdout)
    for entry in types:
        jsonschema.Draft202012Validator.check_schema(schema(program, entry["type"]))
    single = jsonschema.Draft202012Validator(schema(program, "com.apple.vpn.managed"))
    expect(True, "a payload by itself", list(single.iter_errors(vpn()["PayloadContent"][0])))

    examples = 0
    for file in sorted(pathlib.Path(folder).rglob("*")):
        if file.suffix == ".mobileconfig":
            try:
                check(True, file.name, as_json(plistlib.loads(file.read_bytes())))
            except plistlib.InvalidFileException:
                continue  # signed
            examples += 1
        elif file.suffix == ".json" and '"ServerToken"' in file.read_text():
            check(True, file.name, json.loads(file.read_text()))
            examples += 1
    print(f"{len(types)} types, {len(BAD) + len(BAD_DECLARATIONS)} faults, {examples} examples")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
