// Which routes and which rules of routing steer packets to where the kernel's table lets them leave. Pure: facts in,
// plan out; the agent writes it over netlink. The plan only steers: what is on a wrong interface is dropped there.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "policy/address.h"
#include "policy/kernel_table.h"
#include "policy/result.h"

namespace vpn::agent {

/// The default route of an interface in one address family.
struct Gateway {
  std::optional<policy::Address> via;  ///< none: everything is on its link (point-to-point)
};

/// An interface that is no tunnel's.
struct NetworkLink {
  std::uint32_t index = 0;
  std::vector<policy::Prefix> on_link;
  std::optional<Gateway> v4, v6;
};

struct NetworkFacts {
  std::uint32_t primary = 0;  ///< index of the primary interface; 0: none
  std::vector<NetworkLink> links;
};

struct RouteOptions {
  std::uint32_t mark_mask = 0xff000000;    ///< eight bits in a row
  std::uint32_t first_table = 0x76700000;  ///< tables take up to 2^20 numbers from here on
  std::uint32_t first_priority = 900;      ///< rules take priorities from here on
};

enum class RouteKind : std::uint8_t {
  interface,  ///< through `interface`, and on its link where it is no tunnel's
  gateway,    ///< through `interface` to `via`
  pass,       ///< `throw`: the next rules decide, at last the main table (`system`)
  refuse,     ///< `unreachable`: the sender gets an error
};

struct Route {
  policy::Prefix destination;
  std::uint32_t metric = 0;
  RouteKind kind = RouteKind::refuse;
  std::uint32_t interface = 0;  ///< `interface` and `gateway`
  policy::Address via;          ///< `gateway`
  friend bool operator==(const Route&, const Route&) = default;
};

struct RouteTable {
  std::uint32_t number = 0;
  std::vector<Route> routes;  ///< by destination, then metric
};

/// `ip rule`, all of whose criteria have to hold.
struct RouteRule {
  std::uint32_t priority = 0;
  bool v6 = false;
  std::optional<std::uint32_t> mark;                 ///< under the options' mask, shifted into place
  std::uint8_t protocol = 0;                         ///< 0: any
  std::uint16_t first_port = 0, last_port = 0xffff;  ///< of the destination; 0 to 65535: any
  std::uint16_t first_source_port = 0, last_source_port = 0xffff;
  std::uint32_t table = 0;
  friend bool operator==(const RouteRule&, const RouteRule&) = default;
};

struct RoutePlan {
  std::uint32_t mark_mask = 0;
  std::vector<RouteTable> tables;  ///< by number
  std::vector<RouteRule> rules;    ///< by family, then priority
};

/// Errors (`invalid_input`): more ways out in one table than can be told apart.
Result<RoutePlan> plan_routes(const policy::KernelTable& table, const policy::KernelClasses& classes,
                              const NetworkFacts& facts, const RouteOptions& options = {});

/// A mark of the kernel's table (vpn_mark(), VPN_MARK_DIRECT) as it stands in SO_MARK.
std::uint32_t socket_mark(std::uint32_t mark, const RouteOptions& options = {});

/// What to do to get from one plan to another, in this order: so that at no moment a rule leads to a table that is not
/// complete. A route to be set replaces one with the same destination and metric.
struct RouteChanges {
  struct Entry {
    std::uint32_t table = 0;
    Route route;
  };
  std::vector<Entry> set_routes;
  std::vector<RouteRule> add_rules;
  std::vector<RouteRule> remove_rules;
  std::vector<Entry> remove_routes;
};
RouteChanges route_changes(const RoutePlan& from, const RoutePlan& to);

}  // namespace vpn::agent
