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
  bool inner = false;  ///< a bridge to containers: what arrives for it is delivered, whatever the rows say
  /// Own addresses, where a tunnel goes out by this link although another one is the primary: its daemon sends from
  /// them, and that is how its packets are told from those of the others' (S3.d).
  std::vector<policy::Address> underlay = {};
};

/// The address that packets into a tunnel are from. charon brings its IPv6 addresses as deprecated ones, which the
/// kernel then avoids (RFC 6724, 5, rule 3) in favour of one that the far end does not know.
struct TunnelSource {
  std::uint32_t interface = 0;
  policy::Address address;  ///< IPv6
};

struct NetworkFacts {
  std::uint32_t primary = 0;  ///< index of the primary interface; 0: none
  std::vector<NetworkLink> links;
  /// Of the outer packets that the kernel makes for providers (WireGuard's fwmark, xfrm's output mark); 0 is none.
  std::vector<std::uint32_t> kernel_marks;
  std::vector<TunnelSource> sources;  ///< of an interface at most one
};

struct RouteOptions {
  std::uint32_t mark_mask = 0xff000000;    ///< eight bits in a row
  std::uint32_t first_table = 0x76700000;  ///< tables take up to 2^20 numbers from here on
  std::uint32_t first_priority = 900;      ///< rules take fifteen priorities from here on
};

enum class RouteKind : std::uint8_t {
  interface,  ///< through `interface`, scope link
  gateway,    ///< through `interface` to `via`, which is on its link, whatever other routes say (RTNH_F_ONLINK)
  pass,       ///< `throw`: the next rules decide, at last the main table: `system`, and what is dropped on its way
  refuse,     ///< `unreachable`: it may leave, but there is no way
};

struct Route {
  policy::Prefix destination;
  std::uint32_t metric = 1;  ///< never 0, for which IPv6 has a default of its own
  RouteKind kind = RouteKind::refuse;
  std::uint32_t interface = 0;                 ///< `interface` and `gateway`
  policy::Address via;                         ///< `gateway`
  std::optional<policy::Address> source = {};  ///< `interface`: the address that the kernel prefers; none: as it likes
  friend bool operator==(const Route&, const Route&) = default;
};

struct RouteTable {
  std::uint32_t number = 0;
  std::vector<Route> routes;  ///< by destination, then metric
};

/// `ip rule`, all of whose criteria have to hold. Of those with the same priority none holds beside another.
struct RouteRule {
  enum class Action : std::uint8_t {
    table,  ///< look `target` up
    go_to,  ///< the rules of priority `target` are next
    none,   ///< where `go_to` leads
  };
  std::uint32_t priority = 0;
  bool v6 = false;
  std::optional<std::uint32_t> mark;                 ///< under the plan's mask, shifted into place; none: any
  bool arrived = false;                              ///< from another machine or a container: not made here
  std::optional<policy::Address> source = {};        ///< that it is from; none: any
  bool whole_mark = false;                           ///< all 32 bits of the mark have to agree, not only the mask's
  std::uint8_t protocol = 0;                         ///< 0: any
  std::uint16_t first_port = 0, last_port = 0xffff;  ///< of the destination; 0 to 65535: any
  std::uint16_t source_port = 0;                     ///< 0: any
  Action action = Action::table;
  std::uint32_t target = 0;
  friend auto operator<=>(const RouteRule&, const RouteRule&) = default;  // NOLINT(modernize-use-nullptr)
};

struct RoutePlan {
  std::uint32_t mark_mask = 0;
  std::vector<RouteTable> tables;  ///< by number
  std::vector<RouteRule> rules;    ///< by priority, then as RouteRule compares
};

/// For the tunnels that the table says are connected. Packets without a mark (the kernel's own; sockets that nobody has
/// looked at yet) take the routes of `forwarded`. The ways that most marks share get rules without a mark. Errors
/// (`usage`): options that make no sense; (`invalid_input`): more interfaces, ways out or port classes than can be told
/// apart.
Result<RoutePlan> plan_routes(const policy::KernelTable& table, const NetworkFacts& facts,
                              const RouteOptions& options = {});

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
