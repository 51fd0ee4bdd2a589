// Proofs for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "compiler/analyse/prove.h"

namespace vpn::analyse {

/// `{"name", "holds", "meaning", "coverage", "exceptions", "shadowed", "counterexample"}`, one for each proof.
nlohmann::ordered_json proofs_json(const policy::Policy& policy, std::span<const Proof> proofs);
std::string proofs_text(const policy::Policy& policy, std::span<const Proof> proofs, bool color);

/// "{file, line, column, path}" of a source, or null.
nlohmann::ordered_json source_object(const policy::Policy& policy, std::uint32_t source);
/// "1,234,567".
std::string grouped(std::uint64_t number);

}  // namespace vpn::analyse
