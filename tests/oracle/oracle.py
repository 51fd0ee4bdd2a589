"""decide(policy, state, flow) as semantics.md tells it, clause by clause.

Written from that page alone, naive on purpose, to be compared with the product's own decide().
Where the page leaves a choice, docs/semantics-notes.md says which one is taken here.
"""

from typing import NamedTuple, Optional

import addresses
import domains
import ondemand
import services

PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "sctp": 132}
TCP, UDP, ICMP, IGMP, ICMPV6 = 6, 17, 1, 2, 58
FOREIGN_ENCAPSULATIONS = (4, 41, 47, 94, 97, 98, 115, 137)
ICMP_ERRORS = {ICMP: (3, 4, 11, 12), ICMPV6: (1, 2, 3, 4)}
REDIRECT = {ICMP: 5, ICMPV6: 137}


class Verdict(NamedTuple):
    verdict: str
    rule: str
    tunnel: Optional[str] = None

    @property
    def has_source(self):
        """Verdicts: a source but for S0, S1 and S8."""
        return self.rule[:2] not in ("S0", "S1", "S8")

    def as_json(self):
        shown = {"verdict": self.verdict, "rule": self.rule, "has_source": self.has_source}
        return {**shown, "tunnel": self.tunnel} if self.tunnel else shown


def protocol_number(value):
    return PROTOCOLS[value.lower()] if isinstance(value, str) else int(value)


class Flow:
    def __init__(self, data, policy, state):
        self.data = data
        self.app = data.get("app", "other")
        self.spawned_by = data.get("spawned_by")
        self.uid = data.get("uid", 0)
        self.protocol = protocol_number(data["protocol"])
        self.remote = addresses.judged(addresses.address(data["remote"]), state.nat64)
        self.remote_port = data.get("remote_port", 0)
        self.local_port = data.get("local_port", 0)
        self.hostname = data.get("hostname", "")
        self.scope = data.get("scope")
        self.icmp_type = data.get("icmp_type")
        self.hop_limit = data.get("hop_limit")
        self.provider_of = data.get("provider_of")
        self.is_agent = data.get("role") == "agent"
        self.incoming = data.get("direction", "out") == "in"
        self.has_app = self.app not in ("unattributed", "forwarded")
        self.roles = policy.roles.get(self.app, set()) if self.has_app else set()
        self.spawner_roles = policy.roles.get(self.spawned_by, set())
        self.local = is_local_network(state, self.remote, self.remote_port)
        if not self.has_app:
            self.services = set()  # they meet nothing that needs an app
        elif data.get("service"):
            self.services = {data["service"]}  # overrides what S2 would find
        else:
            self.services = services.of_flow(self.roles, self.protocol, self.remote_port, self.remote, self.local)


def is_local_network(state, addr, port):
    """Words: local networks."""
    if port in (53, 853):
        return False
    if addresses.in_any(addresses.ALWAYS_LOCAL, addr):
        return True
    for link in state.on_link:
        shortest = 8 if link[0] == 4 else 32
        private = any(addresses.within(p, link) for p in addresses.PRIVATE)
        if link[2] >= shortest and private and addresses.contains(link, addr):
            return True
    return False


# S0 ---------------------------------------------------------------------------------------------

def s0_loopback(policy, state, flow):
    if not addresses.in_any(addresses.LOOPBACK, flow.remote) and flow.remote not in state.own_addresses:
        return None
    if flow.scope and flow.scope not in ("lo", "lo0") and not state.is_tunnel_interface(flow.scope):
        return Verdict("drop", "S0")
    return Verdict("system", "S0")


# S1 ---------------------------------------------------------------------------------------------

def s1a_dhcp(state, flow):
    if flow.uid != 0 and flow.app != "forwarded":
        return False
    if flow.protocol != UDP:
        return False
    if (flow.local_port, flow.remote_port) == (68, 67):
        return (flow.remote[0] == 4 and (flow.remote == addresses.DHCP4_BROADCAST or flow.remote in state.leases
                                         or addresses.in_any(state.on_link, flow.remote)))
    if (flow.local_port, flow.remote_port) == (546, 547):
        return addresses.in_any(addresses.DHCP6_SERVERS, flow.remote)
    return False


def s1b_discovery(flow):
    if flow.protocol == ICMPV6 and flow.remote[0] == 6:
        if flow.icmp_type in ((134, 135, 136) if flow.incoming else (133, 135, 136)):
            return flow.hop_limit in (None, 255)
        if flow.icmp_type in (130, 131, 132, 143):
            return flow.hop_limit in (None, 1)
    return flow.protocol == IGMP and flow.remote[0] == 4 and flow.hop_limit in (None, 1)


def s1c_provider(policy, state, flow):
    if not flow.provider_of or flow.provider_of.upper() not in (n.upper() for n in policy.tunnel_names()):
        return False
    for endpoint in state.tunnel(flow.provider_of).endpoints:
        if (addresses.judged(addresses.address(endpoint["address"]), state.nat64) == flow.remote
                and protocol_number(endpoint["protocol"]) == flow.protocol
                and endpoint.get("port", 0) == flow.remote_port):
            return True
    return False


def s1d_server_lookup(policy, state, flow):
    if not flow.is_agent or flow.protocol not in (TCP, UDP) or flow.remote_port != 53:
        return False
    if domains.a_labels(flow.hostname) not in policy.server_names():
        return False
    # A packet that arrives is judged scope apart: as if the lookup had left by the primary interface.
    leaves_by = state.interfaces.get(flow.scope) if flow.scope and not flow.incoming else state.primary
    resolvers = leaves_by.get("dns_servers", []) if leaves_by else []
    return flow.remote in [addresses.judged(addresses.address(r), state.nat64) for r in resolvers]


def s1f_probe(policy, state, flow):
    if not flow.is_agent or not state.probing or flow.protocol not in (TCP, UDP):
        return False
    targets = list(services.captive_probes())
    for vpn in policy.vpns():
        targets += ondemand.probe_targets(vpn.on_demand)
    for host, port in targets:
        if port != flow.remote_port:
            continue
        if domains.is_address(host):
            if addresses.judged(addresses.address(host), state.nat64) == flow.remote:
                return True
        elif flow.hostname and domains.a_labels(host) == domains.a_labels(flow.hostname):
            return True
    return False


def s1_control_plane(policy, state, flow):
    if s1a_dhcp(state, flow):
        return Verdict("direct", "S1.a")
    if s1b_discovery(flow):
        return Verdict("direct", "S1.b")
    if s1c_provider(policy, state, flow):
        return Verdict("direct", "S1.c")
    if not flow.has_app:
        return None
    if s1d_server_lookup(policy, state, flow):
        return Verdict("direct", "S1.d")
    if "cellular-only" in flow.services:
        return Verdict("direct", "S1.e")
    if s1f_probe(policy, state, flow):
        return Verdict("direct", "S1.f")
    return None


# S3 ---------------------------------------------------------------------------------------------

def s3a_captive(always_on, state, flow):
    if not state.captive:
        return False
    if always_on.web_sheet and "captive-websheet" in flow.roles:
        return True
    if always_on.all_plugins:
        return "captive-plugin" in flow.roles
    return flow.app in always_on.plugins


def s3c_excepted_app(always_on, flow):
    for app, protocols in always_on.apps:
        if app == flow.app and (protocols is None or flow.protocol in [PROTOCOLS[p] for p in protocols]):
            return True
    return False


def s3_always_on(policy, state, flow):
    always_on = policy.always_on
    if always_on is None:
        return None
    if flow.has_app:
        if s3a_captive(always_on, state, flow):
            return Verdict("direct", "S3.a")
        for service, action in always_on.services:
            if service in flow.services:
                return Verdict("direct" if action == "Allow" else "drop", "S3.b")
        if s3c_excepted_app(always_on, flow):
            return Verdict("direct", "S3.c")
    primary = state.primary_type()
    wanted = "cellular" if primary == "cellular" else "wifi"  # ethernet and other count as WiFi
    carrying = [name for name, types in always_on.tunnels if not types or wanted in types]
    if primary is None or not carrying:
        return Verdict("drop", "S3.d")
    tunnel = carrying[0]
    connected = state.tunnel(tunnel).status == "connected"
    return Verdict("tunnel" if connected else "drop", "S3.e", tunnel)


# S4 ---------------------------------------------------------------------------------------------

def names_tool(policy, flow, tools):
    for signing_identifier, path in tools:
        if flow.app == signing_identifier or path and path in policy.paths.get(flow.app, []):
            return True
    return False


def s4_mapped(policy, vpn, flow):
    """S4.d: is the flow governed through a mapping, whatever its hostname?"""
    for mapping in vpn.mappings:
        if mapping.tools:
            if flow.spawned_by == mapping.app and names_tool(policy, flow, mapping.tools):
                return True
        elif mapping.app in (flow.app, flow.spawned_by):
            return True
    return False


def s4_governs(policy, vpn, flow):
    if s4_mapped(policy, vpn, flow):
        return True
    for role in flow.roles | flow.spawner_roles:  # S4.c
        if domains.matches_any(vpn.triggers.get(role, []), flow.hostname):
            return True
    return False


def s4_per_app(policy, state, flow):
    if flow.app == "unattributed" and policy.per_app:
        return Verdict("drop", "S4")
    if not flow.has_app:
        return None
    for vpn in policy.per_app:
        if not s4_governs(policy, vpn, flow):
            continue
        if ondemand.action(vpn.on_demand, state) == "Disconnect":  # S4.a
            continue
        if domains.matches_any(vpn.excluded_domains, flow.hostname):  # S4.b
            continue
        if state.tunnel(vpn.name).status != "connected":
            return Verdict("drop", "S4.e", vpn.name)
        if not vpn.proxy:
            return Verdict("tunnel", "S4.e", vpn.name)
        return Verdict("proxy" if flow.protocol in (TCP, UDP) else "drop", "S4.e", vpn.name)
    return None


# S5 to S7 ---------------------------------------------------------------------------------------

def is_engaged(vpn, state):
    if not vpn.include_all:
        return False
    status = state.tunnel(vpn.name).status
    if status == "disconnected":
        return ondemand.action(vpn.on_demand, state) == "Connect"
    return status != "invalid"


def carried(vpn, flow, rule):
    """`tunnel(d)`, or for a proxy `proxy(d)` for TCP and UDP (Order)."""
    if not vpn.proxy:
        return Verdict("tunnel", rule, vpn.name)
    if flow.protocol in (TCP, UDP):
        return Verdict("proxy", rule, vpn.name)
    return Verdict("system", rule) if rule == "S7" else Verdict("drop", rule, vpn.name)


def s5_include_all(vpn, state, flow):
    if not is_engaged(vpn, state):
        return None
    if state.captive and flow.roles & {"captive-websheet", "captive-plugin"}:
        return Verdict("direct", "S5.a")
    if "companion" in flow.services:
        return Verdict("direct", "S5.b")
    if vpn.exclude_device_communication and "device-communication" in flow.services:
        return Verdict("direct", "S5.b")
    if vpn.exclude_local and flow.local:
        return Verdict("direct", "S5.c")
    if vpn.exclude_cellular and flow.services & {"cellular-services", "voicemail"}:
        return Verdict("direct", "S5.d")
    if vpn.exclude_apns and "apns" in flow.services:
        return Verdict("direct", "S5.e")
    if state.tunnel(vpn.name).status == "connected":
        return carried(vpn, flow, "S5.f")
    return Verdict("drop", "S5.f", vpn.name)


def longest(prefixes, addr):
    """Length of the longest prefix that holds the address; -1 without one."""
    return max((p[2] for p in prefixes if addresses.contains(p, addr)), default=-1)


def s6_enforce_routes(vpn, state, flow):
    tunnel = state.tunnel(vpn.name)
    included = longest([p for p in tunnel.included if p[2] > 0], flow.remote)
    excluded = longest([p for p in tunnel.excluded if p[2] > 0], flow.remote)
    if included < 0 and excluded < 0:
        return None
    if excluded >= included:
        return Verdict("direct", "S6.b")
    if tunnel.status == "connected":
        return carried(vpn, flow, "S6.b")
    return Verdict("drop", "S6.b", vpn.name)


def s6_all(policy, state, flow):
    for vpn in policy.device_wide:
        if not vpn.enforce_routes or vpn.include_all:
            continue
        if state.tunnel(vpn.name).status not in ("connected", "reasserting"):
            continue
        if vpn.exclude_local and flow.local:
            return None  # S6.a: go on to S7
        decided = s6_enforce_routes(vpn, state, flow)
        if decided:
            return decided
    return None


def s7_routes(vpn, state, flow):
    tunnel = state.tunnel(vpn.name)
    if vpn.include_all or tunnel.status != "connected":
        return None
    if flow.scope:
        return Verdict("system", "S7")
    everything = addresses.prefixes("0.0.0.0/0", "::/0") if vpn.override_primary else []
    system_routes = state.system_routes + state.on_link + addresses.ALWAYS_ROUTED
    system = longest([p for p in system_routes if p[2] > 0], flow.remote)
    included = longest(tunnel.included + everything, flow.remote)
    excluded = longest(tunnel.excluded, flow.remote)
    if max(system, included, excluded) < 0:
        return None
    if included > system and included > excluded:
        return carried(vpn, flow, "S7")
    return Verdict("system", "S7")


# All of it --------------------------------------------------------------------------------------

def decide_outgoing(policy, state, flow):
    for rule in (s0_loopback, s1_control_plane, s3_always_on, s4_per_app):
        decided = rule(policy, state, flow)
        if decided:
            return decided
    for vpn in policy.device_wide:
        decided = s5_include_all(vpn, state, flow)
        if decided:
            return decided
    decided = s6_all(policy, state, flow)
    if decided:
        return decided
    for vpn in policy.device_wide:
        decided = s7_routes(vpn, state, flow)
        if decided:
            return decided
    return Verdict("system", "S8")


def decide_incoming(policy, state, data):
    arrives_on = data.get("arrives_on") or state.primary_name
    by_tunnel = state.is_tunnel_interface(arrives_on)
    protocol = protocol_number(data["protocol"])
    if protocol in FOREIGN_ENCAPSULATIONS and not by_tunnel:
        if policy.always_on:
            return Verdict("drop", "S3")
        if any(is_engaged(vpn, state) for vpn in policy.device_wide):
            return Verdict("drop", "S5")
    back = {key: value for key, value in data.items() if key != "scope"}
    if data.get("icmp_type") in ICMP_ERRORS.get(protocol, ()) and data.get("quotes"):
        back = {key: value for key, value in data["quotes"].items() if key not in ("scope", "direction")}
    out = decide_outgoing(policy, state, Flow(back, policy, state))
    if data.get("icmp_type") == REDIRECT.get(protocol, "none"):
        accepted = False
    elif out.verdict == "tunnel":
        interface = state.tunnel(out.tunnel).interface
        accepted = interface != "" and arrives_on == interface
    elif out.verdict == "direct":
        accepted = not by_tunnel
    else:
        accepted = out.verdict == "system"
    return out._replace(verdict="accept" if accepted else "drop")


def decide(policy, state, data):
    """`data`: one flow as cli.md shapes it."""
    if data.get("direction", "out") == "in":
        return decide_incoming(policy, state, data)
    return decide_outgoing(policy, state, Flow(data, policy, state))
