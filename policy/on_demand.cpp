#include "policy/on_demand.h"

#include <algorithm>

#include "policy/ascii.h"
#include "policy/domain_table.h"

namespace vpn::policy {

// DNSDomainMatch: exact, or below the name after a leading "*."; patterns are A-labels in lower case.
bool search_domain_matches(std::string_view pattern, std::string_view domain) {
  if (!pattern.starts_with("*.")) return ascii::equal_without_case(pattern, domain);
  const std::string_view below = pattern.substr(1);  // ".example.com"
  return domain.size() > below.size() && ascii::equal_without_case(below, domain.substr(domain.size() - below.size()));
}

// DNSServerAddressMatch: one `*` wildcard, on the text as it stands or in its canonical form (RFC 5952).
bool server_matches(std::string_view pattern, std::string_view text, const std::optional<Address>& address) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) {
    if (pattern == text) return true;
    const auto wanted = Address::parse(pattern);
    return wanted && address && *wanted == *address;
  }
  if (pattern.find('*', star + 1) != std::string_view::npos) return false;  // only one is supported
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + 1);
  const auto glob = [&](std::string_view server) {
    return server.size() >= before.size() + after.size() &&
           ascii::equal_without_case(server.substr(0, before.size()), before) &&
           ascii::equal_without_case(server.substr(server.size() - after.size()), after);
  };
  return glob(text) || (address && glob(address->to_string()));
}

namespace {

using Strings = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

bool ssid_matches(const Strings& ssids, const InterfaceState* primary) {
  if (primary == nullptr || primary->type != InterfaceType::wifi || primary->ssid.empty()) return false;
  return std::any_of(ssids.begin(), ssids.end(), [&](const auto* s) { return s->string_view() == primary->ssid; });
}

bool domains_match(const Strings& patterns, const InterfaceState* primary) {
  if (primary == nullptr) return false;
  std::string storage;
  for (const std::string& domain : primary->search_domains) {
    std::string_view name;
    if (normalise_name(domain, storage, name) != NameFault::none) name = domain;
    for (const auto* pattern : patterns)
      if (search_domain_matches(pattern->string_view(), name)) return true;
  }
  return false;
}

bool servers_match(const Strings& patterns, const InterfaceState* primary) {
  if (primary == nullptr) return false;
  for (const auto* pattern : patterns)
    for (const std::string& text : primary->dns_server_texts)
      if (server_matches(pattern->string_view(), text, Address::parse(text))) return true;
  return false;
}

bool probe_succeeds(const flatbuffers::String& url, const DeviceState& state) {
  const auto it = state.url_probes.find(url.string_view());
  return it != state.url_probes.end() && it->second == 200;
}

// All criteria but the probe's.
bool fits(const fb::OnDemandRule& rule, const InterfaceState* primary) {
  if (rule.interface_type() != 255 &&
      (primary == nullptr || static_cast<std::uint8_t>(primary->type) != rule.interface_type()))
    return false;
  if (rule.ssids() != nullptr && !ssid_matches(*rule.ssids(), primary)) return false;
  if (rule.dns_domains() != nullptr && !domains_match(*rule.dns_domains(), primary)) return false;
  return rule.dns_servers() == nullptr || servers_match(*rule.dns_servers(), primary);
}

bool holds(const fb::OnDemandRule& rule, const DeviceState& state, const InterfaceState* primary) {
  return fits(rule, primary) && (rule.url_probe() == nullptr || probe_succeeds(*rule.url_probe(), state));
}

}  // namespace

bool is_tunnel_interface(const DeviceState& state, std::string_view name) {
  return !name.empty() && std::any_of(state.tunnels.begin(), state.tunnels.end(),
                                      [&](const TunnelState& t) { return t.interface == name; });
}

const InterfaceState* primary_interface(const DeviceState& state) {
  if (state.primary_interface.empty() || is_tunnel_interface(state, state.primary_interface)) return nullptr;
  for (const InterfaceState& i : state.interfaces)
    if (i.name == state.primary_interface) return &i;
  return nullptr;
}

const fb::OnDemandRule* matching_rule(const fb::OnDemand* on_demand, const DeviceState& state) {
  if (on_demand == nullptr || on_demand->rules() == nullptr) return nullptr;
  const InterfaceState* primary = primary_interface(state);
  for (const fb::OnDemandRule* rule : *on_demand->rules())
    if (holds(*rule, state, primary)) return rule;
  return nullptr;
}

NetworkRule network_rule(const fb::OnDemand* on_demand, const DeviceState& state) {
  NetworkRule out;
  if (on_demand == nullptr || on_demand->rules() == nullptr) return out;
  const InterfaceState* primary = primary_interface(state);
  for (const fb::OnDemandRule* rule : *on_demand->rules()) {
    const auto* probe = rule->url_probe();
    if (fits(*rule, primary)) {
      // Without a network there is nobody to ask: nothing answers.
      if (probe != nullptr && primary != nullptr && !state.url_probes.contains(probe->string_view())) {
        out.awaits = probe;
        return out;
      }
      if (probe == nullptr || probe_succeeds(*probe, state)) {
        out.rule = rule;
        return out;
      }
    }
    ++out.index;
  }
  return out;
}

fb::OnDemandAction network_action(const fb::OnDemand* on_demand, const DeviceState& state) {
  const fb::OnDemandRule* rule = matching_rule(on_demand, state);
  return rule == nullptr ? fb::OnDemandAction::ignore : rule->action();
}

}  // namespace vpn::policy
