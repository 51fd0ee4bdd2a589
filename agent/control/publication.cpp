#include "agent/control/publication.h"

#include <algorithm>
#include <set>

#include "agent/network/interface_types.h"
#include "policy/kernel/table.h"

namespace vpn::agent {
namespace {

bool is_in(std::span<const std::uint32_t> sorted, std::uint32_t index) {
  return std::binary_search(sorted.begin(), sorted.end(), index);
}

bool has_default_route(const NetworkView& view, std::uint32_t link) {
  return std::any_of(view.routes.begin(), view.routes.end(),
                     [&](const MainRoute& r) { return r.destination.length == 0 && r.link == link; });
}

const policy::Prefix& link_local() {
  static const auto prefix = policy::Prefix::parse("fe80::/10");
  return *prefix;
}

// A bridge to containers: by the configuration, and never one that leads to a gateway of ours.
bool is_inner_bridge(const NetworkView& view, const Link& link, std::span<const std::string> patterns) {
  return link.kind == "bridge" && !has_default_route(view, link.index) &&
         std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return matches(p, link.name); });
}

// What passes the gate of a lower interface anyway: a second gate would take the ticket away on the way.
bool is_stacked(const NetworkView& view, const Link& link) {
  if (link.kind == "vlan" || link.kind == "macvlan" || link.kind == "ipvlan" || link.kind == "macvtap")
    return link.lower != 0 && view.link(link.lower) != nullptr;
  if (link.kind != "bridge" && link.kind != "bond" && link.kind != "team") return false;
  return std::any_of(view.links.begin(), view.links.end(), [&](const Link& l) { return l.master == link.index; });
}

InterfaceKind kind_of(const NetworkView& view, const Link& link, std::span<const std::uint32_t> tunnels,
                      std::span<const std::string> patterns) {
  if (link.loopback) return InterfaceKind::loopback;
  if (is_in(tunnels, link.index)) return InterfaceKind::tunnel;
  if (is_inner_bridge(view, link, patterns)) return InterfaceKind::inner;
  const Link* master = view.link(link.master);
  const bool virtual_port = link.kind == "veth" || link.kind == "tun";
  if (master != nullptr && virtual_port && is_inner_bridge(view, *master, patterns)) return InterfaceKind::inner;
  return is_stacked(view, link) ? InterfaceKind::stacked : InterfaceKind::physical;
}

}  // namespace

std::vector<Interface> interfaces_of(const NetworkView& view, std::span<const std::uint32_t> tunnels,
                                     std::span<const std::string> inner_bridges) {
  std::vector<Interface> out;
  for (const Link& link : view.links)
    out.push_back({link.index, link.name, kind_of(view, link, tunnels, inner_bridges), link.link_layer});
  return out;
}

NetworkFacts route_facts(const NetworkView& view, std::uint32_t primary, std::span<const std::uint32_t> tunnels,
                         std::span<const NamedTunnel> lives, std::span<const std::string> inner_bridges,
                         std::span<const std::uint32_t> underlays) {
  NetworkFacts out;
  out.primary = primary;
  for (const NamedTunnel& t : lives)
    if (t.life->report.process.mark) out.kernel_marks.push_back(*t.life->report.process.mark);
  for (const std::uint32_t tunnel : tunnels) {
    const auto it = std::find_if(view.addresses.begin(), view.addresses.end(), [&](const LinkAddress& a) {
      return a.link == tunnel && a.address.v6 && !link_local().contains(a.address);
    });
    if (it != view.addresses.end()) out.sources.push_back({tunnel, it->address});
  }
  for (const Link& link : view.links) {
    if (link.loopback || !link.up || is_in(tunnels, link.index)) continue;
    NetworkLink l;
    l.index = link.index;
    l.inner = kind_of(view, link, tunnels, inner_bridges) == InterfaceKind::inner;
    std::set<policy::Prefix> on_link;
    for (const LinkAddress& a : view.addresses)
      if (a.link == link.index) on_link.insert(policy::Prefix::of(a.address, a.length));
    if (link.index != primary && is_in(underlays, link.index)) {
      for (const LinkAddress& a : view.addresses)
        if (a.link == link.index && !link_local().contains(a.address)) l.underlay.push_back(a.address);
    }
    l.on_link.assign(on_link.begin(), on_link.end());
    // Sorted by destination, link, gateway: the best metric has to be looked for.
    std::uint32_t metric4 = 0, metric6 = 0;
    for (const MainRoute& r : view.routes) {
      if (r.link != link.index || r.destination.length != 0) continue;
      std::optional<Gateway>& gateway = r.destination.base.v6 ? l.v6 : l.v4;
      std::uint32_t& metric = r.destination.base.v6 ? metric6 : metric4;
      if (gateway && metric <= r.metric) continue;
      gateway = Gateway{r.gateway};
      metric = r.metric;
    }
    out.links.push_back(std::move(l));
  }
  return out;
}

std::vector<TunnelAddress> tunnel_addresses(const NetworkView& view, std::span<const std::uint32_t> tunnels,
                                            std::span<const NamedTunnel> lives) {
  std::set<std::pair<policy::Address, std::uint32_t>> all;
  for (const LinkAddress& a : view.addresses)
    if (is_in(tunnels, a.link)) all.emplace(a.address, a.link);
  for (const NamedTunnel& t : lives) {
    if (t.life->present == 0) continue;
    for (const auto& [address, length] : t.life->report.settings.addresses) all.emplace(address, t.life->present);
  }
  std::vector<TunnelAddress> out;
  out.reserve(all.size());
  for (const auto& [address, interface] : all) out.push_back({address, interface});
  return out;
}

std::vector<TunnelAddress> tunnel_sources(const NetworkView& view, std::span<const NamedTunnel> lives) {
  std::vector<TunnelAddress> out;
  for (const NamedTunnel& t : lives) {
    const Link* link = view.link(t.life->present);
    if (t.life->present == 0 || link == nullptr || link->link_layer) continue;
    for (const bool v6 : {false, true})
      for (const auto& [address, length] : t.life->report.settings.addresses) {
        if (address.v6 != v6 || link_local().contains(address)) continue;
        out.push_back({address, link->index});
        break;
      }
  }
  return out;
}

std::vector<TunnelAddress> unanswered_addresses(const NetworkView& view, std::span<const TunnelAddress> of_tunnels) {
  std::vector<TunnelAddress> out(of_tunnels.begin(), of_tunnels.end());
  for (const LinkAddress& a : view.addresses) {
    const Link* link = view.link(a.link);
    if (link == nullptr || link->link_layer || link->loopback || link_local().contains(a.address)) continue;
    const bool known =
        std::any_of(out.begin(), out.end(), [&](const TunnelAddress& t) { return t.address == a.address; });
    if (!known) out.push_back({a.address, a.link});
  }
  return out;
}

std::vector<Exemption> exemptions(std::span<const policy::Exemption> of_table, std::span<const Number> providers,
                                  std::span<const NamedTunnel> lives) {
  std::vector<Exemption> out;
  for (const policy::Exemption& e : of_table) {
    Exemption x;
    x.address = e.remote;
    x.protocol = e.protocol;
    x.port = e.port;
    x.interface = e.interface;
    if (e.rule == policy::Rule::S1c) {
      if (e.tunnel >= providers.size() || e.tunnel >= lives.size()) continue;
      x.provider = providers[e.tunnel];
      x.kernel_mark = lives[e.tunnel].life->report.process.mark.value_or(0);
    } else if (e.rule == policy::Rule::S1d) {
      x.rule = Exemption::Rule::S1d;
    } else {
      continue;  // S1.f comes with a probe and ends with it
    }
    out.push_back(x);
  }
  return out;
}

std::vector<GatePlan::Outer> outer_packets(std::span<const NamedTunnel> lives) {
  std::vector<GatePlan::Outer> out;
  for (const NamedTunnel& t : lives) {
    const ProviderReport& report = t.life->report;
    if (!report.process.mark) continue;
    for (const policy::Endpoint& e : report.settings.endpoints)
      out.push_back({*report.process.mark, policy::embedded(e.address), e.protocol, e.port});
  }
  return out;
}

policy::InterfaceIndexes interface_indexes(const NetworkView& view) {
  policy::InterfaceIndexes out;
  for (const Link& link : view.links) out[link.name] = link.index;
  return out;
}

std::vector<std::uint64_t> blocked(std::vector<std::uint64_t> words) {
  if (words.size() <= VPN_W_COUNT) return words;
  const std::uint64_t first = words[VPN_W_ROWS];
  const std::uint64_t size = words[VPN_W_ROW_COUNT] * words[VPN_W_DESTINATIONS];
  for (std::uint64_t i = first; i < first + size && i < words.size(); ++i) words[i] = 0;  // zero is drop
  return words;
}

}  // namespace vpn::agent
