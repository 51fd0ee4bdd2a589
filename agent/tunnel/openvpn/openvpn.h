// The provider for OpenVPN: profiles of net.openvpn.*. One openvpn for each tunnel, spoken to over its management
// interface; addresses and routes are the agent's. docs/tunnels.md explains it.
#pragma once

#include <chrono>
#include <string>

#include "agent/tunnel/provider.h"

namespace vpn::agent {

struct OpenvpnOptions {
  std::string program = "/usr/sbin/openvpn";
  std::string cgroup_mount = "/sys/fs/cgroup";
  /// Folder below the mount under which each openvpn gets its own cgroup, by which S1.c knows it. Empty: it stays in
  /// the agent's, and is known by its executable.
  std::string cgroup;
  std::chrono::seconds patience{45};  ///< from the first packet until the server has let us in
};

/// Makes providers for tunnels of kind openvpn, and null for others.
ProviderFactory openvpn_factory(OpenvpnOptions options);

}  // namespace vpn::agent
