// Properties as the command line names them.
#pragma once

#include <string>
#include <vector>

#include "compiler/analyse/diff.h"
#include "compiler/analyse/property.h"

namespace vpn::cli {

/// Each word is a name, a sentence, a file of properties, or several of these with commas between. Errors name what is
/// not understood. The names of files that were read, as far as they could be, are added to `files`.
Result<std::vector<analyse::Property>> named_properties(const std::vector<std::string>& words,
                                                        std::vector<std::string>& files);
/// Files of changes that are expected, one behind the other.
Result<std::vector<analyse::Expected>> expected_changes(const std::vector<std::string>& files);

}  // namespace vpn::cli
