// What the kernel says of the network, as plain values: the input of the pure parts (agent/state).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/address.h"
#include "policy/types.h"

namespace vpn::agent {

struct Link {
  std::uint32_t index = 0;
  std::string name;
  std::string kind;  ///< of rtnetlink: "tun", "bridge", "veth"; empty for hardware
  bool up = false;   ///< administratively up, and carrying (IFF_UP and IFF_RUNNING)
  bool loopback = false;
  std::uint32_t mtu = 0;     ///< bytes
  std::uint32_t master = 0;  ///< index of its bridge or bond; 0: none
  std::uint32_t lower = 0;   ///< index of the interface that it stands on (VLAN, macvlan); 0: none in this namespace
  bool link_layer = true;    ///< has Ethernet headers
  policy::InterfaceType type = policy::InterfaceType::other;
  friend bool operator==(const Link&, const Link&) = default;
};

struct LinkAddress {
  std::uint32_t link = 0;
  policy::Address address;
  std::uint8_t length = 0;                                                    ///< on-link prefix
  friend auto operator<=>(const LinkAddress&, const LinkAddress&) = default;  // NOLINT(modernize-use-nullptr)
};

/// A unicast route of the main table. Routes over several next hops are one entry for each.
struct MainRoute {
  policy::Prefix destination;
  std::uint32_t link = 0;
  std::optional<policy::Address> gateway;
  std::uint32_t metric = 0;
  friend auto operator<=>(const MainRoute&, const MainRoute&) = default;  // NOLINT(modernize-use-nullptr)
};

struct NetworkView {
  std::vector<Link> links;             ///< by index
  std::vector<LinkAddress> addresses;  ///< sorted
  std::vector<MainRoute> routes;       ///< sorted
  friend bool operator==(const NetworkView&, const NetworkView&) = default;

  const Link* link(std::uint32_t index) const;
  const Link* link(std::string_view name) const;
};

/// What is known of an interface's network beside what rtnetlink says; by interface name.
struct ResolverFacts {
  std::vector<std::string> dns_servers;  ///< as written
  std::vector<std::string> search_domains;
  std::optional<policy::Address> dhcp_server;
  std::string ssid;
  std::optional<policy::InterfaceType> type{};  ///< that NetworkManager knows (type_of())
  // Any host on the link may advertise: what was, is looked up with, and no rule is decided by it.
  bool advertised_servers = false, advertised_domains = false;
  std::string captive_portal{};         ///< the URI that the network announced (RFC 8910)
  std::vector<policy::Prefix> nat64{};  ///< that its routers announced (RFC 8781), 64:ff9b::/96 apart
  friend bool operator==(const ResolverFacts&, const ResolverFacts&) = default;
};
using Resolvers = std::map<std::string, ResolverFacts, std::less<>>;

}  // namespace vpn::agent
