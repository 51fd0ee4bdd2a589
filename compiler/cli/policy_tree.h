// A policy as a tree of names and values: what `dump` prints, as JSON or as text. No secret is in it, for none is in
// the policy.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "policy/policy.h"

namespace vpn::cli {

using Tree = nlohmann::ordered_json;

/// The whole policy; indexes are resolved to what they name. A secret is {"secret": N}, its number in the file of
/// secrets.
Tree policy_tree(const policy::Policy& policy);

/// The tree for people: indented, lists and mappings without brackets. Control characters are shown, not sent.
std::string tree_text(const Tree& tree);

/// Lower-case hexadecimal.
std::string hexadecimal(std::span<const std::uint8_t> bytes);

}  // namespace vpn::cli
