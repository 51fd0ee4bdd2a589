// The networks that on-demand rules tell apart: one for each combination of rules that hold, with all of its criteria
// worked out ("On-demand" of docs/semantics.md).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/flow.h"
#include "policy/result.h"
#include "policy_generated.h"

namespace vpn::analyse {

/// A network of which every one that selects the same rules is the like, as far as on-demand goes.
struct Network {
  bool present = true;               ///< false: there is no primary interface
  policy::InterfaceState interface;  ///< type, name of the Wi-Fi network, resolvers, search domains
  std::map<std::string, int, std::less<>> url_probes;
  std::vector<std::uint32_t> rules;  ///< for each OnDemand in the order given: the rule that holds; policy::none: none
  /// "Wi-Fi Corp, search domain corp.example.com".
  std::string describe() const;
};

/// "Wi-Fi", "cellular", "Ethernet", "another network".
std::string_view interface_words(policy::InterfaceType type);

/// How finely networks are told apart by their interface.
struct NetworkDetail {
  bool interface_types = false;  ///< apart by type, even where no rule asks for it
  bool ssids = false;            ///< likewise by `ssid_words`
  bool actions_only = false;     ///< rules with the same action are not told apart
  std::vector<std::string> ssid_words;
};

/// All combinations of rules that some network selects, exactly: every criterion may hold or not, but for what
/// contradicts. Configurations that are null or not enabled have no rule. The first one has a Wi-Fi network where one
/// selects the same. Errors (`invalid_input`): more than 4,096 combinations.
Result<std::vector<Network>> networks(std::span<const policy::fb::OnDemand* const> configurations,
                                      const NetworkDetail& detail);

}  // namespace vpn::analyse
