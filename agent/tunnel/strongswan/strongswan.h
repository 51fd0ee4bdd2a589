// The provider for IKEv2, and for IPSec after IKEv1: one charon (strongSwan) for each tunnel, spoken to over VICI. Its
// ESP is the kernel's, on an XFRM interface, or where the kernel has none charon's own, on a TUN. docs/tunnels.md
// explains both.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "agent/tunnel/provider.h"

namespace vpn::agent {

struct StrongswanOptions {
  std::string program = "/usr/sbin/charon-systemd";
  std::string cgroup_mount = "/sys/fs/cgroup";
  /// Folder below the mount under which each charon gets its own cgroup, and by which S1.c knows it. Empty: it stays in
  /// the agent's, and is known by its executable, which others may run, too.
  std::string cgroup;
  /// Whose ESP: the kernel's, charon's own, or the kernel's where it has it.
  enum class Esp : std::uint8_t { automatic, kernel, libipsec } esp = Esp::automatic;
  /// Of the ESP packets that the kernel makes; all 32 bits count.
  std::uint32_t outer_mark = 0x766f0002;
  /// Authorities for servers of profiles that bring none; PEM. Empty: a profile must bring its own.
  std::string authorities = "/etc/ssl/certs/ca-certificates.crt";
  /// How soon a dead server is asked for, instead of the profile's DeadPeerDetectionRate (a minute at best); 0: that.
  std::chrono::seconds dead_peer_delay{0};
};

/// Makes providers for tunnels of kind ikev2 (payloads IKEv2 and AlwaysOn) and ipsec (IPSec), and null for others.
ProviderFactory strongswan_factory(StrongswanOptions options);

}  // namespace vpn::agent
