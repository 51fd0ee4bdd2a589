// What routers tell of their network in advertisements beside routes and addresses, as the kernel hands it on
// (RTM_NEWNDUSEROPT): resolvers and search domains (RFC 8106), the captive portal's API (RFC 8910), the NAT64 prefix
// (RFC 8781). Pure. Anybody on the link can send them: what does not hold together is passed over and counted.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "policy/address.h"

namespace vpn::agent {

struct RouterFact {
  enum class Kind : std::uint8_t { resolver, search_domain, captive_portal, nat64 };
  Kind kind = Kind::resolver;
  std::uint32_t link = 0;  ///< index of the interface that it came by
  policy::Address router;  ///< who says so
  std::string text;        ///< an address, a name (lower case, no trailing dot), a URI of printable ASCII, or a prefix
  policy::Prefix nat64;    ///< of its kind, of a length that RFC 6052 allows; unicast addresses
  std::chrono::seconds lifetime{0};  ///< 0: it holds no more
  friend bool operator==(const RouterFact&, const RouterFact&) = default;
};

/// What one datagram said: one for each resolver, domain, URI and prefix.
struct RouterNews {
  std::vector<RouterFact> facts;
  std::uint32_t malformed = 0;
};

/// A portal has no lifetime of its own: it gets the longest that a router may have (RFC 4861, 6.2.1). No other one
/// lasts longer than this either, though a router may say "for ever".
inline constexpr std::chrono::seconds longest_portal{9000}, longest_router_fact{30 * 86400};

RouterNews read_router_options(std::span<const std::byte> datagram);

}  // namespace vpn::agent
