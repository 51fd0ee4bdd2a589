// A policy that has been opened, with everything that depends on it alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/control/config.h"
#include "agent/state/policy_life.h"
#include "agent/tunnel/secrets.h"
#include "policy/decide.h"
#include "policy/kernel_classes.h"
#include "policy/policy.h"

namespace vpn::agent {

/// Stays where it is: its parts refer to each other.
struct ActivePolicy {
  ActivePolicy(policy::Policy p, policy::KernelClasses c, Secrets s)
      : policy(std::move(p)), situation(policy, {}), classes(std::move(c)), secrets(std::move(s)) {}
  ActivePolicy(const ActivePolicy&) = delete;
  ActivePolicy& operator=(const ActivePolicy&) = delete;

  policy::Policy policy;
  policy::Situation situation;  ///< of a booting device; in() makes others of it
  policy::KernelClasses classes;
  Secrets secrets;
  std::string secrets_file;   ///< where they were, outside of the policy; empty: nowhere
  std::string secrets_fault;  ///< why there are none, though there should be: tunnels that need them cannot come up

  /// Names the policy in the kernel, beside its classes.
  std::uint64_t number() const {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < sizeof(out); ++i) out = out << 8 | policy.header().sha256[i];
    return out;
  }
  PolicyStamp stamp() const { return {policy.header().serial, policy.header().sha256}; }
};

/// Opens and verifies; with the configuration's public key, if it has one. Secrets are looked for where the
/// configuration says, or else beside the policy, as `vpnprofile compile` puts them (PATH.secrets). Secrets that cannot
/// be read are no error: the tunnels stay down, and what they govern stays blocked.
Result<std::unique_ptr<ActivePolicy>> open_policy(const std::string& path, const Config& config,
                                                  std::uint64_t lowest_serial);

}  // namespace vpn::agent
