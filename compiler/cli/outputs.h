// What is written must not be what is read.
#pragma once

#include <string>
#include <vector>

#include "policy/result.h"

namespace vpn::cli {

/// Refuses (usage) an output that is one of the inputs, by whatever name, or another output. Empty names and "-" are
/// none.
Result<void> keep_apart(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs);

}  // namespace vpn::cli
