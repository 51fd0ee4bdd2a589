"""The oracle itself, rule by rule: words, S0 to S3, incoming packets."""

import unittest

import addresses
import domains
import inputs
import oracle
from payloads import always_on, declaration, profile, uuid_of, vpn

WLAN = {"name": "wlan0", "type": "wifi", "addresses": ["192.168.1.20/24", "fe80::20/64"], "dns_servers": ["192.168.1.1"]}
STATUSES = ("invalid", "disconnected", "connecting", "connected", "reasserting", "disconnecting")


class Case(unittest.TestCase):
    """`self.check(documents, state, flow, "direct", "S1.a")`"""

    maxDiff = None
    platform = "ios"
    app_map = {}

    def decide(self, documents, state, flow, platform=None, app_map=None):
        policy = inputs.build(documents, self.app_map if app_map is None else app_map, platform or self.platform)
        return oracle.decide(policy, inputs.State(state), {"protocol": "tcp", "remote": "203.0.113.80", **flow})

    def check(self, documents, state, flow, verdict, rule, tunnel=None, **more):
        got = self.decide(documents, state, flow, **more)
        self.assertEqual((got.verdict, got.rule, (got.tunnel or "").upper()), (verdict, rule, (tunnel or "").upper()), flow)
        self.assertEqual(got.has_source, rule[:2] not in ("S0", "S1", "S8"))


def wifi(**more):
    return {"primary_interface": "wlan0", "interfaces": [WLAN], **more}


def with_status(name, status, **more):
    return wifi(tunnels={name: {"status": status, "interface": "utun0", **more}})


class Words(Case):
    def test_mapped_and_nat64(self):
        self.assertEqual(addresses.judged(addresses.address("::ffff:10.1.2.3")), addresses.address("10.1.2.3"))
        self.assertEqual(addresses.judged(addresses.address("64:ff9b::a01:203")), addresses.address("10.1.2.3"))
        self.assertEqual(addresses.judged(addresses.address("64:ff9b:1::a01:203")), addresses.address("64:ff9b:1::a01:203"))

    def test_nat64_of_every_length(self):  # RFC 6052, 2.4
        for text, at in (("2001:db8::/32", "2001:db8:c000:221::"), ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
                         ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
                         ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
                         ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
                         ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33")):
            self.assertEqual(addresses.judged(addresses.address(at), addresses.prefix(text)), addresses.address("192.0.2.33"), text)

    def local(self, addr, port=80, links=("192.168.1.20/24",), name="wlan0", tunnels=None):
        state = inputs.State({"interfaces": [{"name": name, "addresses": list(links)}], "tunnels": tunnels or {}})
        return oracle.is_local_network(state, addresses.address(addr), port)

    def test_local_networks(self):
        for addr in ("192.168.1.1", "192.168.1.255", "169.254.3.4", "224.0.0.251", "239.1.2.3", "255.255.255.255",
                     "fe80::1", "ff01::1", "ff02::fb", "ff05::1:3"):
            self.assertTrue(self.local(addr), addr)
        for addr in ("192.168.2.1", "224.0.1.1", "238.255.255.255", "ff06::1", "ff0e::1", "fd00::1", "203.0.113.1"):
            self.assertFalse(self.local(addr), addr)

    def test_public_or_short_on_link_prefixes_never_count(self):  # ours: CVE-2023-36672
        self.assertFalse(self.local("203.0.113.1", links=["203.0.113.20/24"]))
        self.assertFalse(self.local("10.1.1.1", links=["10.0.0.1/7"]))
        self.assertTrue(self.local("10.255.1.1", links=["10.0.0.1/8"]))
        self.assertFalse(self.local("172.16.0.1", links=["172.16.0.2/11"]))
        self.assertTrue(self.local("172.31.0.1", links=["172.16.0.2/12"]))
        self.assertFalse(self.local("fd00::1", links=["fd00::2/31"]))
        self.assertTrue(self.local("fd00::1", links=["fd00::2/32"]))
        self.assertFalse(self.local("2001:db8::1", links=["2001:db8::2/64"]))

    def test_resolvers_are_never_local(self):  # ours
        for port in (53, 853):
            for addr in ("192.168.1.1", "169.254.1.1", "fe80::1", "ff02::fb"):
                self.assertFalse(self.local(addr, port))

    def test_tunnel_interfaces_are_not_local(self):
        self.assertFalse(self.local("10.9.0.1", links=["10.9.0.2/24"], name="utun0", tunnels={"X": {"interface": "utun0"}}))


class DomainMatch(Case):
    def test_label_boundaries(self):
        for pattern, name, expected in (
                ("example.com", "example.com", True), ("example.com", "a.b.example.com", True),
                ("example.com", "badexample.com", False), ("example.com", "example.com.evil.test", False),
                ("*.example.com", "example.com", False), ("*.example.com", "a.example.com", True),
                ("*.example.com", "badexample.com", False), ("EXAMPLE.com.", "www.Example.COM", True),
                ("example.com", "www.example.com.", True), ("bücher.example", "xn--bcher-kva.example", True),
                ("xn--bcher-kva.example", "www.BÜCHER.example", True), ("example.com", "", False),
                ("com", "example.com", True), ("example.com", "com", False)):
            self.assertEqual(domains.matches(pattern, name), expected, (pattern, name))


class S0(Case):
    def test_loopback_and_own_addresses(self):
        for remote in ("127.0.0.1", "127.255.0.9", "::1", "192.168.1.20", "fe80::20", "::ffff:127.0.0.1"):
            self.check([profile(always_on(1))], wifi(), {"remote": remote}, "system", "S0")

    def test_scoped_to_the_wire(self):
        self.check([], wifi(), {"remote": "127.0.0.1", "scope": "wlan0"}, "drop", "S0")
        self.check([], wifi(), {"remote": "127.0.0.1", "scope": "lo"}, "system", "S0")
        self.check([], with_status(uuid_of(1), "connected"), {"remote": "::1", "scope": "utun0"}, "system", "S0")

    def test_before_everything(self):
        self.check([profile(always_on(1))], {}, {"remote": "127.0.0.1", "app": "forwarded"}, "system", "S0")


class S1(Case):
    guard = [profile(always_on(1))]
    dhcp = {"protocol": "udp", "local_port": 68, "remote_port": 67, "uid": 0}

    def test_a_dhcp4(self):
        for remote in ("255.255.255.255", "192.168.1.1"):
            self.check(self.guard, wifi(), {**self.dhcp, "remote": remote}, "direct", "S1.a")
        self.check(self.guard, wifi(), {**self.dhcp, "remote": "203.0.113.1"}, "drop", "S3.e", uuid_of(1) + "#0")
        leased = {"primary_interface": "wlan0", "interfaces": [{**WLAN, "dhcp_server": "203.0.113.1"}]}
        self.check(self.guard, leased, {**self.dhcp, "remote": "203.0.113.1"}, "direct", "S1.a")

    def test_a_needs_both_ports_and_root(self):
        there = {**self.dhcp, "remote": "192.168.1.1"}
        for change in ({"local_port": 67}, {"remote_port": 68}, {"uid": 1000}, {"protocol": "tcp"}):
            self.assertEqual(self.decide(self.guard, wifi(), {**there, **change}).rule, "S3.e", change)
        there.pop("local_port")
        self.assertEqual(self.decide(self.guard, wifi(), there).rule, "S3.e")

    def test_a_without_a_socket_or_uid(self):
        there = {**self.dhcp, "remote": "192.168.1.1"}
        self.check(self.guard, wifi(), {**there, "uid": 1000, "app": "forwarded"}, "direct", "S1.a")
        self.check(self.guard, wifi(), {**there, "app": "unattributed"}, "direct", "S1.a")
        self.assertEqual(self.decide(self.guard, wifi(), {**there, "uid": 5, "app": "unattributed"}).rule, "S3.e")
        there.pop("uid")
        self.check(self.guard, wifi(), there, "direct", "S1.a")

    def test_a_dhcp6(self):
        flow = {"protocol": "udp", "local_port": 546, "remote_port": 547}
        for remote in ("fe80::1", "ff02::1:2", "ff05::1:3"):
            self.check(self.guard, wifi(), {**flow, "remote": remote}, "direct", "S1.a")
        for remote in ("ff02::1:3", "2001:db8::1"):
            self.assertEqual(self.decide(self.guard, wifi(), {**flow, "remote": remote}).rule, "S3.e")

    def test_b_discovery(self):
        def rule(kind, direction, hop_limit=None):
            flow = {"protocol": "icmpv6", "remote": "fe80::1", "icmp_type": kind, "direction": direction}
            return self.decide(self.guard, wifi(), {**flow, **({"hop_limit": hop_limit} if hop_limit is not None else {})}).rule

        self.assertEqual([t for t in range(128, 148) if rule(t, "out") == "S1.b"], [130, 131, 132, 133, 135, 136, 143])
        self.assertEqual([t for t in range(128, 148) if rule(t, "in") == "S1.b"], [130, 131, 132, 134, 135, 136, 143])
        self.assertEqual([rule(135, "out", h) for h in (254, 255, 1)], ["S3.e", "S1.b", "S3.e"])
        self.assertEqual([rule(143, "out", h) for h in (1, 255)], ["S1.b", "S3.e"])

    def test_b_igmp(self):
        flow = {"protocol": "igmp", "remote": "224.0.0.22"}
        self.check(self.guard, wifi(), flow, "direct", "S1.b")
        self.check(self.guard, wifi(), {**flow, "app": "forwarded"}, "direct", "S1.b")
        self.assertEqual(self.decide(self.guard, wifi(), {**flow, "hop_limit": 2}).rule, "S3.e")

    def test_c_own_endpoint_only(self):  # ours: CVE-2023-36673
        name = uuid_of(1) + "#0"
        state = with_status(name, "connecting", endpoints=[{"address": "203.0.113.5", "protocol": "udp", "port": 4500},
                                                           {"address": "203.0.113.5", "protocol": 50}])
        flow = {"protocol": "udp", "remote": "203.0.113.5", "remote_port": 4500, "provider_of": name.lower()}
        self.check(self.guard, state, flow, "direct", "S1.c")
        self.check(self.guard, state, {**flow, "remote": "::ffff:203.0.113.5"}, "direct", "S1.c")
        self.check(self.guard, state, {"protocol": 50, "remote": "203.0.113.5", "provider_of": name, "app": "forwarded"}, "direct", "S1.c")
        for change in ({"provider_of": None}, {"provider_of": "another"}, {"remote_port": 500}, {"protocol": "tcp"}, {"remote": "203.0.113.6"}):
            self.check(self.guard, state, {**flow, **change}, "drop", "S3.e", name)

    def test_d_server_names(self):
        flow = {"role": "agent", "protocol": "udp", "remote": "192.168.1.1", "remote_port": 53, "hostname": "VPN.example.com."}
        self.check(self.guard, wifi(), flow, "direct", "S1.d")
        for change in ({"role": None}, {"hostname": "www.example.com"}, {"hostname": ""}, {"remote": "192.168.1.2"},
                       {"remote_port": 853}, {"scope": "rmnet0"}, {"app": "forwarded"}):
            self.assertEqual(self.decide(self.guard, wifi(), {**flow, **change}).rule, "S3.e", change)
        self.check(self.guard, wifi(), {**flow, "scope": "wlan0"}, "direct", "S1.d")

    def test_e_cellular_only(self):
        roles = {"com.example.ims": {"roles": ["cellular-only"]}}
        self.check(self.guard, wifi(), {"app": "com.example.ims"}, "direct", "S1.e", app_map=roles)
        self.check(self.guard, wifi(), {"service": "cellular-only"}, "direct", "S1.e")
        for app in ("forwarded", "unattributed"):
            self.assertEqual(self.decide(self.guard, wifi(), {"service": "cellular-only", "app": app}).rule, "S3.e")

    def test_f_probes(self):
        rules = [{"Action": "Connect", "URLStringProbe": "https://probe.example.com/x"},
                 {"Action": "EvaluateConnection", "ActionParameters": [
                     {"Domains": ["example.com"], "DomainAction": "ConnectIfNeeded", "RequiredDNSServers": ["192.0.2.53"],
                      "RequiredURLStringProbe": "http://192.0.2.80:8080/"}]}]
        docs = [profile(vpn(1, IncludeAllNetworks=1, OnDemandEnabled=1, OnDemandRules=rules))]
        state = with_status(uuid_of(1), "connecting")
        for flow in ({"hostname": "probe.example.com", "remote_port": 443}, {"remote": "192.0.2.53", "remote_port": 53, "protocol": "udp"},
                     {"remote": "192.0.2.80", "remote_port": 8080}, {"hostname": "captive.apple.com", "remote_port": 80}):
            self.check(docs, {**state, "probing": True}, {**flow, "role": "agent"}, "direct", "S1.f")
            self.check(docs, {**state, "probing": True}, flow, "drop", "S5.f", uuid_of(1))
            self.check(docs, state, {**flow, "role": "agent"}, "drop", "S5.f", uuid_of(1))
            self.check(docs, {**state, "probing": True}, {**flow, "role": "agent", "remote_port": 81}, "drop", "S5.f", uuid_of(1))


class S2(Case):
    platform = "macos"

    def services(self, flow, roles=(), state=None):
        policy = inputs.build([], {"com.example.app": {"roles": list(roles)}}, "ios")
        made = oracle.Flow({"app": "com.example.app", "protocol": "tcp", **flow}, policy, inputs.State(state or wifi()))
        return made.services

    def test_airprint(self):
        self.assertEqual(self.services({"protocol": "udp", "remote": "224.0.0.251", "remote_port": 5353}), {"airprint"})
        self.assertEqual(self.services({"protocol": "udp", "remote": "ff02::fb", "remote_port": 5353}), {"airprint"})
        self.assertEqual(self.services({"remote": "192.168.1.9", "remote_port": 631}), {"airprint"})
        for flow in ({"remote": "192.168.2.9", "remote_port": 631}, {"protocol": "udp", "remote": "192.168.1.9", "remote_port": 631},
                     {"protocol": "udp", "remote": "224.0.0.252", "remote_port": 5353}):
            self.assertEqual(self.services(flow), set(), flow)

    def test_apns(self):
        for remote in ("17.249.0.1", "17.57.147.255", "17.188.191.255", "17.188.21.1", "2403:300:a51::1"):
            for port in (5223, 2197, 443):
                self.assertEqual(self.services({"remote": remote, "remote_port": port}), {"apns"}, remote)
            self.assertEqual(self.services({"remote": remote, "remote_port": 80}), set())
        for remote in ("17.57.148.0", "17.188.22.0", "17.253.0.1", "2403:300:a43::1"):
            self.assertEqual(self.services({"remote": remote, "remote_port": 443}), set(), remote)

    def test_roles(self):
        for role in ("voicemail", "device-communication", "companion", "cellular-only"):
            self.assertEqual(self.services({"remote": "203.0.113.1"}, [role]), {role})
        for role in ("airprint", "apns", "cellular-services"):
            self.assertEqual(self.services({"remote": "203.0.113.1"}, [role]), set())

    def test_cellular_services(self):
        ports = [(p, n) for p in ("tcp", "udp") for n in (80, 443, 500, 4500, 5000, 8080)
                 if self.services({"protocol": p, "remote": "203.0.113.1", "remote_port": n}, ["cellular-services"])]
        self.assertEqual(ports, [("tcp", 80), ("tcp", 443), ("tcp", 8080), ("udp", 500), ("udp", 4500)])

    def test_several_at_once(self):
        found = self.services({"remote": "17.249.0.1", "remote_port": 443}, ["cellular-services", "companion"])
        self.assertEqual(found, {"apns", "cellular-services", "companion"})

    def test_helper_gets_no_exception(self):  # ours
        roles = {"com.example.watch": {"roles": ["companion"]}}
        docs = [profile(vpn(1, IncludeAllNetworks=1))]
        state = with_status(uuid_of(1), "connected")
        self.check(docs, state, {"app": "com.example.watch"}, "direct", "S5.b", app_map=roles)
        self.check(docs, state, {"spawned_by": "com.example.watch"}, "tunnel", "S5.f", uuid_of(1), app_map=roles)


class S3(Case):
    app_map = {"com.example.sheet": {"roles": ["captive-websheet"]}, "com.example.plugin": {"roles": ["captive-plugin"]},
               "com.example.voicemail": {"roles": ["voicemail"]}}
    tunnel = uuid_of(1) + "#0"

    def test_e_every_status(self):
        for status in STATUSES:
            expected = "tunnel" if status == "connected" else "drop"
            self.check([profile(always_on(1))], with_status(self.tunnel, status), {"app": "com.example.x"}, expected, "S3.e", self.tunnel)
        self.check([profile(always_on(1))], wifi(), {}, "drop", "S3.e", self.tunnel)

    def test_e_scope_and_ui_toggle_change_nothing(self):
        docs = [profile(always_on(1, UIToggleEnabled=1))]
        self.check(docs, with_status(self.tunnel, "connected"), {"scope": "wlan0"}, "tunnel", "S3.e", self.tunnel)
        self.check(docs, with_status(self.tunnel, "disconnected"), {"scope": "wlan0"}, "drop", "S3.e", self.tunnel)

    def test_d_choice_of_the_tunnel(self):
        docs = [profile(always_on(1, [{"Interfaces": ["Cellular"]}, {"Interfaces": ["WiFi"]}, {}]))]
        for kind, n in (("wifi", 1), ("ethernet", 1), ("other", 1), ("cellular", 0)):
            state = {"primary_interface": "x0", "interfaces": [{"name": "x0", "type": kind}]}
            self.check(docs, state, {}, "drop", "S3.e", f"{uuid_of(1)}#{n}")

    def test_d_none(self):
        docs = [profile(always_on(1, [{"Interfaces": ["Cellular"]}]))]
        self.check(docs, wifi(), {}, "drop", "S3.d")
        for state in ({}, {"interfaces": [WLAN]}, {"primary_interface": "wlan1", "interfaces": [WLAN]}):
            self.check([profile(always_on(1))], state, {}, "drop", "S3.d")

    def test_d_empty_interfaces_are_all(self):
        state = {"primary_interface": "x0", "interfaces": [{"name": "x0", "type": "cellular"}]}
        self.check([profile(always_on(1, [{"Interfaces": []}]))], state, {}, "drop", "S3.e", self.tunnel)

    def test_a_captive(self):
        captive = wifi(captive=True)
        sheet, plugin = {"app": "com.example.sheet"}, {"app": "com.example.plugin"}
        self.check([profile(always_on(1))], captive, sheet, "drop", "S3.e", self.tunnel)
        self.check([profile(always_on(1, AllowCaptiveWebSheet=1))], captive, sheet, "direct", "S3.a")
        self.check([profile(always_on(1, AllowCaptiveWebSheet=1))], captive, plugin, "drop", "S3.e", self.tunnel)
        self.check([profile(always_on(1, AllowCaptiveWebSheet=1))], wifi(), sheet, "drop", "S3.e", self.tunnel)
        self.check([profile(always_on(1, AllowAllCaptiveNetworkPlugins=1))], captive, plugin, "direct", "S3.a")
        self.check([profile(always_on(1, AllowAllCaptiveNetworkPlugins=1))], captive, sheet, "drop", "S3.e", self.tunnel)
        self.check([profile(always_on(1, AllowCaptiveWebSheet=1))], captive, {"spawned_by": "com.example.sheet"}, "drop", "S3.e", self.tunnel)

    def test_a_list_is_read_only_without_all(self):
        listed = [{"BundleIdentifier": "com.example.hotspot"}]
        flow = {"app": "com.example.hotspot"}
        for all_plugins, expected in ((None, "S3.a"), (0, "S3.a"), (1, "S3.e")):
            keys = {} if all_plugins is None else {"AllowAllCaptiveNetworkPlugins": all_plugins}
            docs = [profile(always_on(1, AllowedCaptiveNetworkPlugins=listed, **keys))]
            self.assertEqual(self.decide(docs, wifi(captive=True), flow).rule, expected)
            self.assertEqual(self.decide(docs, wifi(), flow).rule, "S3.e")

    def test_b_services(self):
        docs = [profile(always_on(1, ServiceExceptions=[{"ServiceName": "VoiceMail", "Action": "Allow"}, {"ServiceName": "AirPrint", "Action": "Drop"}]))]
        up = with_status(self.tunnel, "connected")
        self.check(docs, up, {"app": "com.example.voicemail"}, "direct", "S3.b")
        self.check(docs, up, {"remote": "192.168.1.9", "remote_port": 631}, "drop", "S3.b")
        self.check(docs, up, {"service": "cellular-services"}, "tunnel", "S3.e", self.tunnel)
        both = {"app": "com.example.voicemail", "remote": "192.168.1.9", "remote_port": 631}
        self.check(docs, up, both, "direct", "S3.b")  # the list's own order
        for app in ("forwarded", "unattributed"):
            self.check(docs, up, {"app": app, "remote": "192.168.1.9", "remote_port": 631}, "tunnel", "S3.e", self.tunnel)

    def test_c_applications(self):
        def docs(*limit):
            entry = {"BundleIdentifier": "com.example.excepted", **({"LimitToProtocols": list(limit[0])} if limit else {})}
            return [profile(always_on(1, ApplicationExceptions=[entry]))]

        app = {"app": "com.example.excepted"}
        self.check(docs(), wifi(), app, "direct", "S3.c")
        self.check(docs(["UDP"]), wifi(), app, "drop", "S3.e", self.tunnel)
        self.check(docs(["UDP"]), wifi(), {**app, "protocol": "udp"}, "direct", "S3.c")
        self.check(docs([]), wifi(), {**app, "protocol": "udp"}, "drop", "S3.e", self.tunnel)
        self.check(docs(), wifi(), {"spawned_by": "com.example.excepted"}, "drop", "S3.e", self.tunnel)

    def test_nothing_after_s3(self):
        docs = [profile(always_on(1)), profile(vpn(2, IncludeAllNetworks=1), number=0xF001)]
        self.check(docs, with_status(uuid_of(2), "connected"), {}, "drop", "S3.e", self.tunnel)

    def test_declaration(self):
        docs = [declaration("always-on", "com.example.ao", TunnelConfigurations=[{"ProtocolType": "IKEv2", "IKEV2": {"HostName": "vpn.example.com"}}],
                            AllowCaptiveWebSheet=True)]
        self.check(docs, with_status("com.example.ao#0", "connected"), {}, "tunnel", "S3.e", "com.example.ao#0")
        self.check(docs, wifi(captive=True), {"app": "com.example.sheet"}, "direct", "S3.a")


class Incoming(Case):
    tunnel = uuid_of(1) + "#0"
    docs = [profile(always_on(1, ApplicationExceptions=[{"BundleIdentifier": "com.example.excepted"}]))]

    def arriving(self, interface, **flow):
        return {"direction": "in", "arrives_on": interface, **flow}

    def test_tunnel_only_from_its_interface(self):  # CVE-2019-14899
        up = with_status(self.tunnel, "connected")
        self.check(self.docs, up, self.arriving("utun0"), "accept", "S3.e", self.tunnel)
        self.check(self.docs, up, self.arriving("wlan0"), "drop", "S3.e", self.tunnel)
        self.check(self.docs, up, {"direction": "in"}, "drop", "S3.e", self.tunnel)

    def test_direct_only_from_elsewhere(self):
        up = with_status(self.tunnel, "connected")
        excepted = {"app": "com.example.excepted"}
        self.check(self.docs, up, self.arriving("wlan0", **excepted), "accept", "S3.c")
        self.check(self.docs, up, self.arriving("utun0", **excepted), "drop", "S3.c")

    def test_scope_apart(self):
        self.check([], wifi(), self.arriving("wlan0", remote="127.0.0.1", scope="wlan0"), "accept", "S0")
        docs = [profile(vpn(1))]
        state = with_status(uuid_of(1), "connected", included_routes=["0.0.0.0/0"])
        self.check(docs, state, self.arriving("utun0", scope="wlan0"), "accept", "S7", uuid_of(1))

    def test_provider(self):
        state = with_status(self.tunnel, "connecting", endpoints=[{"address": "203.0.113.5", "protocol": "udp", "port": 4500}])
        outer = {"protocol": "udp", "remote": "203.0.113.5", "remote_port": 4500, "provider_of": self.tunnel}
        self.check(self.docs, state, self.arriving("wlan0", **outer), "accept", "S1.c")
        self.check(self.docs, state, self.arriving("utun0", **outer), "drop", "S1.c")

    def test_proxy_is_dropped(self):
        docs = [profile(vpn(1, IncludeAllNetworks=1, ProviderType="app-proxy"))]
        state = with_status(uuid_of(1), "connected")
        for interface in ("utun0", "wlan0"):
            self.check(docs, state, self.arriving(interface), "drop", "S5.f", uuid_of(1))

    def test_foreign_encapsulations(self):
        include_all = [profile(vpn(1, IncludeAllNetworks=1))]
        for number in (4, 41, 47, 94, 97, 98, 115, 137):
            packet = self.arriving("wlan0", protocol=number)
            self.check(self.docs, wifi(), packet, "drop", "S3")
            self.check(include_all, with_status(uuid_of(1), "connected"), packet, "drop", "S5")
            self.check(include_all, with_status(uuid_of(1), "disconnected"), packet, "accept", "S8")
            self.check(self.docs, with_status(self.tunnel, "connected"), self.arriving("utun0", protocol=number), "accept", "S3.e", self.tunnel)
        self.check(self.docs, wifi(), self.arriving("wlan0", protocol=50), "drop", "S3.e", self.tunnel)

    def test_redirects_never(self):
        for protocol, kind, remote in (("icmp", 5, "203.0.113.1"), ("icmpv6", 137, "2001:db8::1")):
            self.check([], wifi(), self.arriving("wlan0", protocol=protocol, icmp_type=kind, remote=remote), "drop", "S8")

    def test_icmp_error_goes_with_what_it_quotes(self):
        up = with_status(self.tunnel, "connected")
        error = {"protocol": "icmp", "icmp_type": 3, "remote": "198.51.100.1"}
        quoted = {"app": "com.example.excepted", "protocol": "tcp", "remote": "203.0.113.80", "remote_port": 443}
        self.check(self.docs, up, self.arriving("wlan0", **error, quotes=quoted), "accept", "S3.c")
        self.check(self.docs, up, self.arriving("wlan0", **error, quotes={**quoted, "app": "other"}), "drop", "S3.e", self.tunnel)
        self.check(self.docs, up, self.arriving("wlan0", **error), "drop", "S3.e", self.tunnel)


if __name__ == "__main__":
    unittest.main()
