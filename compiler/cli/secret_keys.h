// Names of the keys whose values must never be printed.
#pragma once

#include <string_view>
#include <vector>

namespace vpn::cli {

/// From the schemas, each once.
std::vector<std::string_view> secret_keys();

}  // namespace vpn::cli
