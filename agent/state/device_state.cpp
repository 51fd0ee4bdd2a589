#include "agent/state/device_state.h"

#include <algorithm>
#include <tuple>

#include "policy/on_demand.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

using policy::DeviceState;
using policy::InterfaceType;

// Bit 0: Wi-Fi, with which ethernet and other count; bit 1: cellular (S3.d).
constexpr std::uint8_t type_bit(InterfaceType t) { return t == InterfaceType::cellular ? 2 : 1; }

bool is_tunnel(std::string_view name, std::span<const NamedTunnel> tunnels) {
  return std::any_of(tunnels.begin(), tunnels.end(),
                     [&](const NamedTunnel& t) { return t.life->report.settings.interface == name; });
}

bool has_default_route(const NetworkView& facts, std::uint32_t link) {
  return std::any_of(facts.routes.begin(), facts.routes.end(),
                     [&](const MainRoute& r) { return r.destination.length == 0 && r.link == link; });
}

policy::InterfaceState interface_state(const Link& link, const NetworkView& facts, const Resolvers& resolvers) {
  policy::InterfaceState out;
  out.name = link.name;
  out.type = type_of(link, resolvers);
  for (const LinkAddress& a : facts.addresses) {
    if (a.link != link.index) continue;
    // What is on the loopback is the device itself, whatever length it was given.
    const auto length = link.loopback ? static_cast<std::uint8_t>(a.address.v6 ? 128 : 32) : a.length;
    out.addresses.emplace_back(a.address, length);
  }
  const auto known = resolvers.find(link.name);
  if (known == resolvers.end()) return out;
  out.ssid = known->second.ssid;
  if (!known->second.advertised_domains) out.search_domains = known->second.search_domains;
  if (!known->second.advertised_servers) out.dns_server_texts = known->second.dns_servers;
  out.dhcp_server = known->second.dhcp_server;
  for (const std::string& text : known->second.dns_servers)
    if (const auto address = policy::Address::parse(text)) out.dns_servers.push_back(*address);
  return out;
}

bool overlap(const policy::Prefix& a, const policy::Prefix& b) { return a.contains(b) || b.contains(a); }

// A router may claim any prefix. What goes to a tunnel by its own IPv6 route is never judged as IPv4 instead, nor is an
// address of the device.
bool may_translate(const policy::Prefix& nat64, const DeviceState& state) {
  const auto is_free = [&](const std::vector<policy::Prefix>& routes) {
    return std::none_of(routes.begin(), routes.end(),
                        [&](const policy::Prefix& r) { return r.base.v6 && r.length != 0 && overlap(r, nat64); });
  };
  const auto is_none_of_ours = [&](const policy::InterfaceState& i) {
    return std::none_of(i.addresses.begin(), i.addresses.end(), [&](const auto& a) { return nat64.contains(a.first); });
  };
  return std::all_of(
             state.tunnels.begin(), state.tunnels.end(),
             [&](const policy::TunnelState& t) { return is_free(t.included_routes) && is_free(t.excluded_routes); }) &&
         std::all_of(state.interfaces.begin(), state.interfaces.end(), is_none_of_ours);
}

policy::TunnelState tunnel_state(const NamedTunnel& tunnel) {
  const NetworkSettings& settings = tunnel.life->report.settings;
  policy::TunnelState out;
  out.id = tunnel.id;
  out.status = tunnel.life->status;
  out.interface = settings.interface;
  out.endpoints = settings.endpoints;
  out.included_routes = settings.included_routes;
  out.excluded_routes = settings.excluded_routes;
  return out;
}

}  // namespace

std::uint32_t primary_link(const NetworkView& facts, std::span<const NamedTunnel> tunnels) {
  const MainRoute* best = nullptr;
  for (const MainRoute& r : facts.routes) {
    if (r.destination.length != 0) continue;
    const Link* link = facts.link(r.link);
    if (link == nullptr || !link->up || link->loopback || is_tunnel(link->name, tunnels)) continue;
    const auto rank = [](const MainRoute& x) { return std::tuple(x.destination.base.v6, x.metric, x.link); };
    if (best == nullptr || rank(r) < rank(*best)) best = &r;
  }
  return best == nullptr ? 0 : best->link;
}

InterfaceType type_of(const Link& link, const Resolvers& resolvers) {
  const auto known = resolvers.find(link.name);
  if (known == resolvers.end() || !known->second.type || link.type == InterfaceType::wifi) return link.type;
  const InterfaceType said = *known->second.type;
  return link.type == InterfaceType::other || said == InterfaceType::cellular ? said : link.type;
}

DeviceState device_state(const NetworkView& facts, const Resolvers& resolvers, std::span<const NamedTunnel> tunnels) {
  DeviceState out;
  if (const Link* primary = facts.link(primary_link(facts, tunnels))) out.primary_interface = primary->name;
  for (const Link& link : facts.links) out.interfaces.push_back(interface_state(link, facts, resolvers));
  for (const MainRoute& r : facts.routes) {
    const Link* link = facts.link(r.link);
    if (r.destination.length != 0 && link != nullptr && !is_tunnel(link->name, tunnels))
      out.system_routes.push_back({r.destination, link->name});
  }
  for (const NamedTunnel& t : tunnels) out.tunnels.push_back(tunnel_state(t));
  if (const auto network = resolvers.find(out.primary_interface); network != resolvers.end())
    for (const policy::Prefix& p : network->second.nat64)
      if (!out.nat64 && may_translate(p, out)) out.nat64 = p;
  return out;
}

std::vector<bool> demands(const policy::Policy& policy, const DeviceState& state) {
  const policy::fb::Policy& body = policy.body();
  std::vector<bool> out(body.tunnels() == nullptr ? 0 : body.tunnels()->size(), false);
  const auto* always_on = body.always_on();
  if (always_on == nullptr) return out;
  std::uint8_t present = 0;
  for (const policy::InterfaceState& i : state.interfaces)
    if (i.name != "lo" && !policy::is_tunnel_interface(state, i.name)) present |= type_bit(i.type);
  for (const auto* t : *always_on->tunnels())
    if (t->interfaces() == 0 || (t->interfaces() & present) != 0) out[t->tunnel()] = true;
  return out;
}

std::string network_name(const NetworkView& facts, const DeviceState& state) {
  const policy::InterfaceState* primary = policy::primary_interface(state);
  const Link* link = primary == nullptr ? nullptr : facts.link(primary->name);
  if (link == nullptr) return {};
  std::string out = primary->name + "\n" + std::to_string(link->index) + "\n" + std::string(to_string(primary->type)) +
                    "\n" + primary->ssid;
  for (const MainRoute& r : facts.routes)
    if (r.link == link->index && r.destination.length == 0 && r.gateway && !r.gateway->v6)
      out += "\nvia " + r.gateway->to_string();
  for (const std::string& server : primary->dns_server_texts) out += "\n" + server;
  for (const std::string& domain : primary->search_domains) out += "\n" + domain;
  return out;
}

std::string underlay(const policy::Policy& policy, std::uint32_t tunnel, const NetworkView& facts,
                     const DeviceState& state) {
  std::uint8_t types = 0;
  if (const auto* always_on = policy.body().always_on())
    for (const auto* t : *always_on->tunnels())
      if (t->tunnel() == tunnel) types = t->interfaces();
  const policy::InterfaceState* primary = policy::primary_interface(state);
  if (primary != nullptr && (types == 0 || (types & type_bit(primary->type)) != 0)) return primary->name;
  if (types == 0) return {};
  for (const Link& link : facts.links) {
    const auto seen = std::find_if(state.interfaces.begin(), state.interfaces.end(),
                                   [&](const policy::InterfaceState& i) { return i.name == link.name; });
    const InterfaceType type = seen == state.interfaces.end() ? link.type : seen->type;
    if (link.up && !link.loopback && (types & type_bit(type)) != 0 && !policy::is_tunnel_interface(state, link.name) &&
        has_default_route(facts, link.index))
      return link.name;
  }
  return {};
}

}  // namespace vpn::agent
