// From facts to the device state of docs/cli.md, which decide() and the kernel's tables are specialised to. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/network/facts.h"
#include "agent/state/tunnel_life.h"
#include "policy/flow.h"
#include "policy/policy.h"

namespace vpn::agent {

/// A tunnel of the policy by its identifier, and its life.
struct NamedTunnel {
  std::string id;
  const TunnelLife* life = nullptr;
};

/// Index of the interface with the best default route, 0: none. A tunnel's interface is never primary, nor is one that
/// is down or the loopback: that a tunnel took the default route for itself does not make the network vanish. IPv4
/// before IPv6, then the lower metric, then the lower index.
std::uint32_t primary_link(const NetworkView& facts, std::span<const NamedTunnel> tunnels);

/// What NetworkManager says where the kernel knows no type; and that it is a modem, which may look like an Ethernet
/// card to the kernel.
policy::InterfaceType type_of(const Link& link, const Resolvers& resolvers);

policy::DeviceState device_state(const NetworkView& facts, const Resolvers& resolvers,
                                 std::span<const NamedTunnel> tunnels);

/// Which of the policy's tunnels an always-on VPN wants up in this state (S3.d).
std::vector<bool> demands(const policy::Policy& policy, const policy::DeviceState& state);

/// What tells the network that the device is in from others: the primary interface, its type, Wi-Fi network, gateway,
/// resolvers and search domains. Not its addresses: those change by themselves (RFC 8981).
std::string network_name(const NetworkView& facts, const policy::DeviceState& state);

/// The underlay for a tunnel: the primary interface, but for an always-on tunnel that names interface types (S3.d) the
/// first interface of such a type that is up and has a default route. Empty: none.
std::string underlay(const policy::Policy& policy, std::uint32_t tunnel, const NetworkView& facts,
                     const policy::DeviceState& state);

}  // namespace vpn::agent
