// From facts, lives and the kernel's table to what the datapath, the gate and the routes have to be told. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agent/datapath/gate.h"
#include "agent/datapath/route_plan.h"
#include "agent/network/facts.h"
#include "agent/state/device_state.h"
#include "policy/kernel_table.h"

namespace vpn::agent {

/// Every interface with its kind. `tunnels`: indexes of tunnels' interfaces, ascending.
std::vector<Interface> interfaces_of(const NetworkView& view, std::span<const std::uint32_t> tunnels,
                                     std::span<const std::string> inner_bridges);

/// What routes are planned from: links that are no tunnels, their on-link prefixes and default gateways. `underlays`:
/// indexes of the links that tunnels go out by.
NetworkFacts route_facts(const NetworkView& view, std::uint32_t primary, std::span<const std::uint32_t> tunnels,
                         std::span<const NamedTunnel> lives, std::span<const std::string> inner_bridges,
                         std::span<const std::uint32_t> underlays = {});

/// Addresses of tunnels, by the kernel's word and by the providers'.
std::vector<TunnelAddress> tunnel_addresses(const NetworkView& view, std::span<const std::uint32_t> tunnels,
                                            std::span<const NamedTunnel> lives);

/// The address that a connection gets in a tunnel that was not up when it was made: the provider's first of each
/// family, on interfaces without Ethernet headers.
std::vector<TunnelAddress> tunnel_sources(const NetworkView& view, std::span<const NamedTunnel> lives);

/// Addresses for which nothing may answer on another interface: `of_tunnels`, and those of links without neighbours
/// (TUN, WireGuard), whose client has not said yet that they are a tunnel's. Link-local ones are each link's own.
std::vector<TunnelAddress> unanswered_addresses(const NetworkView& view, std::span<const TunnelAddress> of_tunnels);

/// The table's exemptions with the numbers of tunnels as providers, and each kernel half's mark.
std::vector<Exemption> exemptions(std::span<const policy::Exemption> of_table, std::span<const Number> providers,
                                  std::span<const NamedTunnel> lives);

/// What the kernel itself sends for tunnels (S1.c).
std::vector<GatePlan::Outer> outer_packets(std::span<const NamedTunnel> lives);

policy::InterfaceIndexes interface_indexes(const NetworkView& view);

/// The same table with every verdict after S1 a drop: what is in force while the guard is degraded.
std::vector<std::uint64_t> blocked(std::vector<std::uint64_t> words);

}  // namespace vpn::agent
