"""Profiles for the scenarios, compiled from XML by vpnprofile as anybody's would be."""

import json
import plistlib
import subprocess
import uuid

from tests.lab import strongswan, world

ALWAYS_ON, DEVICE_WIDE, PER_APP = (str(uuid.uuid5(uuid.NAMESPACE_DNS, name)).upper() for name in ("always-on", "device-wide", "per-app"))
IDENTITY, CA = (str(uuid.uuid5(uuid.NAMESPACE_DNS, name)).upper() for name in ("identity", "ca"))
ALWAYS_ON_TUNNEL = f"{ALWAYS_ON}#0"
EVERYWHERE = ["0.0.0.0/0", "::/0"]
# The apps of the lab: told by their cgroups, as desktops lay them out, and by their executables in scenarios about those.
APPS = {
    "com.example.browser": {"cgroup": "app-browser.scope", "roles": ["browser"]},
    "com.example.mail": {"cgroup": "app-mail.scope", "roles": ["mail"]},
    "com.example.portal": {"cgroup": "app-portal.scope", "roles": ["captive-websheet"]},
    "com.example.ledger": {"cgroup": "app-ledger.scope"},
    "com.example.watch": {"cgroup": "app-watch.scope", "roles": ["companion"]},
}


def _payload(kind, identifier, content, name):
    return {"PayloadType": kind, "PayloadVersion": 1, "PayloadIdentifier": f"com.example.lab.{name}", "PayloadUUID": identifier,
            "PayloadDisplayName": name, **content}


def _profile(*payloads):
    return plistlib.dumps({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "com.example.lab",
                           "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, "profile")).upper(), "PayloadDisplayName": "Lab",
                           "PayloadOrganization": "Example", "PayloadContent": list(payloads)})


def _device(identity):
    return _payload("com.apple.security.pkcs12", IDENTITY, {"PayloadContent": identity.pkcs12.read_bytes(), "Password": "lab"}, "identity")


def _identity(identity, authority):
    """The device's certificate and the authority's, inside the profile."""
    return [_device(identity),
            _payload("com.apple.security.root", CA, {"PayloadContent": authority.certificate.read_bytes()}, "ca")]


def ike(**more):
    """The IKEv2 dictionary of the lab's gateway."""
    algorithms = {"EncryptionAlgorithm": "AES-256-GCM", "IntegrityAlgorithm": "SHA2-256", "DiffieHellmanGroup": 19}
    return {"RemoteAddress": world.GATEWAY, "RemoteIdentifier": strongswan.GATEWAY_NAME, "LocalIdentifier": strongswan.DEVICE_NAME,
            "AuthenticationMethod": "Certificate", "CertificateType": "ECDSA256", "PayloadCertificateUUID": IDENTITY,
            "DeadPeerDetectionRate": "High", "EnablePFS": 1, "IKESecurityAssociationParameters": algorithms,
            "ChildSecurityAssociationParameters": algorithms, **more}


def always_on(identity, authority, **more):
    return always_on_with(identity, authority, ike(), **more)


def always_on_with(identity, authority, dictionary, **more):
    """With another IKEv2 dictionary than the lab's."""
    tunnel = {"ProtocolType": "IKEv2", "Interfaces": ["Cellular", "WiFi"], **dictionary}
    vpn = {"UserDefinedName": "Lab", "VPNType": "AlwaysOn", "AlwaysOn": {"UIToggleEnabled": 0, "TunnelConfigurations": [tunnel], **more}}
    return _profile(*_identity(identity, authority), _payload("com.apple.vpn.managed", ALWAYS_ON, vpn, "always-on"))


def always_on_pair(identity, authority):
    """A tunnel for Wi-Fi and one for cellular: both are kept up where both are there."""
    vpn = {"UserDefinedName": "Lab", "VPNType": "AlwaysOn", "AlwaysOn": {"UIToggleEnabled": 0, "TunnelConfigurations": [
        {"ProtocolType": "IKEv2", "Interfaces": [kind], **ike()} for kind in ("WiFi", "Cellular")]}}
    return _profile(*_identity(identity, authority), _payload("com.apple.vpn.managed", ALWAYS_ON, vpn, "always-on"))


def device_wide(dns=None, **keys):
    """A VPN of somebody's own client: IncludeAllNetworks, EnforceRoutes and so on by `keys`. On demand always, so that it is
    engaged from the start."""
    on_demand = {"OnDemandEnabled": 1, "OnDemandRules": [{"Action": "Connect"}]}
    vpn = {"UserDefinedName": "Lab", "VPNType": "VPN", "VPNSubType": "com.example.client",
           "VPN": {"RemoteAddress": world.GATEWAY, "ProviderBundleIdentifier": "com.example.client.tunnel", "ProviderType": "packet-tunnel",
                   "AuthenticationMethod": "Password", **on_demand, **keys}, **({"DNS": dns} if dns else {})}
    return _profile(_payload("com.apple.vpn.managed", DEVICE_WIDE, vpn, "device-wide"))


def ikev2(authority, *payloads, **more):
    """A guard by IKEv2, with EAP and without a password unless `more` has other keys."""
    keys = {name: value for name, value in ike().items() if name not in ("LocalIdentifier", "CertificateType", "PayloadCertificateUUID")}
    dictionary = {**keys, "AuthenticationMethod": "None", "ExtendedAuthEnabled": 1, "AuthName": strongswan.USER, "IncludeAllNetworks": 1,
                  "OnDemandEnabled": 1, "OnDemandRules": [{"Action": "Connect"}], **more}
    vpn = {"UserDefinedName": "Lab", "VPNType": "IKEv2", "IKEv2": dictionary}
    return _profile(*payloads, _payload("com.apple.security.root", CA, {"PayloadContent": authority.certificate.read_bytes()}, "ca"),
                    _payload("com.apple.vpn.managed", DEVICE_WIDE, vpn, "ikev2"))


def scep(challenge):
    """An identity that has to be enrolled."""
    return _payload("com.apple.security.scep", IDENTITY, {"PayloadContent": {
        "URL": "https://scep.example.com/", "Name": "lab", "Challenge": challenge, "Keysize": 2048, "Key Type": "RSA"}}, "identity")


def ipsec(authority, identity, **keys):
    """A VPN by IPSec (IKEv1) that takes everything while it is connected. The gateway's name is in its certificate."""
    vpn = {"UserDefinedName": "Lab", "VPNType": "IPSec", "IPSec": {"RemoteAddress": world.GATEWAY, **keys}, "IPv4": {"OverridePrimary": 1}}
    return _profile(*_identity(identity, authority), _payload("com.apple.vpn.managed", DEVICE_WIDE, vpn, "ipsec"))


def wireguard(private, public):
    """A guard by WireGuard, for its own apps' VendorConfig."""
    quick = (f"[Interface]\nPrivateKey = {private}\nAddress = {world.TUNNEL}/32, {world.TUNNEL6}/128\n\n"
             f"[Peer]\nPublicKey = {public}\nEndpoint = {world.GATEWAY}:51820\nAllowedIPs = 0.0.0.0/0, ::/0\n")
    vpn = {"UserDefinedName": "Lab", "VPNType": "VPN", "VPNSubType": "com.wireguard.macos", "VendorConfig": {"WgQuickConfig": quick},
           "VPN": {"RemoteAddress": f"{world.GATEWAY}:51820", "ProviderBundleIdentifier": "com.wireguard.macos.network-extension",
                   "AuthenticationMethod": "Password", "IncludeAllNetworks": 1, "OnDemandEnabled": 1, "OnDemandRules": [{"Action": "Connect"}]}}
    return _profile(_payload("com.apple.vpn.managed", DEVICE_WIDE, vpn, "wireguard"))


def openvpn(authority, identity, protocol="udp", password=None, **directives):
    """A guard by OpenVPN: by an identity, or by user and password; an empty password is left out."""
    vendor = {"client": "NOARGS", "dev": "tun", "proto": protocol, "remote": f"{world.GATEWAY} 1194", "nobind": "NOARGS",
              "remote-cert-tls": "server", "ca": authority.certificate.read_text().replace("\n", "\\n"), **directives}
    login = {"AuthenticationMethod": "Certificate", "PayloadCertificateUUID": IDENTITY}
    if password is not None:
        vendor["auth-user-pass"] = "NOARGS"
        login = {"AuthenticationMethod": "Password", "AuthName": strongswan.USER, **({"AuthPassword": password} if password else {})}
    vpn = {"UserDefinedName": "Lab", "VPNType": "VPN", "VPNSubType": "net.openvpn.connect.app", "VendorConfig": vendor,
           "VPN": {"RemoteAddress": world.GATEWAY, "ProviderBundleIdentifier": "net.openvpn.connect.app.PacketTunnelProvider",
                   "IncludeAllNetworks": 1, "OnDemandEnabled": 1, "OnDemandRules": [{"Action": "Connect"}], **login}}
    return _profile(*(_identity(identity, authority) if identity else []), _payload("com.apple.vpn.managed", DEVICE_WIDE, vpn, "openvpn"))


def per_app(*apps, root=None, identity=None, rules=None, **keys):
    """`root`: a certificate that the profile brings as an authority; `identity`: of the device (IDENTITY); `rules`: of on-demand."""
    vpn = {"UserDefinedName": "Lab", "VPNType": "VPN", "VPNSubType": "com.example.client", "VPNUUID": PER_APP,
           "VPN": {"RemoteAddress": world.GATEWAY, "ProviderBundleIdentifier": "com.example.client.tunnel", "ProviderType": "packet-tunnel",
                   "AuthenticationMethod": "Password", **({"OnDemandEnabled": 1, "OnDemandRules": rules} if rules else {})}}
    mapping = {"AppLayerVPNMapping": [{"Identifier": app, "VPNUUID": PER_APP} for app in apps]}
    return _profile(_payload("com.apple.vpn.managed.applayer", str(uuid.uuid5(uuid.NAMESPACE_DNS, "layer")).upper(), {**vpn, **keys}, "per-app"),
                    *([_payload("com.apple.security.root", CA, {"PayloadContent": root.read_bytes()}, "ca")] if root else []),
                    *([_device(identity)] if identity else []),
                    _payload("com.apple.vpn.managed.appmapping", str(uuid.uuid5(uuid.NAMESPACE_DNS, "mapping")).upper(), mapping, "mapping"))


def transparent(vendor, **keys):
    """A transparent proxy of its own provider (VendorConfig)."""
    vpn = {"UserDefinedName": "Lab", "VPNType": "TransparentProxy", "VPNSubType": "com.example.proxy", "VendorConfig": vendor,
           "TransparentProxy": {"RemoteAddress": world.GATEWAY, "ProviderBundleIdentifier": "com.example.proxy", "AuthenticationMethod": "Password", **keys}}
    return _profile(_payload("com.apple.vpn.managed", DEVICE_WIDE, vpn, "transparent"))


def compile_policy(program, folder, profile, name="lab", apps=None, serial=None):
    """The policy's file."""
    folder.mkdir(parents=True, exist_ok=True)
    source, policy, app_map = folder / f"{name}.mobileconfig", folder / f"{name}.vpnpolicy", folder / f"{name}.apps.json"
    source.write_bytes(profile)
    app_map.write_text(json.dumps(APPS if apps is None else apps))
    done = subprocess.run([program, "compile", source, "-o", policy, "--app-map", app_map, "--platform", "linux",
                           *(["--serial", str(serial)] if serial is not None else [])], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"vpnprofile compile: {done.stdout}{done.stderr}")
    return policy
