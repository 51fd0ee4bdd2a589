// What may leave the machine in a support bundle: no secret, and no host name but those that the policy names. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace vpn::agent {

using NameSet = std::set<std::string, std::less<>>;

/// Everything in the texts of `tree` that reads like a name of several labels, in lower case: host names, and what
/// looks like them (identifiers of apps). Names of files, units and rules do not count: they end in what no host name
/// ends in.
NameSet names_in(const nlohmann::json& tree);

/// Those of `names` that stand in the policy, wherever in it.
NameSet named_by(const policy::Policy& policy, const NameSet& names);

struct Redaction {
  NameSet kept;  ///< lower case
  /// Not to be told, wherever they stand; those shorter than four bytes are part of too much to be found again.
  std::vector<std::span<const std::byte>> secrets;
  std::string machine;  ///< the host's own name; left out of what people or programs wrote (`free_texts`), empty: none
};
inline constexpr std::string_view free_texts[] = {"log", "reason", "fault", "secrets_fault"};

/// Every other name becomes "[name 1]", the same one each time; a secret "[secret]"; the machine's name "[host]".
nlohmann::json redacted(const nlohmann::json& tree, const Redaction& what);

}  // namespace vpn::agent
