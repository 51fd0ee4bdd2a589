// What another process of root's tells of the machine: what logind and NetworkManager say on D-Bus, which the agent
// does not speak. It refines what the kernel says, and opens nothing by itself; it holds for as long as who told it
// stays connected.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/network/facts.h"
#include "policy/result.h"

namespace vpn::agent {

struct MachineFacts {
  enum class Portal : std::uint8_t { unknown, none, there };
  bool asleep = false;              ///< or about to be
  Portal portal = Portal::unknown;  ///< what somebody else has found out about the network
  Resolvers networks;               ///< search domains, types, and names of Wi-Fi networks only
  friend bool operator==(const MachineFacts&, const MachineFacts&) = default;
};

/// Errors: `usage`: something that is none of it, or more than there can be.
Result<MachineFacts> parse_machine_facts(const nlohmann::json& object);

}  // namespace vpn::agent
