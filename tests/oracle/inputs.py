"""What users give (profiles, declarations, app map, state), read as plainly as possible.

The reader knows only the keys that semantics.md mentions, and expects files without findings of
severity error: judging files is the linter's business.
"""

import json
import plistlib
from dataclasses import dataclass, field
from pathlib import Path

import yaml

import addresses
import domains
import services

DECLARATION = "com.apple.configuration.network.vpn."
DEVICE_WIDE = "com.apple.vpn.managed"
PER_APP = "com.apple.vpn.managed.applayer"
APP_MAPPING = "com.apple.vpn.managed.appmapping"
LOCAL_EXCLUDED_BY_DEFAULT = {"ios", "visionos", "tvos", "watchos"}  # S5.c and notes
TRIGGER_LISTS = {  # S4.c
    "browser": "SafariDomains", "mail": "MailDomains", "calendar": "CalendarDomains",
    "contacts": "ContactsDomains", "smb": "SMBDomains"}


def flag(value, absent=False):
    """0, 1, false, true, "1" and 1.0 are all seen in the field (corpus)."""
    if value is None:
        return absent
    if isinstance(value, str):
        return value.strip().lower() in ("1", "true", "yes")
    return bool(value)


@dataclass
class OnDemand:
    enabled: bool = False
    rules: list = field(default_factory=list)


@dataclass
class Mapping:
    """One entry of AppLayerVPNMapping, or the `vpn` key of an app map entry."""
    app: str
    tools: list = field(default_factory=list)  # (signing identifier, path or None)


@dataclass
class Vpn:
    """A device-wide or a per-app VPN."""
    name: str
    proxy: bool = False
    servers: list = field(default_factory=list)
    on_demand: OnDemand = field(default_factory=OnDemand)
    # device-wide
    transparent: bool = False
    order: float = float("inf")
    include_all: bool = False
    enforce_routes: bool = False
    exclude_local: bool = False
    exclude_cellular: bool = True
    exclude_apns: bool = True
    exclude_device_communication: bool = True
    override_primary: bool = False
    # per-app
    triggers: dict = field(default_factory=dict)  # role -> domains
    excluded_domains: list = field(default_factory=list)
    mappings: list = field(default_factory=list)


@dataclass
class AlwaysOn:
    tunnels: list  # (name, set of interface types; empty: all)
    services: list  # (service, "Allow" or "Drop")
    apps: list  # (bundle identifier, protocols or None)
    web_sheet: bool
    all_plugins: bool
    plugins: list
    servers: list


@dataclass
class Policy:
    platform: str
    always_on: AlwaysOn = None
    per_app: list = field(default_factory=list)
    device_wide: list = field(default_factory=list)
    roles: dict = field(default_factory=dict)  # bundle identifier -> set of roles
    paths: dict = field(default_factory=dict)  # bundle identifier -> list of paths

    def vpns(self):
        return self.per_app + self.device_wide

    def tunnel_names(self):
        names = [v.name for v in self.vpns()]
        return names + [name for name, _ in self.always_on.tunnels] if self.always_on else names

    def server_names(self):
        """S1.d: host names, not addresses."""
        found = [s for v in self.vpns() for s in v.servers]
        found += self.always_on.servers if self.always_on else []
        hosts = [domains.server_host(s) for s in found]
        return {domains.a_labels(h) for h in hosts if not domains.is_address(h)} - {""}


def texts(value):
    return [v for v in value or [] if isinstance(v, str)]


def read_always_on(name, block, ike_of):
    tunnels, servers = [], []
    for n, tunnel in enumerate(block.get("TunnelConfigurations", [])):
        tunnels.append((f"{name}#{n}", {t.lower() for t in texts(tunnel.get("Interfaces"))}))
        servers.append(ike_of(tunnel))
    apps = []
    for entry in block.get("ApplicationExceptions", []):
        limit = entry.get("LimitToProtocols")
        apps.append((entry["BundleIdentifier"], None if limit is None else {p.lower() for p in limit}))
    return AlwaysOn(
        tunnels=tunnels,
        services=[(services.BY_PROFILE_NAME[e["ServiceName"]], e["Action"]) for e in block.get("ServiceExceptions", [])],
        apps=apps,
        web_sheet=flag(block.get("AllowCaptiveWebSheet")),
        all_plugins=flag(block.get("AllowAllCaptiveNetworkPlugins")),
        plugins=[e["BundleIdentifier"] for e in block.get("AllowedCaptiveNetworkPlugins", [])],
        servers=servers)


def read_routing(vpn, keys, platform):
    """The routing keys, the same words in a profile's block and a declaration's NetworkRouting."""
    vpn.include_all = flag(keys.get("IncludeAllNetworks"))
    vpn.enforce_routes = flag(keys.get("EnforceRoutes"))
    vpn.exclude_local = flag(keys.get("ExcludeLocalNetworks"), platform in LOCAL_EXCLUDED_BY_DEFAULT)
    vpn.exclude_cellular = flag(keys.get("ExcludeCellularServices"), True)
    vpn.exclude_apns = flag(keys.get("ExcludeAPNs"), True)
    vpn.exclude_device_communication = flag(keys.get("ExcludeDeviceCommunication"), True)


def read_payload(policy, payload):
    kind = payload["VPNType"]
    name = payload["PayloadUUID"].upper()
    if kind == "AlwaysOn":
        policy.always_on = policy.always_on or read_always_on(
            name, payload["AlwaysOn"], lambda tunnel: tunnel.get("RemoteAddress"))
        return
    block = payload.get({"L2TP": "PPP"}.get(kind, kind), {})
    vpn = Vpn(name)
    vpn.servers = [block.get("CommRemoteAddress" if kind == "L2TP" else "RemoteAddress")]
    vpn.transparent = kind == "TransparentProxy"
    vpn.proxy = vpn.transparent or block.get("ProviderType") == "app-proxy"
    vpn.on_demand = OnDemand(flag(block.get("OnDemandEnabled")), block.get("OnDemandRules", []))
    if payload["PayloadType"] == PER_APP:
        vpn.name = payload["VPNUUID"].upper()
        match_app = payload.get("OnDemandMatchAppEnabled", block.get("OnDemandMatchAppEnabled"))
        if match_app is not None:  # S4.a
            vpn.on_demand.enabled = flag(match_app)
        vpn.triggers = {role: texts(payload.get(key)) for role, key in TRIGGER_LISTS.items()}
        vpn.excluded_domains = texts(payload.get("ExcludedDomains"))
        policy.per_app.append(vpn)
        return
    if kind in ("IKEv2", "VPN", "TransparentProxy"):
        read_routing(vpn, block, policy.platform)
    if vpn.transparent and block.get("Order") is not None:
        vpn.order = int(block["Order"])
    vpn.override_primary = kind in ("IPSec", "L2TP") and flag(payload.get("IPv4", {}).get("OverridePrimary"))
    policy.device_wide.append(vpn)


def read_declaration(policy, declaration):
    if not declaration["Type"].startswith(DECLARATION):
        return  # an asset
    kind, name, payload = declaration["Type"][len(DECLARATION):], declaration["Identifier"], declaration["Payload"]
    if kind == "always-on":
        policy.always_on = policy.always_on or read_always_on(
            name, payload, lambda tunnel: tunnel.get("IKEV2", {}).get("HostName"))
        return
    vpn = Vpn(name)
    vpn.servers = [payload.get("HostName")]
    vpn.proxy = payload.get("Provider", {}).get("Type") == "app-proxy"
    on_demand = payload.get("OnDemand", {})
    vpn.on_demand = OnDemand(flag(on_demand.get("Enabled")), on_demand.get("Rules", []))
    vpn.override_primary = kind == "ipsec" and flag(payload.get("OverridePrimary"))
    read_routing(vpn, payload.get("NetworkRouting", {}), policy.platform)
    policy.device_wide.append(vpn)


def read_mappings(policy, mapping_payloads, app_map):
    """S4: appmapping, then the app map's `vpn` key. VPNUUIDs are compared without case."""
    by_name = {}
    for vpn in policy.per_app:
        by_name.setdefault(vpn.name.upper(), vpn)
    for payload in mapping_payloads:
        for entry in payload.get("AppLayerVPNMapping", []):
            vpn = by_name.get(entry["VPNUUID"].upper())
            tools = [(t.get("SigningIdentifier"), t.get("Path")) for t in entry.get("MatchTools", [])]
            if vpn:
                vpn.mappings.append(Mapping(entry["Identifier"], tools))
    for app, entry in app_map.items():
        vpn = by_name.get(str(entry.get("vpn", "")).upper())
        if vpn:
            vpn.mappings.append(Mapping(app))


def order_transparent_proxies(policy):
    """Order: transparent proxies among themselves; everybody else keeps the place it had."""
    places = [i for i, v in enumerate(policy.device_wide) if v.transparent]
    ordered = sorted((policy.device_wide[i] for i in places), key=lambda v: v.order)
    for place, vpn in zip(places, ordered):
        policy.device_wide[place] = vpn


def build(documents, app_map, platform):
    """`documents`: parsed profiles (dictionaries) and declarations, in order."""
    policy = Policy(platform)
    mapping_payloads = []
    for document in documents:
        for item in document if isinstance(document, list) else [document]:
            if "Type" in item:
                read_declaration(policy, item)
                continue
            for payload in item.get("PayloadContent", []):
                if payload.get("PayloadType") in (DEVICE_WIDE, PER_APP):
                    read_payload(policy, payload)
                elif payload.get("PayloadType") == APP_MAPPING:
                    mapping_payloads.append(payload)
    read_mappings(policy, mapping_payloads, app_map)
    order_transparent_proxies(policy)
    policy.roles = {app: set(roles) for app, roles in services.known_apps().items()}
    for app, entry in app_map.items():  # it adds to the well-known ones and overrides them (schemas/apps.yaml)
        if "roles" in entry or app not in policy.roles:
            policy.roles[app] = set(services.as_list(entry.get("roles")))
        policy.paths[app] = texts(entry.get("paths"))
    return policy


def read_document(path):
    data = Path(path).read_bytes()
    if data.lstrip()[:1] in (b"{", b"["):
        return json.loads(data)
    return plistlib.loads(data)


def read_yaml(path):
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def read_yaml_or_json(path):
    return read_yaml(path) or {}


def load(paths, app_map_path, platform):
    """Files, and folders by name (Order)."""
    files = []
    for path in map(Path, paths):
        files += sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    app_map = read_yaml_or_json(app_map_path) if app_map_path else {}
    return build([read_document(f) for f in files], app_map, platform)


@dataclass
class Tunnel:
    status: str = "disconnected"
    interface: str = ""
    endpoints: list = field(default_factory=list)
    included: list = field(default_factory=list)
    excluded: list = field(default_factory=list)


class State:
    """cli.md, "Device state"; every key is optional."""

    def __init__(self, data):
        self.captive = bool(data.get("captive", False))
        self.probing = bool(data.get("probing", False))
        self.url_probes = data.get("url_probes", {})
        self.nat64 = addresses.prefix(data["nat64_prefix"]) if data.get("nat64_prefix") else None
        self.tunnels = {}
        for name, entry in data.get("tunnels", {}).items():
            self.tunnels[name.upper()] = Tunnel(
                entry.get("status", "disconnected"), entry.get("interface", ""), entry.get("endpoints", []),
                [addresses.prefix(r) for r in entry.get("included_routes", [])],
                [addresses.prefix(r) for r in entry.get("excluded_routes", [])])
        self.tunnel_interfaces = {t.interface for t in self.tunnels.values() if t.interface}
        self.interfaces = {i["name"]: i for i in data.get("interfaces", [])}
        self.own_addresses, self.on_link = set(), []
        for name, interface in self.interfaces.items():
            for text in interface.get("addresses", []):
                own, link = addresses.interface(text)
                self.own_addresses.add(addresses.judged(own, self.nat64))
                if name not in self.tunnel_interfaces:
                    self.on_link.append(link)
        self.leases = {addresses.address(i["dhcp_server"]) for i in self.interfaces.values() if i.get("dhcp_server")}
        self.system_routes = [addresses.prefix(r["destination"]) for r in data.get("system_routes", [])]
        # Words: one that is not listed is none (S3.d).
        self.primary_name = data.get("primary_interface", "")
        self.primary = self.interfaces.get(self.primary_name)

    def tunnel(self, name):
        """A tunnel that is not listed is disconnected."""
        return self.tunnels.get(name.upper()) or Tunnel()

    def is_tunnel_interface(self, name):
        return name in self.tunnel_interfaces

    def primary_type(self):
        return self.primary.get("type", "other") if self.primary else None
