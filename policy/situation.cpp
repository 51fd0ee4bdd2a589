#include "policy/situation.h"

#include <algorithm>
#include <cctype>

#include "policy/on_demand.h"

namespace vpn::policy {
namespace {

bool same_id(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

Prefix prefix(std::string_view text) { return Prefix::parse(text).value_or(Prefix{}); }

// Collects the entries of the range table.
class Ranges {
 public:
  // Prefixes are taken as written: were 64:ff9b::/96 read as 0.0.0.0/0, a route that excludes the translator's range
  // would exclude all of IPv4.
  void add(const Prefix& p, std::uint16_t dimension, std::uint8_t value, std::uint8_t priority = 0) {
    entries_.push_back({p, dimension, value, priority});
  }
  void add_host(const Address& a, std::uint16_t dimension) { add(Prefix::of(a, a.v6 ? 128 : 32), dimension, 1); }
  void add_text(std::string_view p, std::uint16_t dimension, std::uint8_t value) { add(prefix(p), dimension, value); }
  RangeTable build(std::uint16_t dimensions) const { return RangeTable::build(entries_, dimensions); }

 private:
  std::vector<RangeEntry> entries_;
};

// On-link prefixes of every non-tunnel interface.
std::vector<Prefix> on_link(const DeviceState& state) {
  std::vector<Prefix> out;
  for (const InterfaceState& i : state.interfaces) {
    if (is_tunnel_interface(state, i.name)) continue;
    for (const auto& [address, length] : i.addresses) out.push_back(Prefix::of(address, length));
  }
  return out;
}

void add_self(const DeviceState& state, const Prefix* nat64, Ranges& ranges) {
  ranges.add_text("127.0.0.0/8", dim_self, 1);
  ranges.add_text("::1/128", dim_self, 1);
  for (const InterfaceState& i : state.interfaces)
    for (const auto& [address, length] : i.addresses) ranges.add_host(embedded(address, nat64), dim_self);
}

void add_dhcp(const DeviceState& state, const std::vector<Prefix>& links, Ranges& ranges) {  // S1.a
  for (const char* p : {"255.255.255.255/32", "fe80::/10", "ff02::1:2/128", "ff05::1:3/128"})
    ranges.add_text(p, dim_dhcp, 1);
  for (const Prefix& p : links)
    if (!p.base.v6) ranges.add(p, dim_dhcp, 1);
  for (const InterfaceState& i : state.interfaces)
    if (i.dhcp_server && !i.dhcp_server->v6) ranges.add_host(*i.dhcp_server, dim_dhcp);
}

// Local networks (docs/semantics.md): a public or very wide on-link prefix never counts, CVE-2023-36672.
void add_local(const std::vector<Prefix>& links, Ranges& ranges) {
  for (const char* p : {"169.254.0.0/16", "fe80::/10", "224.0.0.0/24", "239.0.0.0/8", "255.255.255.255/32", "ff01::/16",
                        "ff02::/16", "ff03::/16", "ff04::/16", "ff05::/16"})
    ranges.add_text(p, dim_local, 1);
  for (const Prefix& p : links)
    if (p.length >= (p.base.v6 ? 32 : 8) && is_private(p)) ranges.add(p, dim_local, 1);
}

void add_routes(const std::vector<Prefix>& routes, std::uint16_t dimension, RouteValue value, bool with_default,
                Ranges& ranges) {
  // Of equal prefixes system comes before excluded before included (S6.b, S7): the order of RouteValue.
  for (const Prefix& p : routes) {
    if (p.length != 0 || with_default) ranges.add(p, dimension, value, value);
  }
}

std::vector<Prefix> system_prefixes(const DeviceState& state, const std::vector<Prefix>& links) {
  std::vector<Prefix> out = links;
  for (const char* p : {"169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "255.255.255.255/32", "ff00::/8"})
    out.push_back(prefix(p));
  for (const SystemRoute& r : state.system_routes) out.push_back(r.destination);
  return out;
}

const TunnelState* state_of(const DeviceState& state, std::string_view id) {
  for (const TunnelState& t : state.tunnels)
    if (same_id(t.id, id)) return &t;
  return nullptr;
}

void fill_tunnels(const DeviceState& state, Situation::Data& d) {
  const Prefix* nat64 = d.nat64 ? &*d.nat64 : nullptr;
  if (d.body->tunnels() == nullptr) return;
  for (const fb::Tunnel* t : *d.body->tunnels()) {
    TunnelInfo& info = d.tunnels.emplace_back();
    info.app_proxy = t->app_proxy();
    if (const TunnelState* s = state_of(state, t->id()->string_view())) {
      info.status = s->status;
      info.interface = s->interface;
      info.endpoints = s->endpoints;
      for (Endpoint& e : info.endpoints) e.address = embedded(e.address, nat64);
    }
  }
}

void fill_apps(Situation::Data& d) {
  if (d.body->apps() == nullptr) return;
  d.apps.reserve(d.body->apps()->size());
  for (const fb::App* a : *d.body->apps()) {
    const fb::AppClass* cls = d.body->app_classes()->Get(a->class_());
    d.apps.push_back(
        {cls->roles(), a->exception_any(), a->exception_udp(), a->exception_tcp(), a->captive_plugin(), cls});
  }
}

void fill_selectors(Situation::Data& d, std::uint16_t& next_dimension, Ranges& ranges) {
  if (d.body->services() == nullptr) return;
  for (const fb::ServiceSelector* s : *d.body->services()) {
    Selector& out = d.selectors.emplace_back();
    out.mask = static_cast<std::uint16_t>(1u << s->service());
    out.protocol = s->protocol();
    out.local_only = s->local_only();
    out.roles = s->role();
    if (s->ports() != nullptr) out.ports.assign(s->ports()->begin(), s->ports()->end());
    if (s->prefixes() != nullptr) {
      out.dimension = next_dimension++;
      for (const auto* p : *s->prefixes()) ranges.add_text(p->string_view(), out.dimension, 1);
    }
  }
}

void fill_resolvers(const DeviceState& state, Situation::Data& d) {
  for (const InterfaceState& i : state.interfaces) {
    NamedResolvers& r = d.resolvers.emplace_back();
    r.interface = i.name;
    for (const Address& a : i.dns_servers) r.servers.push_back(embedded(a, d.nat64 ? &*d.nat64 : nullptr));
  }
}

void fill_probes(Situation::Data& d) {
  if (d.body->probes() == nullptr) return;
  for (const fb::ProbeTarget* p : *d.body->probes()) {
    auto address = Address::parse(p->host()->string_view());
    if (address) address = embedded(*address, d.nat64 ? &*d.nat64 : nullptr);
    d.probes.push_back({p->host()->str(), address, p->port()});
  }
}

// S3.d: the first tunnel whose interfaces hold the primary interface's type; ethernet and other count as Wi-Fi.
void choose_carrier(const DeviceState& state, Situation::Data& d) {
  const fb::AlwaysOn* always_on = d.body->always_on();
  const InterfaceState* primary = primary_interface(state);
  if (always_on == nullptr || primary == nullptr) return;
  const std::uint8_t type = primary->type == InterfaceType::cellular ? 2 : 1;
  for (const fb::AlwaysOnTunnel* t : *always_on->tunnels()) {
    if (t->interfaces() == 0 || (t->interfaces() & type) != 0) {
      d.carrier = t;
      return;
    }
  }
}

bool engaged(const fb::Device& device, const TunnelInfo& tunnel, const DeviceState& state) {
  if (tunnel.status == TunnelStatus::invalid) return false;
  if (tunnel.status != TunnelStatus::disconnected) return true;
  return device.on_demand() != nullptr && device.on_demand()->enabled() &&
         network_action(device.on_demand(), state) == fb::OnDemandAction::connect;
}

void add_device_routes(const fb::Device& device, const DeviceState& state, const std::vector<Prefix>& system,
                       Situation::Data& d, std::uint16_t& next_dimension, Ranges& ranges) {
  const TunnelInfo& tunnel = d.tunnels[device.tunnel()];
  const bool in_place = tunnel.connected() || tunnel.status == TunnelStatus::reasserting;
  const TunnelState* routes = state_of(state, d.body->tunnels()->Get(device.tunnel())->id()->string_view());
  if (device.include_all() || !in_place || routes == nullptr) return;
  if (device.enforce_routes()) {
    const std::uint16_t dimension = next_dimension++;
    add_routes(routes->excluded_routes, dimension, route_excluded, false, ranges);
    add_routes(routes->included_routes, dimension, route_included, false, ranges);
    d.enforced.push_back({&device, dimension, tunnel.connected()});
  }
  if (tunnel.connected()) {
    const std::uint16_t dimension = next_dimension++;
    add_routes(system, dimension, route_system, false, ranges);
    add_routes(routes->excluded_routes, dimension, route_excluded, true, ranges);
    add_routes(routes->included_routes, dimension, route_included, true, ranges);
    if (device.override_primary())
      add_routes({prefix("0.0.0.0/0"), prefix("::/0")}, dimension, route_included, true, ranges);
    d.routed.push_back({&device, dimension, true});
  }
}

void fill_devices(const DeviceState& state, const std::vector<Prefix>& links, Situation::Data& d,
                  std::uint16_t& next_dimension, Ranges& ranges) {
  if (d.body->devices() == nullptr) return;
  const std::vector<Prefix> system = system_prefixes(state, links);
  for (const fb::Device* device : *d.body->devices()) {
    if (device->include_all() && !d.include_all && engaged(*device, d.tunnels[device->tunnel()], state))
      d.include_all = IncludeAll{device};
    add_device_routes(*device, state, system, d, next_dimension, ranges);
  }
}

// S4.a and the bit sets of the domain classes.
void fill_per_app(const Policy& policy, const DeviceState& state, Situation::Data& d) {
  const auto* per_app = d.body->per_app();
  if (per_app == nullptr || per_app->size() == 0) return;
  d.words = (per_app->size() + 63) / 64;
  d.bypassed.assign(d.words, 0);
  for (flatbuffers::uoffset_t v = 0; v < per_app->size(); ++v) {
    const fb::OnDemand* on_demand = per_app->Get(v)->on_demand();
    if (on_demand != nullptr && on_demand->enabled() &&
        network_action(on_demand, state) == fb::OnDemandAction::disconnect)
      d.bypassed[v / 64] |= std::uint64_t{1} << (v % 64);
  }
  const DomainTable& domains = policy.domains();
  d.domain_sets.assign(std::max<std::size_t>(domains.class_count(), 1) * deciding_list_kinds * d.words, 0);
  for (DomainClass c = 0; c < domains.class_count(); ++c) {
    for (const std::uint32_t list : domains.lists(c)) {
      const fb::DomainList* l = d.body->domain_lists()->Get(list);
      const auto kind = static_cast<std::size_t>(l->kind());
      if (kind >= deciding_list_kinds) continue;
      const std::size_t word = (std::size_t{c} * deciding_list_kinds + kind) * d.words + l->owner() / 64;
      d.domain_sets[word] |= std::uint64_t{1} << (l->owner() % 64);
    }
  }
}

}  // namespace

bool Situation::Data::is_tunnel_interface(std::string_view name) const {
  return std::find(tunnel_interfaces.begin(), tunnel_interfaces.end(), name) != tunnel_interfaces.end();
}

std::uint32_t Situation::Data::tunnel_index(std::string_view id) const {
  if (body->tunnels() == nullptr) return none;
  for (flatbuffers::uoffset_t i = 0; i < body->tunnels()->size(); ++i)
    if (same_id(body->tunnels()->Get(i)->id()->string_view(), id)) return i;
  return none;
}

Situation::Situation(const Policy& policy, const DeviceState& state) : policy_(&policy) {
  auto d = std::make_unique<Data>();
  d->body = &policy.body();
  d->captive = state.captive;
  d->probing = state.probing;
  d->nat64 = state.nat64;
  if (const InterfaceState* primary = primary_interface(state)) d->primary = primary->name;
  for (const TunnelState& t : state.tunnels)
    if (!t.interface.empty()) d->tunnel_interfaces.push_back(t.interface);
  fill_tunnels(state, *d);
  fill_apps(*d);
  fill_resolvers(state, *d);
  fill_probes(*d);
  choose_carrier(state, *d);

  Ranges ranges;
  const std::vector<Prefix> links = on_link(state);
  add_self(state, d->nat64 ? &*d->nat64 : nullptr, ranges);
  add_dhcp(state, links, ranges);
  add_local(links, ranges);
  std::uint16_t next_dimension = dim_first_free;
  fill_selectors(*d, next_dimension, ranges);
  fill_devices(state, links, *d, next_dimension, ranges);
  d->ranges = ranges.build(next_dimension);
  fill_per_app(policy, state, *d);
  data_ = std::move(d);
}

Situation::~Situation() = default;
Situation::Situation(Situation&&) noexcept = default;
Situation& Situation::operator=(Situation&&) noexcept = default;

}  // namespace vpn::policy
