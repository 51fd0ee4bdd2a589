"""The oracle itself, rule by rule: S4 to S8, order, on-demand, platform defaults."""

import unittest

import inputs
import ondemand
from payloads import always_on, declaration, mapped, mapping, profile, tool, uuid_of, vpn
from test_oracle import STATUSES, WLAN, Case, with_status, wifi

ONE, TWO = uuid_of(1), uuid_of(2)
APP1, APP2 = uuid_of(0x1001), uuid_of(0x1002)  # VPNUUIDs of per-app payloads 1 and 2
DISCONNECT = [{"Action": "Disconnect", "InterfaceTypeMatch": "WiFi"}]
MAIL = "com.example.mail"


def both(*tunnels, **more):
    """Several tunnels: (name, status, included routes, excluded routes)."""
    made = {}
    for n, (name, status, *routes) in enumerate(tunnels):
        made[name] = {"status": status, "interface": f"utun{n}", "included_routes": routes[0] if routes else [],
                      "excluded_routes": routes[1] if len(routes) > 1 else []}
    return wifi(tunnels=made, **more)


class S4(Case):
    platform = "macos"

    def docs(self, *entries, **keys):
        one = vpn(1, per_app=True, **keys)
        made = [mapped(*((e[0], one) + e[1:])) if isinstance(e, tuple) else mapped(e, one) for e in entries or (MAIL,)]
        return [profile(one, mapping(0x10, *made))]

    def test_e_every_status(self):
        for status in STATUSES:
            verdict = "tunnel" if status == "connected" else "drop"
            self.check(self.docs(), both((APP1, status)), {"app": MAIL}, verdict, "S4.e", APP1)
        self.check(self.docs(), wifi(), {"app": "com.example.other"}, "system", "S8")

    def test_e_scope_is_overridden(self):
        self.check(self.docs(), both((APP1, "connected")), {"app": MAIL, "scope": "wlan0"}, "tunnel", "S4.e", APP1)

    def test_e_proxy(self):
        docs = self.docs(ProviderType="app-proxy")
        for protocol, verdict in (("tcp", "proxy"), ("udp", "proxy"), ("icmp", "drop"), (132, "drop")):
            self.check(docs, both((APP1, "connected")), {"app": MAIL, "protocol": protocol}, verdict, "S4.e", APP1)
        self.check(docs, both((APP1, "reasserting")), {"app": MAIL}, "drop", "S4.e", APP1)

    def test_a_on_demand_disconnect(self):
        flow = {"app": MAIL}
        on = {"OnDemandEnabled": 1, "OnDemandRules": DISCONNECT}
        up = both((APP1, "connected"))
        self.check(self.docs(**on), up, flow, "system", "S8")
        self.check(self.docs(**{**on, "OnDemandEnabled": 0}), up, flow, "tunnel", "S4.e", APP1)
        self.check(self.docs(**on, payload_OnDemandMatchAppEnabled=False), up, flow, "tunnel", "S4.e", APP1)
        self.check(self.docs(OnDemandRules=DISCONNECT, payload_OnDemandMatchAppEnabled=True), up, flow, "system", "S8")
        cellular = {"primary_interface": "r0", "interfaces": [{"name": "r0", "type": "cellular"}]}
        self.check(self.docs(**on), cellular, flow, "drop", "S4.e", APP1)

    def test_b_excluded_domains(self):
        docs = self.docs(payload_ExcludedDomains=["example.com", "*.example.net"])
        for hostname, rule in (("www.example.com", "S8"), ("badexample.com", "S4.e"), ("example.net", "S4.e"),
                               ("a.example.net", "S8"), ("", "S4.e")):
            self.assertEqual(self.decide(docs, wifi(), {"app": MAIL, "hostname": hostname}).rule, rule, hostname)

    def test_c_triggered_apps(self):
        lists = {"browser": "SafariDomains", "mail": "MailDomains", "calendar": "CalendarDomains",
                 "contacts": "ContactsDomains", "smb": "SMBDomains"}
        for role, key in lists.items():
            docs = [profile(vpn(1, per_app=True, **{"payload_" + key: ["intern.example.com"]}))]
            roles = {"com.example.app": {"roles": [role]}, "com.example.plain": {"paths": ["/bin/true"]}}
            at = {"hostname": "db.intern.example.com"}
            self.check(docs, wifi(), {"app": "com.example.app", **at}, "drop", "S4.e", APP1, app_map=roles)
            self.check(docs, wifi(), {"app": "com.example.app", "hostname": "example.com"}, "system", "S8", app_map=roles)
            self.check(docs, wifi(), {"app": "com.example.app"}, "system", "S8", app_map=roles)
            self.check(docs, wifi(), {"app": "com.example.plain", **at}, "system", "S8", app_map=roles)
            self.check(docs, wifi(), {"spawned_by": "com.example.app", **at}, "drop", "S4.e", APP1, app_map=roles)

    def test_c_associated_domains_do_not_govern(self):
        docs = [profile(vpn(1, per_app=True, payload_AssociatedDomains=["example.com"]))]
        roles = {"com.example.app": {"roles": ["browser"]}}
        self.check(docs, wifi(), {"app": "com.example.app", "hostname": "example.com"}, "system", "S8", app_map=roles)

    def test_c_mapped_and_triggered(self):
        docs = self.docs("com.example.app", payload_SafariDomains=["example.com"])
        roles = {"com.example.app": {"roles": ["browser"]}}
        self.check(docs, wifi(), {"app": "com.example.app", "hostname": "example.net"}, "drop", "S4.e", APP1, app_map=roles)

    def test_d_helpers(self):
        flow = {"app": "com.example.curl", "spawned_by": "com.example.terminal"}
        self.check(self.docs("com.example.terminal"), wifi(), flow, "drop", "S4.e", APP1)
        self.check(self.docs("com.example.terminal"), wifi(), {"spawned_by": "com.example.terminal"}, "drop", "S4.e", APP1)

    def test_d_match_tools(self):
        docs = self.docs(("com.example.terminal", [tool("com.example.curl"), tool("com.example.x", "/usr/bin/ssh")]))
        paths = {"com.example.ssh": {"paths": ["/usr/bin/ssh"]}}
        by = {"spawned_by": "com.example.terminal"}
        self.check(docs, wifi(), {"app": "com.example.curl", **by}, "drop", "S4.e", APP1)
        self.check(docs, wifi(), {"app": "com.example.ssh", **by}, "drop", "S4.e", APP1, app_map=paths)
        self.check(docs, wifi(), {"app": "com.example.ssh", **by}, "system", "S8")
        for flow in ({"app": "com.example.curl"}, {"app": "com.example.terminal"}, {"app": "com.example.wget", **by}, by,
                     {"app": "com.example.curl", "spawned_by": "com.example.shell"}):
            self.check(docs, wifi(), flow, "system", "S8")

    def test_d_empty_match_tools_are_absent(self):
        self.check(self.docs(("com.example.terminal", [])), wifi(), {"app": "com.example.terminal"}, "drop", "S4.e", APP1)

    def test_the_next_vpn(self):
        one = vpn(1, per_app=True, payload_ExcludedDomains=["example.com"])
        two = vpn(2, per_app=True)
        docs = [profile(one, two, mapping(0x10, mapped(MAIL, two), mapped(MAIL, one)))]
        self.check(docs, wifi(), {"app": MAIL, "hostname": "example.net"}, "drop", "S4.e", APP1)
        self.check(docs, wifi(), {"app": MAIL, "hostname": "example.com"}, "drop", "S4.e", APP2)

    def test_bypassed_goes_on_to_s5(self):
        docs = self.docs(payload_ExcludedDomains=["example.com"]) + [profile(vpn(2, IncludeAllNetworks=1), number=0xF001)]
        self.check(docs, both((TWO, "connected")), {"app": MAIL, "hostname": "example.com"}, "tunnel", "S5.f", TWO)

    def test_unattributed(self):  # ours
        for status in STATUSES:
            self.check(self.docs(), both((APP1, status)), {"app": "unattributed"}, "drop", "S4")
        self.check([profile(vpn(1))], wifi(), {"app": "unattributed"}, "system", "S8")
        self.check(self.docs(), wifi(), {"app": "unattributed", "remote": "127.0.0.1"}, "system", "S0")
        self.check(self.docs(), wifi(), {"app": "forwarded"}, "system", "S8")
        self.check(self.docs(), wifi(), {}, "system", "S8")

    def test_app_map_vpn(self):
        app_map = {MAIL: {"vpn": APP1.lower()}}
        self.check([profile(vpn(1, per_app=True))], wifi(), {"app": MAIL}, "drop", "S4.e", APP1, app_map=app_map)


class S5(Case):
    platform = "macos"
    app_map = {"com.example.sheet": {"roles": ["captive-websheet"]}, "com.example.plugin": {"roles": ["captive-plugin"]},
               "com.example.watch": {"roles": ["companion"]}, "com.example.usb": {"roles": ["device-communication"]},
               "com.example.mms": {"roles": ["cellular-services"]}, "com.example.vm": {"roles": ["voicemail"]}}
    apns = {"remote": "17.249.0.1", "remote_port": 5223}
    mms = {"app": "com.example.mms", "remote_port": 8080}

    def docs(self, **keys):
        return [profile(vpn(1, IncludeAllNetworks=1, **keys))]

    def test_f_every_status(self):
        for status in STATUSES:
            if status in ("invalid", "disconnected"):
                self.check(self.docs(), both((ONE, status)), {}, "system", "S8")
            else:
                self.check(self.docs(), both((ONE, status)), {}, "tunnel" if status == "connected" else "drop", "S5.f", ONE)

    def test_engaged_on_demand(self):
        rules = [{"Action": "Connect", "InterfaceTypeMatch": "WiFi"}, {"Action": "Ignore"}]
        on = self.docs(OnDemandEnabled=1, OnDemandRules=rules)
        self.check(on, wifi(), {}, "drop", "S5.f", ONE)
        self.check(on, both((ONE, "invalid")), {}, "system", "S8")
        self.check(self.docs(OnDemandEnabled=0, OnDemandRules=rules), wifi(), {}, "system", "S8")
        self.check(on, {}, {}, "system", "S8")
        self.check(self.docs(OnDemandEnabled=1, OnDemandRules=[{"Action": "EvaluateConnection", "ActionParameters": [
            {"Domains": ["example.com"], "DomainAction": "ConnectIfNeeded"}]}]), wifi(), {}, "system", "S8")

    def test_a_captive(self):
        for app in ("com.example.sheet", "com.example.plugin"):
            self.check(self.docs(), both((ONE, "connected"), captive=True), {"app": app}, "direct", "S5.a")
            self.check(self.docs(), both((ONE, "connected")), {"app": app}, "tunnel", "S5.f", ONE)
            self.check(self.docs(), both((ONE, "connected"), captive=True), {"spawned_by": app}, "tunnel", "S5.f", ONE)

    def test_b_companion_and_devices(self):
        up = both((ONE, "connecting"))
        self.check(self.docs(), up, {"app": "com.example.watch"}, "direct", "S5.b")
        self.check(self.docs(ExcludeDeviceCommunication=0), up, {"app": "com.example.watch"}, "direct", "S5.b")
        self.check(self.docs(), up, {"app": "com.example.usb"}, "direct", "S5.b")
        self.check(self.docs(ExcludeDeviceCommunication=0), up, {"app": "com.example.usb"}, "drop", "S5.f", ONE)

    def test_c_local_networks_and_platform_defaults(self):
        up, flow = both((ONE, "connected")), {"remote": "192.168.1.9", "remote_port": 80}
        for platform in ("ios", "visionos", "tvos", "watchos"):
            self.check(self.docs(), up, flow, "direct", "S5.c", platform=platform)
        for platform in ("macos", "linux"):
            self.check(self.docs(), up, flow, "tunnel", "S5.f", ONE, platform=platform)
            self.check(self.docs(ExcludeLocalNetworks=1), up, flow, "direct", "S5.c", platform=platform)
        self.check(self.docs(ExcludeLocalNetworks=0), up, flow, "tunnel", "S5.f", ONE, platform="ios")
        self.check(self.docs(ExcludeLocalNetworks=1), up, {**flow, "remote_port": 53}, "tunnel", "S5.f", ONE)
        self.check(self.docs(ExcludeLocalNetworks=1), up, {**flow, "app": "forwarded"}, "direct", "S5.c")

    def test_d_cellular_services(self):
        up = both((ONE, "connected"))
        for flow in (self.mms, {"app": "com.example.vm"}):
            self.check(self.docs(), up, flow, "direct", "S5.d")
            self.check(self.docs(ExcludeCellularServices=1), up, flow, "direct", "S5.d")
            self.check(self.docs(ExcludeCellularServices=0), up, flow, "tunnel", "S5.f", ONE)

    def test_e_apns(self):
        up = both((ONE, "connected"))
        self.check(self.docs(), up, self.apns, "direct", "S5.e")
        self.check(self.docs(ExcludeAPNs=0), up, self.apns, "tunnel", "S5.f", ONE)
        self.check(self.docs(), up, {**self.apns, "app": "forwarded"}, "tunnel", "S5.f", ONE)
        self.check(self.docs(), up, {**self.apns, "app": "unattributed"}, "tunnel", "S5.f", ONE)

    def test_proxy(self):
        docs = self.docs(ProviderType="app-proxy")
        for protocol, verdict in (("tcp", "proxy"), ("udp", "proxy"), ("icmp", "drop")):
            self.check(docs, both((ONE, "connected")), {"protocol": protocol}, verdict, "S5.f", ONE)

    def test_several(self):
        docs = self.docs() + [profile(vpn(2, IncludeAllNetworks=1, ExcludeAPNs=0), number=0xF001)]
        self.check(docs, both((ONE, "disconnected"), (TWO, "connected")), self.apns, "tunnel", "S5.f", TWO)
        self.check(docs, both((ONE, "connecting"), (TWO, "connected")), {}, "drop", "S5.f", ONE)

    def test_s5_of_all_before_s6_of_any(self):
        docs = [profile(vpn(2, EnforceRoutes=1), vpn(1, IncludeAllNetworks=1))]
        self.check(docs, both((TWO, "connected", ["203.0.113.0/24"]), (ONE, "connected")), {}, "tunnel", "S5.f", ONE)

    def test_declaration(self):
        docs = [declaration("ikev2", "com.example.ike", HostName="vpn.example.com", NetworkRouting={"IncludeAllNetworks": True, "ExcludeAPNs": False})]
        self.check(docs, both(("COM.example.ike", "connected")), self.apns, "tunnel", "S5.f", "com.example.ike")


class S6(Case):
    platform = "macos"

    def docs(self, **keys):
        return [profile(vpn(1, **{"EnforceRoutes": 1, **keys}))]

    def test_b_longest_match(self):
        state = both((ONE, "connected", ["10.0.0.0/8", "10.1.1.0/24"], ["10.1.0.0/16", "10.1.1.0/24"]))
        for remote, verdict, tunnel in (("10.2.0.1", "tunnel", ONE), ("10.1.2.1", "direct", None), ("10.1.1.1", "direct", None)):
            self.check(self.docs(), state, {"remote": remote}, verdict, "S6.b", tunnel)
        self.check(self.docs(), state, {"remote": "10.2.0.1", "scope": "wlan0"}, "tunnel", "S6.b", ONE)
        self.check(self.docs(), state, {"remote": "::ffff:10.2.0.1"}, "tunnel", "S6.b", ONE)
        self.check(self.docs(), state, {"remote": "11.0.0.1"}, "system", "S8")

    def test_b_default_routes_are_left_out(self):
        state = both((ONE, "connected", ["0.0.0.0/0", "10.0.0.0/8"], ["::/0"]))
        self.check(self.docs(), state, {}, "tunnel", "S7", ONE)
        self.check(self.docs(), state, {"remote": "2001:db8::1"}, "system", "S7")
        self.check(self.docs(), both((ONE, "connected", ["0.0.0.0/1"])), {"remote": "9.9.9.9"}, "tunnel", "S6.b", ONE)

    def test_b_overrides_system_routes(self):
        state = both((ONE, "connected", ["192.168.0.0/16"]), system_routes=[{"destination": "192.168.1.0/25", "interface": "wlan0"}])
        self.check(self.docs(), state, {"remote": "192.168.1.9"}, "tunnel", "S6.b", ONE)

    def test_every_status(self):
        for status in STATUSES:
            state = both((ONE, status, ["203.0.113.0/24"], ["10.0.0.0/8"]))
            if status == "connected":
                self.check(self.docs(), state, {}, "tunnel", "S6.b", ONE)
            elif status == "reasserting":
                self.check(self.docs(), state, {}, "drop", "S6.b", ONE)
                self.check(self.docs(), state, {"remote": "10.0.0.1"}, "direct", "S6.b")
            else:
                self.check(self.docs(), state, {}, "system", "S8")

    def test_a_the_example_of_the_article(self):
        wlan = {"name": "wlan0", "type": "wifi", "addresses": ["10.10.3.4/16"]}
        state = {**both((ONE, "connected", ["10.0.0.0/8"])), "interfaces": [wlan]}
        docs = self.docs(ExcludeLocalNetworks=1)
        self.check(docs, state, {"remote": "10.20.0.1"}, "tunnel", "S6.b", ONE)
        self.check(docs, state, {"remote": "10.10.0.1"}, "system", "S7")
        self.check(docs, state, {"remote": "10.10.0.1", "remote_port": 53}, "tunnel", "S6.b", ONE)
        self.check(self.docs(), state, {"remote": "10.10.0.1"}, "tunnel", "S6.b", ONE)
        self.check(self.docs(), state, {"remote": "10.10.0.1"}, "system", "S7", platform="ios")

    def test_a_skips_the_other_vpns(self):  # settled: go on to S7
        docs = [profile(vpn(1, EnforceRoutes=1, ExcludeLocalNetworks=1), vpn(2, EnforceRoutes=1))]
        state = both((ONE, "connected"), (TWO, "connected", ["192.168.0.0/16"]))
        self.check(docs, state, {"remote": "192.168.1.9"}, "system", "S7")
        state = both((ONE, "disconnected"), (TWO, "connected", ["192.168.0.0/16"]))
        self.check(docs, state, {"remote": "192.168.1.9"}, "tunnel", "S6.b", TWO)

    def test_void_under_include_all(self):
        state = both((ONE, "connected", [], ["203.0.113.0/24"]))
        self.check(self.docs(IncludeAllNetworks=1), state, {}, "tunnel", "S5.f", ONE)

    def test_proxy(self):
        docs = self.docs(ProviderType="app-proxy")
        state = both((ONE, "connected", ["203.0.113.0/24"]))
        self.check(docs, state, {}, "proxy", "S6.b", ONE)
        self.check(docs, state, {"protocol": "icmp"}, "drop", "S6.b", ONE)

    def test_the_next_vpn(self):
        docs = [profile(vpn(1, EnforceRoutes=1), vpn(2, EnforceRoutes=1))]
        state = both((ONE, "connected", ["10.0.0.0/8"]), (TWO, "connected", ["203.0.113.0/24"]))
        self.check(docs, state, {}, "tunnel", "S6.b", TWO)


class S7(Case):
    platform = "macos"
    docs = [profile(vpn(1))]

    def test_longest_match(self):
        state = both((ONE, "connected", ["10.0.0.0/8", "10.9.0.0/16", "10.2.3.0/24"], ["10.2.0.0/16", "10.2.3.0/24"]),
                     system_routes=[{"destination": "10.9.0.0/16", "interface": "wlan0"}])
        for remote, verdict, tunnel in (("10.1.0.1", "tunnel", ONE), ("10.2.0.1", "system", None), ("10.2.3.1", "system", None),
                                        ("10.9.0.1", "system", None), ("192.168.1.9", "system", None), ("224.1.1.1", "system", None)):
            self.check(self.docs, state, {"remote": remote}, verdict, "S7", tunnel)
        self.check(self.docs, state, {"remote": "203.0.113.1"}, "system", "S8")

    def test_default_route(self):
        state = both((ONE, "connected", ["0.0.0.0/0"]), system_routes=[{"destination": "0.0.0.0/0", "interface": "wlan0"}])
        self.check(self.docs, state, {}, "tunnel", "S7", ONE)
        self.check(self.docs, state, {"remote": "2001:db8::1"}, "system", "S8")
        self.check(self.docs, both((ONE, "connected", ["0.0.0.0/0"], ["0.0.0.0/0"])), {}, "system", "S7")

    def test_only_connected(self):
        for status in STATUSES:
            expected = ("tunnel", "S7", ONE) if status == "connected" else ("system", "S8")
            self.check(self.docs, both((ONE, status, ["0.0.0.0/0"])), {}, *expected)

    def test_scoped(self):
        self.check(self.docs, both((ONE, "connected", ["0.0.0.0/0"])), {"scope": "wlan0"}, "system", "S7")
        self.check(self.docs, both((ONE, "connected")), {"scope": "wlan0"}, "system", "S7")
        self.check(self.docs, wifi(), {"scope": "wlan0"}, "system", "S8")

    def test_proxy(self):
        docs = [profile(vpn(1, "TransparentProxy"))]
        state = both((ONE, "connected", ["0.0.0.0/0"]))
        self.check(docs, state, {}, "proxy", "S7", ONE)
        self.check(docs, state, {"protocol": "icmp"}, "system", "S7")

    def test_override_primary(self):
        for kind, expected in (("IPSec", "S7"), ("L2TP", "S7"), ("IKEv2", "S8")):
            docs = [profile(vpn(1, kind, payload_IPv4={"OverridePrimary": 1}))]
            for remote in ("203.0.113.1", "2001:db8::1"):
                self.assertEqual(self.decide(docs, both((ONE, "connected")), {"remote": remote}).rule, expected, kind)

    def test_order_of_vpns(self):
        docs = [profile(vpn(1), vpn(2))]
        state = both((ONE, "connected", ["10.0.0.0/8"]), (TWO, "connected", ["10.1.0.0/16", "203.0.113.0/24"]))
        self.check(docs, state, {"remote": "10.1.0.1"}, "tunnel", "S7", ONE)
        self.check(docs, state, {}, "tunnel", "S7", TWO)

    def test_order_of_transparent_proxies(self):
        docs = [profile(vpn(1, "TransparentProxy"), vpn(2, "TransparentProxy", Order=2), vpn(3, "TransparentProxy", Order=1))]
        everything = ["0.0.0.0/0"]
        names = [ONE, TWO, uuid_of(3)]
        for up, first in (((0, 1, 2), 2), ((0, 1), 1), ((0,), 0)):
            state = both(*((names[n], "connected", everything) for n in up))
            self.check(docs, state, {}, "proxy", "S7", names[first])

    def test_an_order_among_themselves_leaves_others_in_place(self):
        docs = [profile(vpn(1, "TransparentProxy", Order=2), vpn(2), vpn(3, "TransparentProxy", Order=1))]
        policy = inputs.build(docs, {}, "macos")
        self.assertEqual([v.name for v in policy.device_wide], [uuid_of(3), TWO, ONE])


class S8(Case):
    def test_nothing_installed(self):
        for flow in ({}, {"scope": "wlan0"}, {"app": "forwarded"}, {"app": "unattributed"}, {"remote": "2001:db8::1"}):
            self.check([], {}, flow, "system", "S8")


class OnDemandRules(unittest.TestCase):
    def action(self, rules, state=None, enabled=True):
        return ondemand.action(inputs.OnDemand(enabled, rules), inputs.State(wifi() if state is None else state))

    def holds(self, state=None, **criteria):
        return self.action([{"Action": "Connect", **criteria}], state) == "Connect"

    def primary(self, **more):
        return {"primary_interface": "x0", "interfaces": [{"name": "x0", **more}]}

    def test_first_rule(self):
        rules = [{"Action": "Disconnect", "InterfaceTypeMatch": "Cellular"}, {"Action": "Ignore"}, {"Action": "Connect"}]
        self.assertEqual(self.action(rules), "Ignore")
        self.assertEqual(self.action(rules[:1]), "Ignore")
        self.assertEqual(self.action([]), "Ignore")
        self.assertIsNone(self.action(rules, enabled=False))

    def test_a_rule_without_criteria_holds_without_a_network(self):
        self.assertTrue(self.holds({}))
        self.assertFalse(self.holds({}, InterfaceTypeMatch="WiFi"))

    def test_interface_type(self):
        for kind, name in (("wifi", "WiFi"), ("cellular", "Cellular"), ("ethernet", "Ethernet"), ("other", None)):
            for wanted in ("WiFi", "Cellular", "Ethernet"):
                self.assertEqual(self.holds(self.primary(type=kind), InterfaceTypeMatch=wanted), wanted == name)

    def test_ssid_needs_wifi(self):  # settled
        self.assertTrue(self.holds(self.primary(type="wifi", ssid="Corp"), SSIDMatch=["A", "Corp"]))
        self.assertFalse(self.holds(self.primary(type="wifi", ssid="corp"), SSIDMatch=["Corp"]))
        self.assertFalse(self.holds(self.primary(type="ethernet", ssid="Corp"), SSIDMatch=["Corp"]))

    def test_empty_lists_never_hold(self):  # settled
        state = self.primary(type="wifi", ssid="Corp", dns_servers=["192.0.2.1"], search_domains=["example.com"])
        for key in ("SSIDMatch", "DNSDomainMatch", "DNSServerAddressMatch"):
            self.assertFalse(self.holds(state, **{key: []}))

    def test_search_domains(self):
        for pattern, domain, expected in (("example.com", "EXAMPLE.com", True), ("example.com", "a.example.com", False),
                                          ("*.example.com", "a.b.example.com", True), ("*.example.com", "example.com", False),
                                          ("*.example.com", "badexample.com", False)):
            state = self.primary(type="wifi", search_domains=["other.test", domain])
            self.assertEqual(self.holds(state, DNSDomainMatch=[pattern]), expected, (pattern, domain))

    def test_dns_servers(self):
        for pattern, server, expected in (("192.0.2.*", "192.0.2.1", True), ("192.0.2.1", "192.0.2.10", False), ("*", "192.0.2.1", True),
                                          ("10.*.1", "10.2.3.1", True), ("10.*.1", "10.1", False), ("17.*", "170.0.0.1", False)):
            state = self.primary(type="wifi", dns_servers=["198.51.100.9", server])
            self.assertEqual(self.holds(state, DNSServerAddressMatch=[pattern]), expected, (pattern, server))

    def test_url_probe(self):
        url = "https://probe.example.com/"
        for answer, expected in (({url: 200}, True), ({url: 302}, False), ({}, False)):
            self.assertEqual(self.holds(wifi(url_probes=answer), URLStringProbe=url), expected)

    def test_all_criteria(self):
        state = self.primary(type="wifi", ssid="Corp")
        self.assertTrue(self.holds(state, InterfaceTypeMatch="WiFi", SSIDMatch=["Corp"]))
        self.assertFalse(self.holds(state, InterfaceTypeMatch="WiFi", SSIDMatch=["Home"]))


class Reading(unittest.TestCase):
    def test_flags_as_seen_in_the_field(self):
        for value, expected in ((1, True), (0, False), (True, True), (False, False), ("1", True), ("0", False), (1.0, True), (None, False)):
            self.assertEqual(inputs.flag(value), expected, value)

    def test_names(self):
        policy = inputs.build([profile(vpn(1, payload_PayloadUUID="abcd"), vpn(2, per_app=True), always_on(3, [{}, {}]))], {}, "ios")
        self.assertEqual(policy.tunnel_names(), [APP2, "ABCD", uuid_of(3) + "#0", uuid_of(3) + "#1"])

    def test_tunnel_interfaces(self):
        state = inputs.State({"interfaces": [WLAN], "tunnels": {"a": {"interface": "wg0"}}})
        self.assertTrue(state.is_tunnel_interface("wg0"))
        self.assertFalse(state.is_tunnel_interface("wlan0"))


if __name__ == "__main__":
    unittest.main()
