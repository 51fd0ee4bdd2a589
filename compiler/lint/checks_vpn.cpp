// A VPN payload or declaration, taken apart for the families of checks.
#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

constexpr OnDemandKeys payload_on_demand{"OnDemandEnabled", "OnDemandRules"};
constexpr OnDemandKeys declared_on_demand{"Enabled", "Rules"};

/// OnDemandMatchAppEnabled of a per-app VPN, which may also stand in its VPN block.
std::optional<bool> match_app(const Section& payload, const Section& settings) {
  const auto own = flag(payload, "OnDemandMatchAppEnabled");
  return own ? own : flag(settings, "OnDemandMatchAppEnabled");
}

/// Keys of device-wide VPNs that the flat tunnels of an always-on VPN have by their schema, but not by their meaning.
void check_tunnel_leftovers(Context& context, const Section& tunnel) {
  for (const std::string_view key : {"IncludeAllNetworks", "EnforceRoutes", "OnDemandEnabled"}) {
    if (!is_set(tunnel, key)) continue;
    context.at_key(Code::key_without_effect, tunnel, *tunnel.find(key),
                   quoted(key) + " has no effect under AlwaysOn, which governs everything all the time");
  }
}

void check_ike(Context& context, const Section& settings, bool always_on) {
  check_server(context, settings, "RemoteAddress", true);
  check_ike_authentication(context, settings);
  check_dependencies(context, settings, Part::ike);
  check_tls_versions(context, settings);
  check_algorithms(context, settings, {always_on, is_set(settings, "EnforceStrictAlgorithmSelection")});
}

void check_common(Context& context, const Item& item, const Section& payload) {
  Path dns_path, proxies_path, ipv4_path;
  check_dependencies(context, child(payload, "DNS", dns_path), Part::dns);
  check_dependencies(context, child(payload, "Proxies", proxies_path), Part::proxies);
  const Section ipv4 = child(payload, "IPv4", ipv4_path);
  const bool overrides = item.selector.empty() || item.selector == "IPSec" || item.selector == "L2TP";
  if (!overrides && is_set(ipv4, "OverridePrimary"))
    context.at_key(Code::key_without_effect, ipv4, *ipv4.find("OverridePrimary"),
                   "'OverridePrimary' counts for IPSec and L2TP only, not for " + std::string(item.selector));
  const bool plugin = item.selector == "VPN" || item.selector == "TransparentProxy";
  const Member* const subtype = text_member(payload, "VPNSubType");
  if (!plugin && !item.selector.empty() && subtype != nullptr && subtype->value.size != 0)
    context.at_value(Code::key_without_effect, payload, *subtype,
                     "'VPNSubType' names a provider, which " + std::string(item.selector) + " does not have");
}

void check_plugin(Context& context, const Section& settings, bool per_app) {
  check_server(context, settings, "RemoteAddress", false);
  check_plugin_authentication(context, settings);
  check_dependencies(context, settings, Part::idle);
  check_routing(context, settings, per_app);
}

void check_ipsec(Context& context, const Item& item, const Section& payload) {
  Path ipsec_path, ppp_path;
  const Section ipsec = child(payload, "IPSec", ipsec_path);
  const bool l2tp = item.selector == "L2TP";
  if (ipsec) {
    check_ipsec_authentication(context, ipsec);
    check_dependencies(context, ipsec, Part::ipsec);
    if (!l2tp) check_server(context, ipsec, "RemoteAddress", true);
  }
  const Section ppp = child(payload, "PPP", ppp_path);
  if (!l2tp || !ppp) return;
  check_dependencies(context, ppp, Part::ppp);
  check_server(context, ppp, "CommRemoteAddress", true);
}

void check_always_on_payload(Context& context, const Section& payload) {
  Path path;
  const Section settings = child(payload, "AlwaysOn", path);
  if (!settings) return;
  check_always_on(context, settings);
  for_each_dictionary(context, settings, "TunnelConfigurations", [&](const Section& tunnel) {
    check_ike(context, tunnel, true);
    check_tunnel_leftovers(context, tunnel);
  });
}

void check_payload(Context& context, const Item& item, const Section& payload) {
  const bool per_app = item.kind == ItemKind::per_app_vpn;
  check_common(context, item, payload);
  if (item.selector == "AlwaysOn") return check_always_on_payload(context, payload);
  if (item.selector == "IPSec" || item.selector == "L2TP") check_ipsec(context, item, payload);
  Path path;
  const Section settings = child(payload, item.selector == "L2TP" ? "IPSec" : item.selector, path);
  if (!settings) return;
  if (item.selector == "IKEv2") {
    check_ike(context, settings, false);
    check_routing(context, settings, per_app);
  } else if (item.selector == "VPN" || item.selector == "TransparentProxy") {
    check_plugin(context, settings, per_app);
  }
  check_on_demand(context, settings, payload_on_demand, per_app, per_app ? match_app(payload, settings) : std::nullopt);
}

void check_declared_ike(Context& context, const Section& settings, bool always_on) {
  if (!settings) return;
  Path authentication_path, extended_path, quantum_path, idle_path;
  check_server(context, settings, "HostName", true);
  const Section authentication = child(settings, "Authentication", authentication_path);
  check_declared_authentication(context, authentication);
  check_tls_versions(context, child(authentication, "ExtendedAuth", extended_path));
  check_dependencies(context, child(settings, "PostQuantumKeyExchange", quantum_path), Part::declared_quantum);
  check_dependencies(context, child(settings, "Idle", idle_path), Part::declared_idle);
  check_algorithms(context, settings, {always_on, is_set(settings, "EnforceStrictAlgorithmSelection")});
}

void check_declared_proxies(Context& context, const Section& payload) {
  Path path, protocol_path;
  const Section proxies = child(payload, "Proxies", path);
  check_dependencies(context, proxies, Part::declared_proxies);
  const Section protocol = child(proxies, "Protocol", protocol_path);
  for (const std::string_view name : {"HTTP", "HTTPS"}) {
    Path proxy_path;
    check_dependencies(context, child(protocol, name, proxy_path), Part::declared_proxy);
  }
}

void check_declaration(Context& context, const Item& item, const Section& declaration) {
  Path path, dns_path, routing_path, on_demand_path, idle_path, authentication_path;
  const Section payload = child(declaration, "Payload", path);
  if (!payload) return;
  check_dependencies(context, child(payload, "DNS", dns_path), Part::declared_dns);
  check_declared_proxies(context, payload);
  if (item.kind == ItemKind::always_on) {
    check_always_on(context, payload);
    return for_each_dictionary(context, payload, "TunnelConfigurations", [&](const Section& tunnel) {
      Path ike_path;
      check_declared_ike(context, child(tunnel, "IKEV2", ike_path), true);
    });
  }
  if (item.type.ends_with(".ikev2")) {
    check_declared_ike(context, payload, false);
  } else {
    check_server(context, payload, "HostName", item.type.ends_with(".ipsec"));
    check_declared_authentication(context, child(payload, "Authentication", authentication_path));
    check_dependencies(context, child(payload, "Idle", idle_path), Part::declared_idle);
  }
  check_routing(context, child(payload, "NetworkRouting", routing_path), false);
  check_on_demand(context, child(payload, "OnDemand", on_demand_path), declared_on_demand, false, std::nullopt);
}

}  // namespace

void check_vpn(Context& context, const Item& item, const Section& payload, const std::vector<KeptList>& lists,
               Secrets& secrets) {
  const bool vpn =
      item.kind == ItemKind::device_vpn || item.kind == ItemKind::per_app_vpn || item.kind == ItemKind::always_on;
  if (!vpn) return;
  if (item.is_declaration) {
    check_declaration(context, item, payload);
  } else {
    check_payload(context, item, payload);
    note_vendor_secrets(context, payload, secrets);
  }
  if (item.kind == ItemKind::per_app_vpn) check_per_app_lists(context, payload, lists);
}

}  // namespace vpn::lint
