"""Small builders for profiles and declarations, for the tests and for the generator.

What they make passes the linter without errors; secrets are plain to see fakes.
"""

import plistlib

SECRET = "not-a-real-secret"


def uuid_of(number):
    return f"{number:08X}-0000-4000-8000-{number:012X}"


def payload(payload_type, number, **keys):
    return {"PayloadType": payload_type, "PayloadVersion": 1, "PayloadIdentifier": f"com.example.payload.{number}",
            "PayloadUUID": uuid_of(number), "PayloadDisplayName": f"Payload {number}", **keys}


def profile(*payloads, number=0xF000):
    return {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": f"com.example.profile.{number}",
            "PayloadUUID": uuid_of(number), "PayloadDisplayName": f"Profile {number}", "PayloadContent": list(payloads)}


def security():
    return {"EncryptionAlgorithm": "AES-256-GCM", "IntegrityAlgorithm": "SHA2-256", "DiffieHellmanGroup": 19,
            "LifeTimeInMinutes": 1440}


def ike_keys(server="vpn.example.com"):
    return {"RemoteAddress": server, "LocalIdentifier": "device.example.com", "RemoteIdentifier": "vpn.example.com",
            "AuthenticationMethod": "SharedSecret", "SharedSecret": SECRET,
            "IKESecurityAssociationParameters": security(), "ChildSecurityAssociationParameters": security()}


def ipsec_keys(server="vpn.example.com"):
    return {"RemoteAddress": server, "AuthenticationMethod": "SharedSecret", "SharedSecret": SECRET.encode(),
            "LocalIdentifier": "group", "LocalIdentifierType": "KeyID"}


def plugin_keys(server="vpn.example.com"):
    return {"RemoteAddress": server, "AuthenticationMethod": "Password", "ProviderBundleIdentifier": "com.example.client.tunnel"}


def vpn(number, kind="VPN", per_app=False, **block):
    """A VPN payload; `block` goes into the dictionary that its VPNType reads.

    Keys of the payload itself are given in `block` as `payload_KEY`.
    """
    outer = {key[8:]: block.pop(key) for key in list(block) if key.startswith("payload_")}
    made = payload("com.apple.vpn.managed.applayer" if per_app else "com.apple.vpn.managed", number,
                   UserDefinedName=f"VPN {number}", VPNType=kind)
    if per_app:
        made["VPNUUID"] = uuid_of(number + 0x1000)
    if kind in ("VPN", "TransparentProxy"):
        made["VPNSubType"] = "com.example.client"
    if kind == "L2TP":
        made["PPP"] = {"CommRemoteAddress": block.pop("RemoteAddress", "vpn.example.com"), "AuthName": "user"}
        made["IPSec"] = {"AuthenticationMethod": "SharedSecret", "SharedSecret": SECRET.encode(), **block}
    else:
        base = {"IKEv2": ike_keys, "IPSec": ipsec_keys}.get(kind, plugin_keys)()
        made[kind] = {**base, **block}
    made.update(outer)
    return made


def always_on(number, tunnels=({},), **keys):
    """`tunnels`: for each what differs from the usual, for instance {"Interfaces": ["WiFi"]}."""
    made = [{"ProtocolType": "IKEv2", **ike_keys(), **t} for t in tunnels]
    return payload("com.apple.vpn.managed", number, UserDefinedName=f"VPN {number}", VPNType="AlwaysOn",
                   AlwaysOn={"UIToggleEnabled": 0, "TunnelConfigurations": made, **keys})


def mapping(number, *entries):
    return payload("com.apple.vpn.managed.appmapping", number, AppLayerVPNMapping=list(entries))


def designated(app):
    return f'identifier "{app}" and anchor apple generic'


def mapped(app, vpn_payload, tools=None):
    entry = {"Identifier": app, "VPNUUID": vpn_payload["VPNUUID"], "SigningIdentifier": app,
             "DesignatedRequirement": designated(app)}
    if tools is not None:
        entry["MatchTools"] = tools
    return entry


def tool(app, path=None):
    made = {"SigningIdentifier": app, "DesignatedRequirement": designated(app)}
    return {**made, "Path": path} if path else made


def declaration(kind, identifier, **keys):
    return {"Type": "com.apple.configuration.network.vpn." + kind, "Identifier": identifier,
            "ServerToken": "1", "Payload": {"VisibleName": identifier, **keys}}


def as_xml(document):
    return plistlib.dumps(document, fmt=plistlib.FMT_XML, sort_keys=False)
