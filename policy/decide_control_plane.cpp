// S1: what keeps the device on its network and its tunnels alive.
#include <algorithm>

#include "policy/judge.h"

namespace vpn::policy {

bool Judge::dhcp() const {
  const vpn_packet p = packet(0);
  return vpn_is_dhcp(&p) != 0 && (f_.uid == 0 || f_.owner == Owner::forwarded) && fact(dim_dhcp) != 0;
}

bool Judge::discovery() const {
  const vpn_packet p = packet(255);
  return vpn_is_discovery(&p) != 0;
}

bool Judge::membership() const {
  const vpn_packet p = packet(1);
  return vpn_is_membership(&p) != 0;
}

// S1.c: only the tunnel's own provider, only to that tunnel's endpoints (CVE-2023-36673).
bool Judge::provider() const {
  const std::uint32_t tunnel = plan_.tunnel(f_.provider_of);
  if (tunnel == none) return false;
  const auto& endpoints = d_.tunnels[tunnel].endpoints;
  return std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& e) {
    return e.address == remote_ && e.protocol == f_.protocol && e.port == f_.remote_port;
  });
}

// S1.d: to a resolver of the interface that the lookup leaves by.
bool Judge::server_lookup() const {
  if (f_.remote_port != 53 || !udp_or_tcp()) return false;
  std::string storage;
  const std::string_view name = hostname(storage);
  if (name.empty() || !std::binary_search(plan_.servers.begin(), plan_.servers.end(), name)) return false;
  // A packet that arrives is judged scope apart: as if the lookup had left by the primary interface.
  const std::string_view interface = f_.incoming || f_.scope.empty() ? std::string_view(d_.primary) : f_.scope;
  return std::any_of(d_.resolvers.begin(), d_.resolvers.end(), [&](const NamedResolvers& r) {
    return r.interface == interface && std::find(r.servers.begin(), r.servers.end(), remote_) != r.servers.end();
  });
}

bool Judge::probe() const {
  if (!d_.probing || !udp_or_tcp()) return false;
  std::string storage;
  const std::string_view name = hostname(storage);
  return std::any_of(plan_.probes.begin(), plan_.probes.end(), [&](const Plan::Probe& p) {
    if (p.port != f_.remote_port) return false;
    return p.address ? embedded(*p.address, d_.translation()) == remote_ : p.host == name;
  });
}

bool Judge::control_plane() {
  if (dhcp()) return decided(Verdict::direct, Rule::S1a);
  if (discovery() || membership()) return decided(Verdict::direct, Rule::S1b);
  if (!f_.provider_of.empty() && provider()) return decided(Verdict::direct, Rule::S1c);
  if (!has_app_) return false;
  if (f_.agent && server_lookup()) return decided(Verdict::direct, Rule::S1d);
  if (in(Service::cellular_only)) return decided(Verdict::direct, Rule::S1e);
  if (f_.agent && probe()) return decided(Verdict::direct, Rule::S1f);
  return false;
}

}  // namespace vpn::policy
