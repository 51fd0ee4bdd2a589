// What an on-demand rule with EvaluateConnection says of one host ("On-demand" of docs/semantics.md). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"
#include "policy/policy.h"

namespace vpn::agent {

/// One of a rule's ActionParameters.
struct HostRule {
  std::uint32_t index = 0;                   ///< in the rule's ActionParameters
  std::uint32_t source = policy::none;       ///< where it stands
  bool never = false;                        ///< NeverConnect, otherwise ConnectIfNeeded
  std::vector<policy::Address> dns_servers;  ///< RequiredDNSServers; what is no address is left out
  bool needs_servers = false;                ///< there are some, readable or not
  std::string url;                           ///< RequiredURLStringProbe; empty: none
};

/// The first whose Domains match. `rule`: of that tunnel's on-demand rules; `host`: A-labels, lower case, without the
/// trailing dot. Nothing: none matches, or the rule does not evaluate.
std::optional<HostRule> host_rule(const policy::Policy& policy, std::uint32_t tunnel, std::uint32_t rule,
                                  std::string_view host);

/// For each tunnel, whether it is a device-wide VPN's. While such a one is down, what it would take is not refused for
/// want of it (S5 to S7), so that hosts have to be evaluated; what a per-app VPN governs is, and needs it in any case.
std::vector<bool> device_wide(const policy::Policy& policy);

}  // namespace vpn::agent
