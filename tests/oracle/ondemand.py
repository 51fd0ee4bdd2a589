"""On-demand of semantics.md: the network's rule."""

import domains

INTERFACE_TYPES = {"WiFi": "wifi", "Cellular": "cellular", "Ethernet": "ethernet"}
CRITERIA = ("InterfaceTypeMatch", "SSIDMatch", "DNSDomainMatch", "DNSServerAddressMatch", "URLStringProbe")


def domain_holds(pattern, search_domain):
    pattern, search_domain = pattern.lower(), search_domain.lower()
    if pattern.startswith("*."):
        return search_domain.endswith(pattern[1:]) and search_domain != pattern[1:]
    return search_domain == pattern


def address_holds(pattern, server):
    head, star, tail = pattern.partition("*")
    if not star:
        return server == pattern
    return len(server) >= len(head) + len(tail) and server.startswith(head) and server.endswith(tail)


def criterion_holds(key, wanted, state):
    primary = state.primary
    if key == "URLStringProbe":
        return state.url_probes.get(wanted) == 200
    if primary is None:
        return False
    if key == "InterfaceTypeMatch":
        return state.primary_type() == INTERFACE_TYPES.get(wanted)
    if key == "SSIDMatch":
        return state.primary_type() == "wifi" and primary.get("ssid") in wanted
    if key == "DNSDomainMatch":
        return any(domain_holds(p, d) for p in wanted for d in primary.get("search_domains", []))
    return any(address_holds(p, s) for p in wanted for s in primary.get("dns_servers", []))


def action(on_demand, state):
    """The action of the network's rule; None when on-demand is not enabled."""
    if not on_demand.enabled:
        return None
    for rule in on_demand.rules if on_demand.enabled else []:
        if all(criterion_holds(key, rule[key], state) for key in CRITERIA if key in rule):
            return rule["Action"]
    return "Ignore"


def probe_targets(on_demand):
    """S1.f: (host, port) of what the agent asks for these rules; nothing while they are dead."""
    targets = []
    for rule in on_demand.rules if on_demand.enabled else []:
        targets.append(domains.url_target(rule.get("URLStringProbe", "")))
        for parameter in rule.get("ActionParameters", []):
            targets.append(domains.url_target(parameter.get("RequiredURLStringProbe", "")))
            targets += [(server, 53) for server in parameter.get("RequiredDNSServers", [])]
    return [t for t in targets if t]
