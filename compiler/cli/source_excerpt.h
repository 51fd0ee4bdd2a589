// The line of a profile that a policy's source points to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace vpn::cli {

/// An excerpt of the profile with the deciding key underlined. Empty when there is no source, when the file cannot be
/// read or when what stands there is not the key: a policy does not hold its profiles, and they may have changed.
/// `policy_path` is where the policy was read from, for profiles that lie beside it; empty: compiled just now.
/// `width`: columns of a line; 0: those of the terminal.
std::string source_excerpt(const policy::Policy& policy, std::uint32_t source, const std::string& policy_path,
                           bool color, unsigned width = 0);
/// The files that excerpts may be read from.
std::vector<std::string> excerpt_files(const policy::Policy& policy, const std::string& policy_path);

}  // namespace vpn::cli
