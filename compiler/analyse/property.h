// What an administrator wants to be true of a policy, whatever is sent and whatever state the device is in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/analyse/space.h"
#include "policy/result.h"

namespace vpn::analyse {

/// A set of flows: all that is set must hold; an empty list asks nothing.
struct FlowSelector {
  std::vector<std::string> apps;   ///< identifiers; "other", "unattributed", "forwarded"
  std::vector<std::string> hosts;  ///< as Refinement::hosts
  std::vector<policy::Prefix> addresses;
  std::vector<PortRange> ports;
  std::vector<policy::Rule> rules;  ///< the rule that decides (exceptions only)
  friend bool operator==(const FlowSelector&, const FlowSelector&) = default;
};

/// A set of states: likewise.
struct StateSelector {
  enum class Connected : std::uint8_t { none, any, all };
  std::optional<Connected> connected;  ///< of the tunnels that make a difference
  struct OfTunnel {
    std::string id;  ///< identifier or name, compared without case
    std::vector<policy::TunnelStatus> statuses;
    friend bool operator==(const OfTunnel&, const OfTunnel&) = default;
  };
  std::vector<OfTunnel> tunnels;
  std::optional<bool> captive;
  std::vector<std::string> networks;  ///< "wifi", "cellular", "ethernet", "other", "none"
  std::vector<std::string> ssids;
  friend bool operator==(const StateSelector&, const StateSelector&) = default;
};

/// A property. The built-in ones are more than selectors can say.
struct Property {
  enum class Kind : std::uint8_t { own, no_leak, no_leak_governed, excluded_only, captive_bounded, no_shadow };
  Kind kind = Kind::own;
  std::string name;
  std::string meaning;  ///< one sentence
  std::string where;    ///< file:line:column of one that was read from a file
  FlowSelector flows;
  StateSelector states;
  std::vector<policy::Verdict> verdicts;  ///< that are allowed
  std::string through;                    ///< the tunnel of `tunnel` and `proxy`; empty: any
  bool control_plane_apart = true;        ///< S0 and S1 are allowed whatever `verdicts` says
  std::vector<FlowSelector> except;
};

/// A built-in property by name, or a sentence: "reachable APP to HOST[:PORT] [when STATE]", "never APP VERDICT [to
/// HOST] [when STATE]"; STATE is words such as "connected", "disconnected", "captive", "on wifi", "TUNNEL connecting",
/// with "and" between them. Errors (`usage`) say what is not understood.
Result<Property> parse_property(std::string_view text);

/// Properties of a YAML or JSON file (docs/analysis.md). Errors name file, line and column.
Result<std::vector<Property>> read_properties(const std::string& path);

/// Names of the built-in properties, with what they mean.
struct BuiltIn {
  Property::Kind kind;
  std::string_view name, meaning;
};
std::span<const BuiltIn> built_in_properties();

/// What the properties' selectors tell apart. Errors (`invalid_input`): a selector names a tunnel that the policy has
/// not.
Result<Refinement> refinement_for(std::span<const Property> properties, const policy::Policy& policy);

}  // namespace vpn::analyse
