// Properties as the command line names them.
#pragma once

#include <string>
#include <vector>

#include "compiler/analyse/property.h"

namespace vpn::cli {

/// Each word is a name, a sentence, a file of properties, or several of these with commas between. Errors name what is
/// not understood.
Result<std::vector<analyse::Property>> named_properties(const std::vector<std::string>& words);

}  // namespace vpn::cli
