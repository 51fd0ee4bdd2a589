// What is known of the networks that interfaces are in, from all who know something: who is believed before whom.
#pragma once

#include <span>

#include "agent/control/config.h"
#include "agent/network/facts.h"
#include "agent/network/router_table.h"
#include "agent/network/wifi.h"

namespace vpn::agent {

/// `files`: read_resolvers(). What NetworkManager says is in place of what they say of the same; what neither says,
/// `routers` may. The configuration is in place of all of it, but for NAT64 prefixes, which it does not know. The name
/// of a Wi-Fi network is the kernel's where it knows one, or that there is none: who configures a name does not know
/// where the device goes. Pure.
Resolvers known_networks(const NetworkView& view, Resolvers files, const Resolvers& managed, const RouterFacts& routers,
                         std::span<const ResolverOverride> configured, const WifiNames& wifi);

}  // namespace vpn::agent
