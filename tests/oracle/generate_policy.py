"""Random profiles, declarations and app maps that lint accepts without an error."""

import payloads

STATUSES = ("invalid", "disconnected", "connecting", "connected", "reasserting", "disconnecting")
PLATFORMS = ("ios", "macos", "visionos", "tvos", "watchos", "linux")
ROLES = ("browser", "mail", "calendar", "contacts", "smb", "captive-websheet", "captive-plugin", "voicemail", "airprint",
         "cellular-services", "device-communication", "companion", "apns", "cellular-only")
APPS = ("com.example.mail", "com.example.browser", "com.example.terminal", "com.example.curl", "com.example.ssh",
        "com.example.sheet", "com.example.hotspot", "com.example.watch", "com.example.phone", "com.example.backup",
        "com.apple.mobilesafari", "com.apple.Safari")
TOOL_PATHS = ("/usr/bin/ssh", "/usr/bin/curl", "/opt/example/bin/sync")
DOMAINS = ("example.com", "*.example.com", "intern.example.com", "*.intern.example.com", "www.example.net", "*.example.net",
           "example.org", "db.corp.example.org", "b\u00fccher.example", "xn--bcher-kva.example", "\u4f8b\u3048.example", "MiXed.Example")
SERVERS = ("vpn.example.com", "gw.example.net", "VPN2.example.com", "b\u00fccher.example", "203.0.113.5", "2001:db8::5")
PLUGIN_SERVERS = ("https://portal.example.com/vpn", "wg.example.com:51820")
ROUTING = ("IncludeAllNetworks", "EnforceRoutes", "ExcludeLocalNetworks", "ExcludeCellularServices", "ExcludeAPNs", "ExcludeDeviceCommunication")
SSIDS = ("Corp", "Guest", "corp", "Caf\u00e9")
SEARCH = ("corp.example.com", "*.corp.example.com", "example.com", "*.example.com", "Corp.Example.com")
RESOLVERS = ("192.0.2.53", "10.0.0.53", "2001:db8::53", "192.0.2.*", "10.*", "2001:db8:*", "192.168.1.1", "10.*.53", "*::53", "*")
URLS = ("https://probe.example.com/", "http://probe.example.net:8080/ok", "https://192.0.2.80/", "http://probe.example.com/x",
        "https://[2001:db8::80]/x", "https://probe.example.org:8443/a")


class PolicyGenerator:
    def __init__(self, rng):
        self.rng = rng
        self.number = rng.randrange(1, 1 << 24) << 4
        # Each world leans towards one kind of device-wide VPN, so that several of one kind meet.
        self.include_all, self.enforce = rng.choice(((0.5, 0.5), (0.9, 0.2), (0.05, 0.95), (0.05, 0.2)))

    def chance(self, probability):
        return self.rng.random() < probability

    def some(self, pool, most=3):
        return self.rng.sample(pool, self.rng.randint(0, min(most, len(pool))))

    def next_number(self):
        self.number += 1
        return self.number

    def flag(self, on):
        """A flag in one of the forms that profiles have."""
        return self.rng.choice((int(on), int(on), int(on), bool(on), str(int(on))))

    def flags(self, names, probability=0.5, plain=False):
        made = {}
        for name in names:
            if self.chance(probability):
                on = self.chance(0.5)
                made[name] = on if plain else self.flag(on)
        return made

    # On-demand ---------------------------------------------------------------------------------

    def parameter(self):
        made = {"Domains": self.rng.sample(DOMAINS[:6], 2), "DomainAction": self.rng.choice(("ConnectIfNeeded", "NeverConnect"))}
        if made["DomainAction"] == "ConnectIfNeeded":
            if self.chance(0.5):
                made["RequiredDNSServers"] = [r for r in self.rng.sample(RESOLVERS, 3) if "*" not in r] or ["192.0.2.53"]
            if self.chance(0.5):
                made["RequiredURLStringProbe"] = self.rng.choice(URLS)
        return made

    def rule(self, last):
        action = self.rng.choice(("Connect", "Connect", "Disconnect", "Disconnect", "Ignore", "Allow", "EvaluateConnection"))
        rule = {"Action": action}
        if action == "EvaluateConnection":
            rule["ActionParameters"] = [self.parameter() for _ in range(self.rng.randint(1, 2))]
        if last and self.chance(0.6):
            return rule
        if self.chance(0.5):
            rule["InterfaceTypeMatch"] = self.rng.choice(("WiFi", "Cellular", "Ethernet"))
        for key, pool in (("SSIDMatch", SSIDS), ("DNSDomainMatch", SEARCH), ("DNSServerAddressMatch", RESOLVERS)):
            if self.chance(0.25):
                rule[key] = self.some(pool, 2) or ([] if self.chance(0.3) else [self.rng.choice(pool)])
        if self.chance(0.2):
            rule["URLStringProbe"] = self.rng.choice(URLS)
        return rule

    def rules(self):
        count = self.rng.randint(1, 3)
        return [self.rule(last=n == count - 1) for n in range(count)]

    def on_demand(self):
        if self.chance(0.4):
            return {}
        made = {"OnDemandRules": self.rules()}
        if self.chance(0.85):
            made["OnDemandEnabled"] = self.flag(self.chance(0.85))
        return made

    # Payloads ----------------------------------------------------------------------------------

    def routing(self):
        made = self.flags(("ExcludeLocalNetworks", "ExcludeCellularServices", "ExcludeAPNs", "ExcludeDeviceCommunication"))
        if self.chance(0.8):
            made["IncludeAllNetworks"] = self.flag(self.chance(self.include_all))
        if self.chance(0.9):
            made["EnforceRoutes"] = self.flag(self.chance(self.enforce))
        return made

    def provider(self):
        return {"ProviderType": self.rng.choice(("packet-tunnel", "app-proxy", "app-proxy"))} if self.chance(0.5) else {}

    def server(self, kind=None):
        pool = SERVERS + PLUGIN_SERVERS if kind in ("VPN", "TransparentProxy") else SERVERS
        return {"RemoteAddress": self.rng.choice(pool)}

    def device_wide(self):
        kind = self.rng.choice(("VPN", "VPN", "VPN", "IKEv2", "IKEv2", "IPSec", "L2TP", "TransparentProxy", "TransparentProxy"))
        outer = {}
        if kind in ("IPSec", "L2TP", "IKEv2") and self.chance(0.5):
            outer["payload_IPv4"] = {"OverridePrimary": self.flag(self.chance(0.7))}
        if kind == "L2TP":
            return payloads.vpn(self.next_number(), kind, **self.server(), **outer)
        keys = {**self.server(kind), **self.on_demand()}
        if self.chance(0.05):
            outer.update(payload_OnDemandEnabled=1, payload_OnDemandRules=[{"Action": "Connect"}])  # the wrong place: not read
        if kind == "VPN":
            keys.update(self.routing(), **self.provider())
        if kind == "IKEv2":
            keys.update(self.routing(), **(self.provider() if self.chance(0.2) else {}))
        if kind == "TransparentProxy":
            if self.chance(0.4):
                keys["EnforceRoutes"] = self.flag(self.chance(0.8))
            if self.chance(0.6):
                keys["Order"] = self.rng.randint(1, 4)
        return payloads.vpn(self.next_number(), kind, **keys, **outer)

    def per_app(self):
        kind = self.rng.choice(("VPN", "VPN", "VPN", "IKEv2", "IPSec"))
        keys = {**self.server(kind), **self.on_demand()}
        if kind != "IPSec":
            keys.update(self.provider())
            if self.chance(0.1):
                keys.update(self.routing())  # means nothing in a per-app VPN
        if kind == "VPN" and self.chance(0.15):
            keys["OnDemandMatchAppEnabled"] = self.flag(self.chance(0.6))
        for name in ("SafariDomains", "MailDomains", "CalendarDomains", "ContactsDomains", "SMBDomains", "AssociatedDomains"):
            if self.chance(0.25):
                keys["payload_" + name] = self.some(DOMAINS)
        if self.chance(0.4):
            keys["payload_ExcludedDomains"] = self.some(DOMAINS)
        if self.chance(0.3):
            keys["payload_OnDemandMatchAppEnabled"] = self.chance(0.6)
        return payloads.vpn(self.next_number(), kind, per_app=True, **keys)

    def mapping(self, per_app):
        entries = []
        for _ in range(self.rng.randint(1, 5)):
            tools = None
            if self.chance(0.35):
                tools = [payloads.tool(self.rng.choice(APPS), self.rng.choice(TOOL_PATHS) if self.chance(0.5) else None)
                         for _ in range(self.rng.randint(0, 2))]
            entry = payloads.mapped(self.rng.choice(APPS), self.rng.choice(per_app), tools)
            if self.chance(0.3):
                entry["VPNUUID"] = entry["VPNUUID"].lower()
            entries.append(entry)
        return payloads.mapping(self.next_number(), *entries)

    def interfaces(self):
        choice = self.rng.choice((None, None, [], ["WiFi"], ["Cellular"], ["WiFi", "Cellular"]))
        return {} if choice is None else {"Interfaces": choice}

    def exceptions(self, plain=False):
        made = self.flags(("AllowCaptiveWebSheet", "AllowAllCaptiveNetworkPlugins", "UIToggleEnabled"), plain=plain)
        if self.chance(0.6):
            names = ("VoiceMail", "AirPrint", "CellularServices", "DeviceCommunication")
            made["ServiceExceptions"] = [{"ServiceName": n, "Action": self.rng.choice(("Allow", "Drop"))} for n in self.some(names, 4)]
        if self.chance(0.6):
            made["ApplicationExceptions"] = []
            for app in self.some(APPS):
                limit = self.rng.choice((None, None, ["UDP"], []))
                made["ApplicationExceptions"].append({"BundleIdentifier": app, **({} if limit is None else {"LimitToProtocols": limit})})
        if self.chance(0.5):
            made["AllowedCaptiveNetworkPlugins"] = [{"BundleIdentifier": app} for app in self.some(APPS)]
        return made

    def always_on(self):
        tunnels = [{**self.server(), **self.interfaces()} for _ in range(self.rng.randint(1, 3))]
        return payloads.always_on(self.next_number(), tunnels, **self.exceptions())

    # Declarations ------------------------------------------------------------------------------

    def security(self):
        return {"IKESecurityAssociationParameters": payloads.security(), "ChildSecurityAssociationParameters": payloads.security()}

    def declared_ike(self):
        return {"HostName": self.rng.choice(SERVERS), "LocalIdentifier": "device.example.com", "RemoteIdentifier": "vpn.example.com",
                "Authentication": {"Method": "SharedSecret", "CredentialsAssetReference": "com.example.asset.credentials"}}

    def declared_always_on(self):
        tunnels = [{"ProtocolType": "IKEv2", **self.interfaces(), "IKEV2": self.declared_ike()} for _ in range(self.rng.randint(1, 2))]
        return payloads.declaration("always-on", f"com.example.always-on.{self.next_number()}", TunnelConfigurations=tunnels, **self.exceptions(plain=True))

    def declared(self):
        kind = self.rng.choice(("ikev2", "ikev2", "vpn-plugin", "vpn-plugin", "ipsec"))
        keys = self.declared_ike()
        if kind == "vpn-plugin":
            keys = {"HostName": self.rng.choice(SERVERS), "SubType": "com.example.client", "Authentication": {"Method": "Password"},
                    "Provider": {"Type": self.rng.choice(("packet-tunnel", "app-proxy"))}}
        if kind == "ipsec":
            keys = {"HostName": self.rng.choice(SERVERS), **self.flags(("OverridePrimary",), plain=True),
                    "Authentication": {"Method": "SharedSecret", "CredentialsAssetReference": "com.example.asset.credentials"}}
        else:
            keys["NetworkRouting"] = self.flags(ROUTING, plain=True)
        if self.chance(0.5):
            keys["OnDemand"] = {"Enabled": self.chance(0.8), "Rules": self.rules()}
        return payloads.declaration(kind, f"com.example.{kind}.{self.next_number()}", **keys)

    def asset(self):
        return {"Type": "com.apple.asset.credential.userpassword", "Identifier": "com.example.asset.credentials", "ServerToken": "1",
                "Payload": {"Reference": {"DataURL": "https://mdm.example.com/credentials", "ContentType": "application/json"}}}

    # All of it ---------------------------------------------------------------------------------

    def app_map(self, per_app):
        made = {}
        for app in self.some(APPS, len(APPS)):
            entry = {"roles": self.some(ROLES)} if self.chance(0.8) else {}
            if self.chance(0.4):
                entry["paths"] = [self.rng.choice(TOOL_PATHS)]
            if per_app and self.chance(0.15):
                name = self.rng.choice(per_app)["VPNUUID"]
                entry["vpn"] = name.lower() if self.chance(0.5) else name
            made[app] = entry or {"paths": ["/usr/bin/true"]}
        return made

    def generate(self):
        """{"documents": [...], "app_map": {...}, "platform": ...}; documents are dictionaries."""
        always_on = self.chance(0.3)
        per_app = [self.per_app() for _ in range(self.rng.choice((0, 0, 1, 1, 2, 3)))]
        made = [*per_app, *(self.device_wide() for _ in range(self.rng.choice((0, 1, 1, 1, 2, 3))))]
        declarations = [self.declared() for _ in range(self.rng.choice((0, 0, 0, 1)))]
        if always_on and self.chance(0.25):
            declarations.append(self.declared_always_on())
        elif always_on:
            made.append(self.always_on())
        if per_app and self.chance(0.85):
            made += [self.mapping(per_app) for _ in range(self.rng.choice((1, 1, 1, 2)))]
        if not made and not declarations:
            made.append(self.device_wide())
        self.rng.shuffle(made)
        documents = []
        while made:
            count = self.rng.randint(1, len(made))
            documents.append(payloads.profile(*made[:count], number=self.next_number()))
            made = made[count:]
        if declarations:
            documents += declarations + [self.asset()]
            self.rng.shuffle(documents)
        return {"documents": documents, "app_map": self.app_map(per_app) if self.chance(0.8) else {}, "platform": self.rng.choice(PLATFORMS)}
