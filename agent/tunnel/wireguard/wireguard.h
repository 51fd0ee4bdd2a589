// The provider for WireGuard: profiles of com.wireguard.* with VendorConfig.WgQuickConfig. The interface is the
// kernel's, or wireguard-go's where the kernel has none. docs/tunnels.md explains both.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "agent/tunnel/provider.h"

namespace vpn::agent {

struct WireguardOptions {
  std::string program = "/usr/bin/wireguard-go";
  std::string socket_dir = "/var/run/wireguard";  ///< wireguard-go's, fixed in it
  std::string cgroup_mount = "/sys/fs/cgroup";
  /// Folder below the mount under which each wireguard-go gets its own cgroup, by which S1.c knows it. Empty: it stays
  /// in the agent's, and is known by its executable.
  std::string cgroup;
  enum class Kind : std::uint8_t { automatic, kernel, program_only } kind = Kind::automatic;
  std::uint32_t outer_mark = 0x766f0003;  ///< of the kernel's outer packets; all 32 bits count
  /// A server that has not answered for so long is lost: WireGuard itself takes no packet of a session after 180 s.
  std::chrono::seconds lost_after{185};
};

/// Makes providers for tunnels of kind wireguard, and null for others.
ProviderFactory wireguard_factory(WireguardOptions options);

}  // namespace vpn::agent
