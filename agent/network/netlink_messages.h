// rtnetlink messages to values and back. Pure: bytes in, values out. Whatever the bytes are, reading stays within them;
// a message that does not hold together is passed over and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath/route_plan.h"
#include "agent/network/facts.h"

namespace vpn::agent {

/// By this number (rtm_protocol, FRA_PROTOCOL) our routes and rules are told from everybody else's.
inline constexpr std::uint8_t own_route_protocol = 118;

/// A route or a rule of ours as the kernel has it.
struct OwnRoute {
  std::uint32_t table = 0;
  Route route;
  friend bool operator==(const OwnRoute&, const OwnRoute&) = default;
};

/// A link as the message tells it: what its type is comes from elsewhere (interface_types.h).
struct LinkMessage {
  Link link;
  std::uint16_t hardware = 0;  ///< ARPHRD_…
};

/// What one buffer of messages said, in the order of the messages.
struct NetlinkNews {
  struct Item {
    enum class Kind : std::uint8_t { link, link_gone, address, address_gone, route, own_route, rule, filter_gone };
    Kind kind = Kind::link;  ///< filter_gone: some filter of traffic, or all of an interface
    LinkMessage link;
    LinkAddress address;
    std::vector<MainRoute> routes;  ///< of the main table, one for each next hop
    OwnRoute own_route;
    RouteRule rule;
    bool gone = false;  ///< route, own_route, rule: it was removed
  };
  std::vector<Item> items;
  bool done = false;               ///< the end of a dump
  bool interrupted = false;        ///< the dump is not of one moment: ask again
  int error = 0;                   ///< of an answer: errno, 0: none
  std::uint32_t acknowledged = 0;  ///< answers without an error
  std::uint32_t malformed = 0;
  std::optional<std::uint32_t> failed_sequence;  ///< whose answer `error` is
};

/// Reads all messages of a datagram. Sizes are bounded by the buffer.
NetlinkNews read_netlink(std::span<const std::byte> datagram);

/// Messages to be sent, sequence numbers in `sequence` and up.
class NetlinkRequest {
 public:
  enum class What : std::uint8_t { links, addresses, routes, rules };
  /// A dump; with `family` AF_UNSPEC of both, for routes of AF_INET or AF_INET6. `own`: only routes of ours.
  static std::vector<std::byte> dump(What what, std::uint8_t family, std::uint32_t sequence, bool own = false);
  static std::vector<std::byte> route(const OwnRoute& route, bool remove, std::uint32_t sequence);
  static std::vector<std::byte> rule(const RouteRule& rule, std::uint32_t mark_mask, bool remove,
                                     std::uint32_t sequence);
};

}  // namespace vpn::agent
