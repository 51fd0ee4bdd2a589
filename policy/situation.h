// What a Situation holds: the policy specialised to one device state. For policy/ itself and for what
// analyses policies (compiler/analyse).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/decide.h"
#include "policy/plan.h"
#include "policy/range_table.h"

namespace vpn::policy {

/// Values of a route dimension, in the order in which they win at equal length (S6.b, S7).
enum RouteValue : std::uint8_t { route_none = 0, route_system = 1, route_excluded = 2, route_included = 3 };

struct TunnelInfo {
  TunnelStatus status = TunnelStatus::disconnected;
  std::string interface;
  std::vector<Endpoint> endpoints;  // embedded IPv4 taken out
  bool connected() const { return status == TunnelStatus::connected; }
};

struct RoutePlan {
  const Plan::Device* device = nullptr;
  std::uint16_t dimension = 0;
};

struct NamedResolvers {
  std::string interface;
  std::vector<Address> servers;  // embedded IPv4 taken out
};

struct Situation::Data {
  std::shared_ptr<const Plan> plan;
  bool captive = false;
  bool probing = false;
  std::optional<Prefix> nat64;
  std::string primary;                         // empty: none
  std::vector<std::string> tunnel_interfaces;  // sorted
  std::vector<NamedResolvers> resolvers;
  std::vector<TunnelInfo> tunnels;  // as in the policy
  RangeTable ranges;

  const Plan::AlwaysOnTunnel* carrier = nullptr;  // S3.d
  const Plan::Device* engaged = nullptr;          // first one of S5
  std::vector<RoutePlan> enforced;                // S6, in order
  std::vector<RoutePlan> routed;                  // S7, in order
  std::vector<std::uint64_t> bypassed;            // S4.a: bit set over the per-app VPNs

  const Prefix* translation() const { return nat64 ? &*nat64 : nullptr; }
  bool is_tunnel_interface(std::string_view name) const;
};

}  // namespace vpn::policy
