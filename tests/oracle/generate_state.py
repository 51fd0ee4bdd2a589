"""Random device states for a policy."""

import generate_policy

STATUSES = ("invalid", "disconnected", "connecting", "reasserting", "disconnecting", "connected", "connected", "connected", "connected")
# On-link prefixes: usual, edge of what may count as local, and what must not.
LINKS = ("192.168.1.20/24", "10.10.3.4/16", "172.16.5.6/12", "10.200.0.9/8", "10.10.3.130/25", "169.254.7.8/16", "fe80::20/64",
         "fd00:1:2:3::20/64", "fd00:9::1/32", "fd00:8::1/48",
         "203.0.113.20/24", "10.0.0.9/7", "172.16.0.9/11", "192.168.3.4/15", "198.51.100.9/0", "2001:db8:1::20/64", "fd00::9/31",
         "2001:db8::9/20", "fe80::9/9", "192.168.7.7/32", "192.168.8.8", "FD00:1:2:4::20/64", "::ffff:192.168.9.9/120", "127.0.0.5/8")
ROUTES = ("0.0.0.0/0", "0.0.0.0/0", "::/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1", "10.0.0.0/8", "10.10.0.0/16",
          "10.10.3.0/24", "10.10.3.77/24", "10.1.2.3/8", "10.10.3.128/25", "::ffff:10.0.0.0/104", "64:ff9b::a00:0/104", "10.10.3.4/32", "10.11.0.0/16", "192.168.0.0/16", "192.168.1.0/24", "192.168.1.0/25",
          "172.16.0.0/12", "203.0.113.0/24", "203.0.113.80/32", "203.0.113.80/31", "198.51.100.0/24", "224.0.0.0/4", "224.0.0.251/32",
          "239.0.0.0/8", "255.255.255.255/32", "169.254.0.0/16", "17.0.0.0/8", "17.249.0.0/16", "64:ff9b::/96", "fe80::/10", "ff00::/8",
          "ff02::/16", "fc00::/7", "fd00:1:2::/48", "fd00:1:2:3::/64", "fd00:1:2:3::20/128", "2001:db8::/32", "2001:db8:1::/48",
          "2001:db8:1::80/128", "2620:149:a44::/48")
NAT64 = ("64:ff9b:1::/96", "2001:db8:64::/96", "2001:db8:122::/48", "2001:db8:122:300::/56", "2001:db8::/32", "2001:db8:122:344::/64", "2001:db8:100::/40")
SSIDS = generate_policy.SSIDS
SEARCH = ("corp.example.com", "a.corp.example.com", "example.com", "CORP.example.COM", "badcorp.example.com", "example.net")
RESOLVERS = ("192.0.2.53", "192.0.2.5", "10.0.0.53", "2001:db8::53", "192.168.1.1", "100.0.0.1", "fe80::1")
ENDPOINTS = ("203.0.113.5", "203.0.113.80", "2001:db8::5", "10.10.3.7", "192.168.1.9", "::ffff:203.0.113.6")


class StateGenerator:
    def __init__(self, rng, policy):
        self.rng = rng
        self.policy = policy

    def chance(self, probability):
        return self.rng.random() < probability

    def some(self, pool, most):
        return self.rng.sample(pool, self.rng.randint(0, min(most, len(pool))))

    def any_case(self, name):
        return self.rng.choice((name, name, name.lower(), name.upper()))

    def interface(self, name, kind):
        made = {"name": name}
        if kind != "other" or self.chance(0.5):
            made["type"] = kind
        made["addresses"] = sorted({*self.some(LINKS, 2), *self.some(LINKS[:12], 2)})
        if kind == "wifi" and self.chance(0.8) or self.chance(0.1):
            made["ssid"] = self.rng.choice(SSIDS)
        if self.chance(0.7):
            made["dns_servers"] = self.some(RESOLVERS, 3)
        if self.chance(0.6):
            made["search_domains"] = self.some(SEARCH, 2)
        if self.chance(0.3):
            made["dhcp_server"] = self.rng.choice(("203.0.113.67", "192.168.1.1", "10.10.0.1"))
        return made

    def tunnel(self, n):
        made = {"status": self.rng.choice(STATUSES)}
        if self.chance(0.9):
            made["interface"] = f"utun{n}" if self.chance(0.95) else "utun0"
        if self.chance(0.7):
            made["endpoints"] = []
            for address in self.some(ENDPOINTS, 2):
                protocol = self.rng.choice(("udp", "udp", "tcp", 17, 50, "esp"))
                port = {} if protocol in (50, "esp") else {"port": self.rng.choice((4500, 500, 443, 51820))}
                made["endpoints"].append({"address": address, "protocol": protocol, **port})
        if self.chance(0.85):
            made["included_routes"] = self.some(ROUTES, 7)
        if self.chance(0.6):
            made["excluded_routes"] = self.some(ROUTES, 5)
        return made

    def urls(self):
        found = set()
        for vpn in self.policy.vpns():
            found.update(rule["URLStringProbe"] for rule in vpn.on_demand.rules if "URLStringProbe" in rule)
        return sorted(found)

    def generate(self):
        kinds = self.some([("wlan0", "wifi"), ("rmnet0", "cellular"), ("eth0", "ethernet"), ("br0", "other")], 3) or [("wlan0", "wifi")]
        made = {"interfaces": [self.interface(*k) for k in kinds]}
        made["tunnels"] = {self.any_case(name): self.tunnel(n) for n, name in enumerate(self.policy.tunnel_names()) if self.chance(0.9)}
        if self.chance(0.15):
            made["tunnels"]["stranger"] = {"status": "connected", "interface": "utun9", "included_routes": ["0.0.0.0/0"],
                                           "endpoints": [{"address": "203.0.113.9", "protocol": "udp", "port": 4500}]}
        if self.chance(0.1):
            made["interfaces"].append({"name": "lo", "addresses": ["127.0.0.1/8", "::1/128"]})
        for n in range(2):
            if self.chance(0.3):
                made["interfaces"].append({"name": f"utun{n}", "addresses": self.some(("10.8.0.2/24", "fd00:8:8::2/64", "192.168.200.1/32"), 2)})
        if self.chance(0.93):
            made["primary_interface"] = self.rng.choice(kinds)[0] if self.chance(0.95) else "ppp7"
        if self.chance(0.6):
            made["system_routes"] = [{"destination": r, "interface": self.rng.choice(kinds)[0]} for r in self.some(ROUTES, 5)]
        for key in ("captive", "probing"):
            if self.chance(0.5):
                made[key] = self.chance(0.7)
        if self.chance(0.2):
            made["nat64_prefix"] = self.rng.choice(NAT64)
        if self.chance(0.8):
            made["url_probes"] = {url: self.rng.choice((200, 200, 302, 500)) for url in self.urls() if self.chance(0.8)}
        self.rng.shuffle(made["interfaces"])
        return made
