// Files that people write, YAML or JSON, as one tree. For the compiler's and the agent's own files.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "policy/result.h"

namespace vpn::policy {

/// All scalars of YAML are texts. Depth and what aliases stand for are bounded; a key that is there twice is an error.
/// `what` names the file in errors ("the app map"), `where` says which one it is. Errors: `invalid_input`.
Result<nlohmann::json> parse_tree(const std::string& where, std::string_view text, const std::string& what,
                                  const std::string& help);

}  // namespace vpn::policy
