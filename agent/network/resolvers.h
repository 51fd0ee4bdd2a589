// Resolvers, search domains and DHCP servers of interfaces, from plain files: systemd-networkd's state where it runs,
// /etc/resolv.conf where not.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agent/network/facts.h"

namespace vpn::agent {

/// `nameserver` and `search` (or `domain`) of a resolv.conf; loopback resolvers are left out: they are not the
/// network's. Pure.
ResolverFacts parse_resolv_conf(std::string_view text);
/// DNS=, DOMAINS= and the like of a file of /run/systemd/netif/links, SERVER_ADDRESS= of one of .../leases. Pure.
ResolverFacts parse_networkd(std::string_view link, std::string_view lease);

/// The same of ISC dhclient's leases: the last one for an interface and one of its addresses, for leases stay in the
/// file long after they have ended. Pure.
ResolverFacts parse_dhclient(std::string_view leases, std::string_view interface,
                             std::span<const policy::Address> addresses);

/// For all links of the view; `primary` (an index) gets what resolv.conf says where networkd knows nothing.
/// `root` is put in front of paths ("" for the real ones).
Resolvers read_resolvers(const NetworkView& view, std::uint32_t primary, const std::string& root);

}  // namespace vpn::agent
