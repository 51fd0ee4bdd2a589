#include "compiler/analyse/selectors.h"

#include <algorithm>

#include "policy/kernel/packet.h"

namespace vpn::analyse {
namespace {

template <class T>
bool holds_one(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

template <class T>
void add_once(std::vector<T>& all, const T& one) {
  if (!holds_one(all, one)) all.push_back(one);
}

}  // namespace

bool selects(std::string_view pattern, std::string_view host) {
  const bool below_only = pattern.starts_with("*.");
  const std::string_view name = below_only ? pattern.substr(2) : pattern;
  if (host == name) return !below_only;
  return host.size() > name.size() && host.ends_with(name) && host[host.size() - name.size() - 1] == '.';
}

bool selects(const Space& space, const FlowSelector& s, const Who& who, const View::Traffic& traffic,
             const policy::Decision& decision) {
  if (!s.rules.empty() && !holds_one(s.rules, decision.rule)) return false;
  if (!s.apps.empty()) {
    std::string app = who.owner == policy::Owner::forwarded      ? "forwarded"
                      : who.owner == policy::Owner::unattributed ? "unattributed"
                      : who.owner == policy::Owner::other
                          ? "other"
                          : std::string(space.owners()[who.members.front().owner].example);
    if (!holds_one(s.apps, app)) return false;
  }
  if (!s.hosts.empty()) {
    if (who.members.empty()) return false;
    const HostPart& host = space.hosts()[who.members.front().host];
    const bool any = std::any_of(s.hosts.begin(), s.hosts.end(), [&](const std::string& h) {
      const auto& all = space.refinement().hosts;
      const auto at = static_cast<std::size_t>(std::find(all.begin(), all.end(), h) - all.begin());
      return at < host.selected.size() && host.selected[at];
    });
    if (!any) return false;
  }
  const Place& place = space.places()[traffic.place];
  const Port& port = space.ports()[traffic.port];
  if (!s.addresses.empty() && std::none_of(s.addresses.begin(), s.addresses.end(),
                                           [&](const policy::Prefix& p) { return p.contains(place.example); }))
    return false;
  return s.ports.empty() || std::any_of(s.ports.begin(), s.ports.end(), [&](const PortRange& r) {
           const bool fits =
               r.protocol == 0 ? port.protocol == VPN_TCP || port.protocol == VPN_UDP : port.protocol == r.protocol;
           return fits && port.remote >= r.first && port.remote <= r.last;
         });
}

bool selects(const Space& space, const StateSelector& s, const State& state) {
  const policy::DeviceState device = space.device_state(state, 0);
  if (s.captive && *s.captive != state.captive) return false;
  if (s.connected) {
    std::size_t relevant = 0, connected = 0;
    for (std::size_t t = 0; t < space.tunnels().size(); ++t) {
      const bool up = state.statuses[t] == policy::TunnelStatus::connected;
      relevant += space.tunnels()[t].statuses.empty() && !up ? 0u : 1u;
      connected += up ? 1u : 0u;
    }
    using Connected = StateSelector::Connected;
    if (*s.connected == Connected::none && connected != 0) return false;
    if (*s.connected == Connected::any && connected == 0) return false;
    if (*s.connected == Connected::all && connected != relevant) return false;
  }
  for (const StateSelector::OfTunnel& wanted : s.tunnels)
    for (std::size_t t = 0; t < space.tunnels().size(); ++t)
      if (is_called(space.tunnels()[t], wanted.id) && !holds_one(wanted.statuses, state.statuses[t])) return false;
  const policy::InterfaceState* primary = nullptr;
  for (const policy::InterfaceState& i : device.interfaces)
    if (i.name == device.primary_interface) primary = &i;
  const std::string type = primary == nullptr ? "none" : std::string(to_string(primary->type));
  if (!s.networks.empty() && !holds_one(s.networks, type)) return false;
  return s.ssids.empty() || (primary != nullptr && holds_one(s.ssids, primary->ssid));
}

void refine(const FlowSelector& flows, Refinement& out) {
  for (const std::string& app : flows.apps)
    if (app != "other" && app != "unattributed" && app != "forwarded") add_once(out.apps, app);
  for (const std::string& host : flows.hosts) add_once(out.hosts, host);
  for (const policy::Prefix& p : flows.addresses) add_once(out.prefixes, p);
  for (const PortRange& p : flows.ports) add_once(out.ports, p);
}

void refine(const StateSelector& states, Refinement& out) {
  out.captive |= states.captive.has_value();
  out.networks.interface_types |= !states.networks.empty() || !states.ssids.empty();
  out.networks.ssids |= !states.ssids.empty();
  for (const std::string& ssid : states.ssids) add_once(out.networks.ssid_words, ssid);
  for (const StateSelector::OfTunnel& t : states.tunnels)
    for (const policy::TunnelStatus status : t.statuses) out.statuses.emplace_back(t.id, status);
}

}  // namespace vpn::analyse
