// What a Situation holds: the policy specialised to one device state. For decide.cpp and situation.cpp only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/decide.h"
#include "policy/range_table.h"
#include "policy_generated.h"

namespace vpn::policy {

/// Dimensions of the range table that every situation has; those of services and routes follow.
enum Dimension : std::uint16_t {
  dim_self,   // loopback and the device's own addresses (S0)
  dim_dhcp,   // where a DHCP client may send (S1.a)
  dim_local,  // local networks
  dim_first_free
};

/// Values of a route dimension.
enum RouteValue : std::uint8_t { route_none = 0, route_system = 1, route_excluded = 2, route_included = 3 };

/// Kinds of domain lists that decide (S4.b, S4.c), in the order of fb::ListKind.
inline constexpr std::size_t deciding_list_kinds = 6;

struct AppInfo {
  std::uint32_t roles = 0;
  std::uint32_t exception_any = none, exception_udp = none, exception_tcp = none;
  std::uint32_t captive_plugin = none;
  const fb::AppClass* cls = nullptr;
};

struct TunnelInfo {
  TunnelStatus status = TunnelStatus::disconnected;
  bool app_proxy = false;
  std::string interface;
  std::vector<Endpoint> endpoints;
  bool connected() const { return status == TunnelStatus::connected; }
};

struct Selector {
  std::uint16_t mask = 0;     // bit of the service
  std::uint8_t protocol = 0;  // 0: any
  bool local_only = false;
  std::uint32_t roles = 0;      // 0: any app
  std::uint16_t dimension = 0;  // 0: any destination (dimension 0 is never a selector's)
  std::vector<std::uint16_t> ports;
};

struct Probe {
  std::string host;
  std::optional<Address> address;
  std::uint16_t port = 0;
};

struct IncludeAll {
  const fb::Device* device = nullptr;
};

struct RoutePlan {
  const fb::Device* device = nullptr;
  std::uint16_t dimension = 0;
  bool connected = false;
};

struct NamedResolvers {
  std::string interface;
  std::vector<Address> servers;
};

struct Situation::Data {
  const fb::Policy* body = nullptr;
  bool captive = false;
  bool probing = false;
  std::optional<Prefix> nat64;
  std::string primary;  // empty: none
  std::vector<std::string> tunnel_interfaces;
  std::vector<NamedResolvers> resolvers;
  std::vector<TunnelInfo> tunnels;  // as in the policy
  std::vector<AppInfo> apps;        // as in the policy
  std::vector<Selector> selectors;
  std::vector<Probe> probes;
  RangeTable ranges;

  const fb::AlwaysOnTunnel* carrier = nullptr;  // S3.d
  std::optional<IncludeAll> include_all;        // first engaged (S5)
  std::vector<RoutePlan> enforced;              // S6, in order
  std::vector<RoutePlan> routed;                // S7, in order

  std::size_t words = 0;                   // of a bit set over the per-app VPNs
  std::vector<std::uint64_t> bypassed;     // S4.a
  std::vector<std::uint64_t> domain_sets;  // [class][kind][word]

  bool is_tunnel_interface(std::string_view name) const;
  std::uint32_t tunnel_index(std::string_view id) const;  // without case; `none`: not of this policy
  const std::uint64_t* domain_set(DomainClass c, std::size_t kind) const {
    return domain_sets.data() + (std::size_t{c} * deciding_list_kinds + kind) * words;
  }
};

}  // namespace vpn::policy
