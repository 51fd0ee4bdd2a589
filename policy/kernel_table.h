// A policy in one state of the device as the array of words that the kernel reads (policy/kernel/table.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "policy/decide.h"
#include "policy/kernel_classes.h"
#include "policy/result.h"

namespace vpn::policy {

/// The kernel's numbers of interfaces by name. A name that is missing is no interface: nothing leaves by it.
using InterfaceIndexes = std::map<std::string, std::uint32_t, std::less<>>;

/// An endpoint to which the provider of a tunnel (S1.c) or the agent (S1.d, S1.f) may talk outside every tunnel.
struct Exemption {
  Rule rule = Rule::S1c;
  std::uint32_t tunnel = none;  ///< S1.c: whose provider
  std::uint32_t interface = 0;  ///< S1.d: index of the interface by which the lookup leaves
  Address remote;               ///< embedded IPv4 taken out
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
};

struct KernelTable {
  std::vector<std::uint64_t> words;
  /// Whether each tunnel of the policy is connected: what vpn_tunnel_connected() answers until one changes.
  std::vector<bool> connected;
  /// Indexes of all interfaces that are some tunnel's, of this policy or not: vpn_is_tunnel(). Ascending.
  std::vector<std::uint32_t> tunnel_interfaces;
  /// For vpn_packet.exempt. S1.f has only the probes that the policy names by address; the agent knows the others'.
  std::vector<Exemption> exemptions;
};

/// The table for what `situation` is now; `classes` are of the same policy. decide() is asked for every cell, also for
/// the moment in which the cell's tunnel is not connected any more (`reasserting`).
/// Errors (`invalid_input`): more ranges, rows or words than the kernel's table can hold.
Result<KernelTable> build_kernel_table(const Situation& situation, const KernelClasses& classes,
                                       const InterfaceIndexes& interfaces);

/// The same state without what a network that may have changed since has claimed: no on-link prefixes (the device's own
/// addresses stay, S0), not captive, no probes. For the table that holds when the agent's heartbeat has stopped.
DeviceState stale(const DeviceState& state);

}  // namespace vpn::policy
