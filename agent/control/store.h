// What the agent remembers from one start to the next: the policy in force and its serial, and which tunnels were
// wanted, so that no tunnel counts as disconnected (S5) only because the agent was started anew.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "agent/state/policy_life.h"
#include "agent/state/tunnel_life.h"
#include "policy/policy.h"
#include "policy/result.h"

namespace vpn::agent {

/// A tunnel that was wanted when this was written.
struct RememberedTunnel {
  bool was_up = false;
  NetworkSettings settings;  ///< of the last connection: S6's routes stay in force
  ProviderProcess process;   ///< whose packets are the provider's, until it has spoken again (S1.c)
};
using RememberedTunnels = std::map<std::string, RememberedTunnel>;  ///< by identifier

class Store {
 public:
  explicit Store(std::string folder) : folder_(std::move(folder)) {}
  const std::string& folder() const { return folder_; }
  Result<void> prepare();  ///< makes the folder (0700)

  /// The lowest serial that may come; 0 where none was kept. A file that cannot be read is an error, not a 0.
  Result<std::uint64_t> lowest_serial() const;
  std::string policy_path() const { return folder_ + "/policy.vpnpolicy"; }
  /// Keeps the policy's bytes, with the file of its secrets where it has one, then its serial.
  Result<void> keep(const policy::Policy& policy, const std::string& secrets_file);

  RememberedTunnels tunnels() const;  ///< nothing where it cannot be read
  Result<void> keep(const RememberedTunnels& tunnels);

 private:
  std::string folder_;
};

/// The texts of the store's files. Pure.
std::string write_tunnels(const RememberedTunnels& tunnels);
std::optional<RememberedTunnels> parse_tunnels(std::string_view text);

}  // namespace vpn::agent
