#include "policy/situation.h"

#include <algorithm>

#include "policy/local_networks.h"
#include "policy/on_demand.h"

namespace vpn::policy {
namespace {

Prefix prefix(std::string_view text) { return Prefix::parse(text).value_or(Prefix{}); }

// Collects the entries of the range table. Prefixes are taken as written: were 64:ff9b::/96 read as 0.0.0.0/0, a route
// that excludes the translator's range would exclude all of IPv4.
class Ranges {
 public:
  explicit Ranges(const Plan& plan) : entries_(plan.selector_ranges), dimensions_(plan.dimensions) {}
  std::uint16_t new_dimension() { return dimensions_++; }
  void add(const Prefix& p, std::uint16_t dimension, std::uint8_t value = 1, std::uint8_t priority = 0) {
    entries_.push_back({p, dimension, value, priority});
  }
  void add_host(const Address& a, std::uint16_t dimension) { add(Prefix::of(a, a.v6 ? 128 : 32), dimension); }
  void add_texts(std::initializer_list<const char*> prefixes, std::uint16_t dimension) {
    for (const char* p : prefixes) add(prefix(p), dimension);
  }
  void add_routes(const std::vector<Prefix>& routes, std::uint16_t dimension, RouteValue value, bool with_default) {
    for (const Prefix& p : routes)
      if (p.length != 0 || with_default) add(p, dimension, value, value);
  }
  RangeTable build() const { return RangeTable::build(entries_, dimensions_); }

 private:
  std::vector<RangeEntry> entries_;
  std::uint16_t dimensions_;
};

// On-link prefixes of every non-tunnel interface.
std::vector<Prefix> on_link(const DeviceState& state, const Situation::Data& d) {
  std::vector<Prefix> out;
  for (const InterfaceState& i : state.interfaces) {
    if (d.is_tunnel_interface(i.name)) continue;
    for (const auto& [address, length] : i.addresses) out.push_back(Prefix::of(address, length));
  }
  return out;
}

// S0.
void add_self(const DeviceState& state, const Situation::Data& d, Ranges& ranges) {
  ranges.add_texts({"127.0.0.0/8", "::1/128"}, dim_self);
  for (const InterfaceState& i : state.interfaces)
    for (const auto& [address, length] : i.addresses) ranges.add_host(embedded(address, d.translation()), dim_self);
}

// S1.a.
void add_dhcp(const DeviceState& state, const std::vector<Prefix>& links, Ranges& ranges) {
  ranges.add_texts({"255.255.255.255/32", "fe80::/10", "ff02::1:2/128", "ff05::1:3/128"}, dim_dhcp);
  for (const Prefix& p : links)
    if (!p.base.v6) ranges.add(p, dim_dhcp);
  for (const InterfaceState& i : state.interfaces)
    if (i.dhcp_server && !i.dhcp_server->v6) ranges.add_host(*i.dhcp_server, dim_dhcp);
}

// Local networks (docs/semantics.md): a public or very wide on-link prefix never counts, CVE-2023-36672.
void add_local(const std::vector<Prefix>& links, Ranges& ranges) {
  for (const Prefix& p : always_local()) ranges.add(p, dim_local);
  for (const Prefix& p : links)
    if (p.length >= (p.base.v6 ? 32 : 8) && is_private(p)) ranges.add(p, dim_local);
}

// S7: the system's routes, among them the on-link prefixes.
std::vector<Prefix> system_routes(const DeviceState& state, const std::vector<Prefix>& links) {
  std::vector<Prefix> out = links;
  for (const char* p : {"169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "255.255.255.255/32", "ff00::/8"})
    out.push_back(prefix(p));
  for (const SystemRoute& r : state.system_routes) out.push_back(r.destination);
  return out;
}

void fill_network(const DeviceState& state, Situation::Data& d) {
  d.captive = state.captive;
  d.probing = state.probing;
  d.nat64 = state.nat64;
  if (const InterfaceState* primary = primary_interface(state)) d.primary = primary->name;
  for (const TunnelState& t : state.tunnels)
    if (!t.interface.empty()) d.tunnel_interfaces.push_back(t.interface);
  std::sort(d.tunnel_interfaces.begin(), d.tunnel_interfaces.end());
  for (const InterfaceState& i : state.interfaces) {
    NamedResolvers& r = d.resolvers.emplace_back();
    r.interface = i.name;
    for (const Address& a : i.dns_servers) r.servers.push_back(embedded(a, d.translation()));
  }
}

/// What the state says of each of the policy's tunnels; null: it is not listed.
using TunnelStates = std::vector<const TunnelState*>;

TunnelStates fill_tunnels(const DeviceState& state, Situation::Data& d) {
  TunnelStates listed(d.plan->tunnels.size());
  d.tunnels.resize(listed.size());
  for (const TunnelState& s : state.tunnels) {
    const std::uint32_t t = d.plan->tunnel(s.id);
    if (t == none || listed[t] != nullptr) continue;
    listed[t] = &s;
    TunnelInfo& info = d.tunnels[t];
    info.status = s.status;
    info.interface = s.interface;
    info.endpoints = s.endpoints;
    for (Endpoint& e : info.endpoints) e.address = embedded(e.address, d.translation());
  }
  return listed;
}

// S3.d: the first tunnel whose interfaces hold the primary interface's type; ethernet and other count as Wi-Fi.
void choose_carrier(const DeviceState& state, Situation::Data& d) {
  const InterfaceState* primary = primary_interface(state);
  if (!d.plan->always_on || primary == nullptr) return;
  const std::uint8_t type = primary->type == InterfaceType::cellular ? 2 : 1;
  const auto& tunnels = d.plan->always_on->tunnels;
  const auto carries = [&](const Plan::AlwaysOnTunnel& t) { return t.interfaces == 0 || (t.interfaces & type) != 0; };
  const auto it = std::find_if(tunnels.begin(), tunnels.end(), carries);
  if (it != tunnels.end()) d.carrier = &*it;
}

bool is_engaged(const Plan::Device& device, const TunnelInfo& tunnel, const DeviceState& state) {
  if (!device.include_all || tunnel.status == TunnelStatus::invalid) return false;
  if (tunnel.status != TunnelStatus::disconnected) return true;
  return device.on_demand != nullptr && device.on_demand->enabled() &&
         network_action(device.on_demand, state) == fb::OnDemandAction::connect;
}

std::uint16_t add_enforced(const TunnelState& tunnel, Ranges& ranges) {
  const std::uint16_t dimension = ranges.new_dimension();
  ranges.add_routes(tunnel.excluded_routes, dimension, route_excluded, false);
  ranges.add_routes(tunnel.included_routes, dimension, route_included, false);
  return dimension;
}

std::uint16_t add_routed(const TunnelState& tunnel, const std::vector<Prefix>& system, bool override_primary,
                         Ranges& ranges) {
  const std::uint16_t dimension = ranges.new_dimension();
  ranges.add_routes(system, dimension, route_system, false);
  ranges.add_routes(tunnel.excluded_routes, dimension, route_excluded, true);
  ranges.add_routes(tunnel.included_routes, dimension, route_included, true);
  if (override_primary) ranges.add_routes({prefix("0.0.0.0/0"), prefix("::/0")}, dimension, route_included, true);
  return dimension;
}

void fill_devices(const DeviceState& state, const std::vector<Prefix>& links, const TunnelStates& listed,
                  Situation::Data& d, Ranges& ranges) {
  const std::vector<Prefix> system = system_routes(state, links);
  for (const Plan::Device& device : d.plan->devices) {
    const TunnelInfo& tunnel = d.tunnels[device.tunnel];
    if (d.engaged == nullptr && is_engaged(device, tunnel, state)) d.engaged = &device;
    const bool in_place = tunnel.connected() || tunnel.status == TunnelStatus::reasserting;
    if (device.include_all || !in_place) continue;
    const TunnelState& routes = *listed[device.tunnel];  // what is not listed is not in place
    if (device.enforce_routes) d.enforced.push_back({&device, add_enforced(routes, ranges)});
    if (tunnel.connected()) d.routed.push_back({&device, add_routed(routes, system, device.override_primary, ranges)});
  }
}

// S4.a.
void fill_bypassed(const DeviceState& state, Situation::Data& d) {
  d.bypassed.assign(d.plan->words, 0);
  for (std::size_t v = 0; v < d.plan->per_app.size(); ++v) {
    const fb::OnDemand* on_demand = d.plan->per_app[v].on_demand;
    if (on_demand != nullptr && on_demand->enabled() &&
        network_action(on_demand, state) == fb::OnDemandAction::disconnect)
      d.bypassed[v / 64] |= std::uint64_t{1} << (v % 64);
  }
}

std::unique_ptr<Situation::Data> specialise(std::shared_ptr<const Plan> plan, const DeviceState& state) {
  auto d = std::make_unique<Situation::Data>();
  d->plan = std::move(plan);
  fill_network(state, *d);
  const TunnelStates listed = fill_tunnels(state, *d);
  choose_carrier(state, *d);
  fill_bypassed(state, *d);
  Ranges ranges(*d->plan);
  const std::vector<Prefix> links = on_link(state, *d);
  add_self(state, *d, ranges);
  add_dhcp(state, links, ranges);
  add_local(links, ranges);
  fill_devices(state, links, listed, *d, ranges);
  d->ranges = ranges.build();
  return d;
}

}  // namespace

std::vector<Prefix> always_local() {
  std::vector<Prefix> out;
  for (const char* p : {"169.254.0.0/16", "224.0.0.0/24", "239.0.0.0/8", "255.255.255.255/32", "fe80::/10", "ff01::/16",
                        "ff02::/16", "ff03::/16", "ff04::/16", "ff05::/16"})
    out.push_back(prefix(p));
  return out;
}

bool Situation::Data::is_tunnel_interface(std::string_view name) const {
  return std::binary_search(tunnel_interfaces.begin(), tunnel_interfaces.end(), name);
}

Situation::Situation(const Policy& policy, const DeviceState& state)
    : policy_(&policy), data_(specialise(std::make_shared<const Plan>(policy), state)) {}

Situation::Situation(const Policy* policy, std::unique_ptr<const Data> data)
    : policy_(policy), data_(std::move(data)) {}

Situation Situation::in(const DeviceState& state) const { return {policy_, specialise(data_->plan, state)}; }

Situation Situation::reasserting(std::uint32_t tunnel) const {
  auto d = std::make_unique<Data>(*data_);
  d->tunnels[tunnel].status = TunnelStatus::reasserting;
  // What fill_devices() leaves out then; S5 stays engaged, S6's routes in place.
  d->routed.erase(std::remove_if(d->routed.begin(), d->routed.end(),
                                 [&](const RoutePlan& r) { return r.device->tunnel == tunnel; }),
                  d->routed.end());
  return {policy_, std::move(d)};
}

Situation::~Situation() = default;
Situation::Situation(Situation&&) noexcept = default;
Situation& Situation::operator=(Situation&&) noexcept = default;

}  // namespace vpn::policy
