"""Random flows that aim at the boundaries of a policy and a state."""

import addresses
import domains
import generate_policy
import generate_state
import ondemand
import services

PORTS = (53, 853, 54, 631, 5353, 67, 68, 546, 547, 443, 80, 5223, 2197, 500, 4500, 8080, 22, 51820, 1, 65535)
NUMBERS = (4, 41, 47, 50, 51, 94, 97, 98, 115, 137, 132, 136, 33, 0, 255)
FIXED = ("127.0.0.1", "127.255.255.255", "128.0.0.0", "126.255.255.255", "::1", "::2", "::", "0.0.0.0", "224.0.0.251", "224.0.0.252", "ff02::fb", "ff02::fc",
         "255.255.255.255", "255.255.255.254", "ff02::1:2", "ff05::1:3", "ff05::1:2", "fe80::1", "203.0.113.80", "8.8.8.8",
         "2001:db8:ffff::1", "ff0e::1", "2001:4860:4860::8888", "203.0.113.67", "10.10.0.1")
SERVICES = ("voicemail", "airprint", "cellular-services", "device-communication", "companion", "apns", "cellular-only")
OTHER_HOSTS = ("www.unrelated.test", "com", "example", "a.b.c.www.example.net", "B\u00dcCHER.example", "www.b\u00fccher.example",
               "xn--bcher-kva.EXAMPLE.", "x.\u4f8b\u3048.example", "xn--r8jz45g.example", "mixed.example", "a.MIXED.example",
               "_ldap._tcp.example.com", "www\u3002example\uff0ecom", ".example.com", "www..example.com", "example.com..", ".",
               "stra\u00dfe.example", "B\u00fccher.example", "bu\u0308cher.example", "\uff45xample.com")


def text_of(addr):
    version, number = addr
    return str((addresses.ipaddress.IPv4Address if version == 4 else addresses.ipaddress.IPv6Address)(number))


def embed(addr, nat64):
    """The NAT64 form of an IPv4 address (RFC 6052, 2.2)."""
    octets = bytearray(nat64[1].to_bytes(16, "big"))
    at = [i for i in range(nat64[2] // 8, 16) if nat64[2] == 96 or i != 8][:4]
    for place, value in zip(at, addr[1].to_bytes(4, "big")):
        octets[place] = value
    return 6, int.from_bytes(bytes(octets), "big")


class FlowGenerator:
    def __init__(self, rng, policy, state):
        self.rng = rng
        self.policy = policy
        self.state = state
        self.interfaces = sorted({*state.interfaces, *state.tunnel_interfaces, "lo", "wlan9"})
        self.prefixes = self.find_prefixes()
        self.endpoints = [(name, e) for name in policy.tunnel_names() for e in state.tunnel(name).endpoints]
        self.endpoints += [("stranger", e) for e in state.tunnel("stranger").endpoints]
        self.resolvers = [r for i in state.interfaces.values() for r in i.get("dns_servers", [])] or ["192.0.2.53"]
        self.servers = [s for v in policy.vpns() for s in v.servers] + (policy.always_on.servers if policy.always_on else [])
        self.patterns = [d for v in policy.per_app for pool in (*v.triggers.values(), v.excluded_domains) for d in pool]
        self.named_apps, self.helpers = self.find_apps()
        self.probes = [t for v in policy.vpns() for t in ondemand.probe_targets(v.on_demand)] + services.captive_probes()

    def chance(self, probability):
        return self.rng.random() < probability

    def find_prefixes(self):
        found = self.state.on_link + self.state.system_routes + addresses.ALWAYS_LOCAL + addresses.PRIVATE + addresses.ALWAYS_ROUTED
        found = found + [p for s in services.selectors() for p in s[4]] + [(v, n, addresses.bits(v)) for v, n in self.state.own_addresses]
        for tunnel in self.state.tunnels.values():
            found = found + 3 * (tunnel.included + tunnel.excluded)
        return found

    def find_apps(self):
        """Apps that the policy names, and (helper, spawner) of its mappings."""
        always_on = self.policy.always_on
        apps = [app for app, _ in always_on.apps] + always_on.plugins if always_on else []
        helpers = []
        for mapping in (m for v in self.policy.per_app for m in v.mappings):
            apps.append(mapping.app)
            for signing_identifier, path in mapping.tools:
                helpers.append((signing_identifier, mapping.app))
                helpers += [(app, mapping.app) for app, paths in self.policy.paths.items() if path in paths]
        return apps, helpers

    # Addresses ---------------------------------------------------------------------------------

    def near(self, prefix):
        """An address in a prefix or just outside of it."""
        version, first, length = prefix
        size = 1 << (addresses.bits(version) - length)
        offset = self.rng.choice((0, size - 1, -1, size, size // 2, self.rng.randrange(size), self.rng.randrange(size)))
        return version, min(max(first + offset, 0), (1 << addresses.bits(version)) - 1)

    def remote(self):
        pool = self.rng.random()
        if pool < 0.5:
            addr = self.near(self.rng.choice(self.prefixes))
        elif pool < 0.6:
            addr = self.near(self.rng.choice(self.state.on_link or self.prefixes))
        elif pool < 0.7 and self.endpoints:
            addr = addresses.address(self.rng.choice(self.endpoints)[1]["address"])
        elif pool < 0.75:
            addr = addresses.address(self.rng.choice(self.resolvers))
        else:
            addr = addresses.address(self.rng.choice(FIXED))
        return text_of(self.disguised(addr))

    def disguised(self, addr):
        """Sometimes the mapped or the NAT64 form of an IPv4 address, or one that only looks like it."""
        if addr[0] == 6 or self.chance(0.8):
            return addr
        prefixes = [addresses.MAPPED, addresses.WELL_KNOWN_NAT64, addresses.prefix("64:ff9b:1::/96"), addresses.prefix("::/96")]
        return embed(addr, self.rng.choice(prefixes + ([self.state.nat64] * 2 if self.state.nat64 else [])))

    # Names -------------------------------------------------------------------------------------

    def hostname(self):
        if self.chance(0.25) or not self.patterns:
            return self.rng.choice(OTHER_HOSTS + generate_policy.DOMAINS[2:3])
        name = self.rng.choice(self.patterns).removeprefix("*.")
        change = self.rng.randrange(9)
        if change == 0:
            return "bad" + name
        if change in (1, 2):
            return "www." + name
        if change == 3:
            return name.upper()
        if change == 4:
            return name + "."
        if change == 5:
            return domains.a_labels(name)
        if change == 6 and "." in name:
            return name.split(".", 1)[1]
        return name

    def app(self):
        if self.chance(0.15):
            return self.rng.choice(("unattributed", "forwarded"))
        if self.named_apps and self.chance(0.4):
            return self.rng.choice(self.named_apps)
        return self.rng.choice(generate_policy.APPS + ("other", "com.example.unknown"))

    def tunnel_name(self):
        name = self.rng.choice([*self.policy.tunnel_names(), "stranger"])
        return self.rng.choice((name, name.lower()))

    # Whole flows -------------------------------------------------------------------------------

    def plain(self):
        flow = {"protocol": self.rng.choice(("tcp", "tcp", "tcp", "udp", "udp", 6, 17)), "remote": self.remote(), "remote_port": self.rng.choice(PORTS)}
        if self.chance(0.2):
            flow["local_port"] = self.rng.choice(PORTS)
        return flow

    def portless(self):
        kind = self.rng.randrange(4)
        flow = {"remote": self.remote()}
        if kind == 0:
            flow.update(protocol="icmpv6", icmp_type=self.rng.choice((128, 130, 131, 132, 133, 134, 135, 136, 137, 143, 1, 3)))
        elif kind == 1:
            flow.update(protocol=self.rng.choice(("icmp", 1)), icmp_type=self.rng.choice((0, 3, 5, 8, 11, 133, 135, 143)))
        elif kind == 2:
            flow.update(protocol=self.rng.choice(("igmp", 2)))
        else:
            flow.update(protocol=self.rng.choice(NUMBERS))
        if self.chance(0.5):
            flow["hop_limit"] = self.rng.choice((255, 255, 1, 1, 254, 0, 2, 64))
        return flow

    def dhcp(self):
        four = self.chance(0.6)
        flow = {"protocol": "udp", "local_port": 68 if four else 546, "remote_port": 67 if four else 547}
        pool = ["255.255.255.255", "203.0.113.67", "192.168.1.1", "::ffff:255.255.255.255"] if four else ["fe80::1", "ff02::1:2", "ff05::1:3", "ff05::1:4", "fec0::1"]
        flow["remote"] = self.rng.choice(pool) if self.chance(0.6) else self.remote()
        if self.chance(0.15):
            flow[self.rng.choice(("local_port", "remote_port"))] = self.rng.choice((67, 68, 546, 547))
        if self.chance(0.1):
            flow.pop("local_port")
        if self.chance(0.1):
            flow["protocol"] = self.rng.choice(("tcp", 136))
        return flow

    def of_provider(self):
        name, endpoint = self.rng.choice(self.endpoints)
        flow = {"protocol": endpoint["protocol"], "remote": text_of(self.disguised(addresses.address(endpoint["address"]))), "provider_of": name}
        if "port" in endpoint:
            flow["remote_port"] = endpoint["port"]
        change = self.rng.randrange(9)
        if change == 0:
            flow["provider_of"] = self.tunnel_name()
        elif change == 1:
            flow.pop("provider_of")
        elif change == 2:
            flow["provider_of"] = flow["provider_of"].lower()
        elif change == 3 and "remote_port" in flow:
            flow["remote_port"] = 500
        elif change == 4:
            flow["protocol"] = self.rng.choice(("tcp", "udp", 50, 132))
        return flow

    def of_agent(self):
        if self.chance(0.5):
            flow = {"protocol": self.rng.choice(("udp", "tcp")), "remote": self.rng.choice(self.resolvers), "remote_port": 53, "role": "agent"}
            if self.servers:
                flow["hostname"] = self.rng.choice(self.servers)
        else:
            host, port = self.rng.choice(self.probes)
            flow = {"protocol": self.rng.choice(("udp", "tcp", "tcp")), "remote": self.remote(), "remote_port": port, "role": "agent"}
            flow["remote" if domains.is_address(host) else "hostname"] = host
        change = self.rng.randrange(8)
        if change == 0:
            flow.pop("role")
        elif change == 1:
            flow["hostname"] = self.hostname()
        elif change == 2:
            flow["remote_port"] = self.rng.choice((53, 80, 443, 853))
        elif change == 3 and "hostname" in flow:
            flow["hostname"] = flow["hostname"].upper() + "."
        elif change == 4:
            flow["remote"] = self.remote()
        elif change == 5:
            flow["protocol"] = 132
        return flow

    def of_service(self):
        _, _, protocol, ports, prefixes, local = self.rng.choice(services.selectors())
        flow = self.plain()
        if protocol:
            flow["protocol"] = protocol
        if ports:
            flow["remote_port"] = self.rng.choice(ports)
        if prefixes:
            flow["remote"] = text_of(self.near(self.rng.choice(prefixes)))
        elif local:
            flow["remote"] = text_of(self.near(self.rng.choice(self.state.on_link + addresses.ALWAYS_LOCAL)))
        return flow

    def outgoing(self):
        kinds = [(0.5, self.plain), (0.12, self.portless), (0.08, self.dhcp), (0.08, self.of_agent), (0.12, self.of_service)]
        if self.endpoints:
            kinds.append((0.1, self.of_provider))
        flow = self.rng.choices([k for _, k in kinds], [w for w, _ in kinds])[0]()
        if self.chance(0.85):
            flow["app"] = self.app()
        if self.chance(0.3):
            flow["spawned_by"] = self.rng.choice(generate_policy.APPS)
        if self.helpers and self.chance(0.15):
            flow["app"], flow["spawned_by"] = self.rng.choice(self.helpers)
        if self.chance(0.4):
            flow["uid"] = self.rng.choice((0, 1000, 65534))
        if "hostname" not in flow and self.chance(0.55):
            flow["hostname"] = self.hostname()
        if self.chance(0.2) and flow.get("app") != "forwarded":
            flow["scope"] = self.rng.choice(self.interfaces)
        if self.chance(0.1):
            flow["service"] = self.rng.choice(SERVICES)
        return flow

    def generate(self):
        flow = self.outgoing()
        if self.chance(0.65):
            return {**flow, "direction": "out"} if self.chance(0.1) else flow
        flow["direction"] = "in"
        if self.chance(0.8):
            flow["arrives_on"] = self.rng.choice(self.interfaces)
        if flow["protocol"] in (1, "icmp", "icmpv6") and self.chance(0.6):
            flow["quotes"] = self.outgoing()
        return flow


def flows(rng, policy, state, count):
    maker = FlowGenerator(rng, policy, state)
    return [maker.generate() for _ in range(count)]


def states(rng, policy, count):
    maker = generate_state.StateGenerator(rng, policy)
    return [maker.generate() for _ in range(count)]
