// Shows that properties hold for every flow in every state, or finds the simplest flow and state for which one does
// not. What is shown is shown of policy::decide() itself, on an example of each class (compiler/analyse/space.h).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/analyse/property.h"
#include "policy/decide.h"
#include "policy/result.h"

namespace vpn::analyse {

/// A place in a profile, and what it has to do with a verdict.
struct Blame {
  std::uint32_t source = policy::none;  ///< index into the policy's sources
  std::string why;
};

struct Counterexample {
  std::string flow, state;  ///< JSON, for `explain`
  std::string flow_words, state_words;
  policy::Decision decision;
  std::vector<Blame> blame;
};

/// Something that the property lets pass, for the profile says so.
struct Exception {
  policy::Rule rule{};
  std::uint32_t source = policy::none;
  bool by_default = false;  ///< no key of the profile says so, but the schema's default
  std::string what;
  std::string flow_words;  ///< an example
};

/// A rule of the policy that can never decide (no-shadow).
struct Shadowed {
  std::uint32_t source = policy::none;
  std::string what, why;
};

struct Coverage {
  std::uint64_t states = 0, networks = 0;
  std::uint64_t apps = 0, destinations = 0, ports = 0;  ///< classes
  std::uint64_t decisions = 0;                          ///< verdicts that were looked at
  bool all_statuses = true;  ///< every combination of statuses, else those that rules tell apart
};

struct Proof {
  Property property;
  bool holds = false;
  Coverage coverage;
  std::uint64_t applied = 0;  ///< of Coverage::decisions those that the property speaks of
  std::optional<Counterexample> counterexample;
  std::vector<Exception> exceptions;
  std::vector<Shadowed> shadowed;
};

struct ProveOptions {
  std::vector<policy::DeviceState> states;  ///< where not empty: these states only
  /// For who cannot wait: how many senders in states, and as many verdicts, are gone through. 2^23 take some seconds.
  std::uint64_t most_steps = std::numeric_limits<std::uint64_t>::max();
};

/// One proof for each property, in their order. The policy must outlive the call only. Errors (`invalid_input`): the
/// policy tells too many classes apart, for the options too, or a property names what the policy has not.
Result<std::vector<Proof>> prove(const policy::Policy& policy, std::span<const Property> properties,
                                 const ProveOptions& options = {});

}  // namespace vpn::analyse
