// One state of the device for two policies, whose tunnels may have other identifiers in each.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "compiler/analyse/diff.h"
#include "compiler/analyse/space.h"
#include "policy/decide.h"

namespace vpn::analyse {

class TwoPolicies {
 public:
  explicit TwoPolicies(const Space& space);

  /// The verdict of policy `k` (0: the older one) as people compare them.
  Side side_of(const policy::Decision& decision, std::size_t k) const;
  /// The device in a state, with the tunnels of both; identifiers are those of the newer one where it has the tunnel.
  policy::DeviceState device(const State& state) const;
  policy::Decision decide(std::size_t k, const policy::DeviceState& device, const policy::Flow& flow) const;
  /// Makes the flow in the state the example of a change: of `device`, what the change does not need is left out,
  /// unless the state is one that was given.
  void show(const State& state, policy::DeviceState device, const policy::Flow& flow, Change& change) const;

 private:
  policy::DeviceState renamed(policy::DeviceState device, std::size_t k) const;

  const Space& space_;
  std::array<std::map<std::string, std::string>, 2> others_;  // what a policy calls Tunnel::id (lower case)
  std::vector<policy::Situation> any_;  // of each policy; what does not depend on the state is worked out once
};

/// What the agent itself looks up (S1.d) or probes (S1.f) under one of the policies alone: it leaves outside every
/// tunnel there. What `expected` names by host or rule is left out, and counted.
std::vector<Change> agent_changes(const Space& space, const TwoPolicies& two, std::span<const Expected> expected,
                                  std::uint64_t& as_expected);

}  // namespace vpn::analyse
