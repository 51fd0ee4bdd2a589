// What a profile's author wrote about a key, for who asks why it is there.
#pragma once

#include <cstdint>
#include <string>

#include "policy/policy.h"

namespace vpn::cli {

struct Built;  // compiler/cli/compile_device.h

/// The comment on the lines above the place, without its markers and in one line; empty where there is none. XML only.
std::string source_comment(const Built& built, const policy::Policy& policy, std::uint32_t source);

}  // namespace vpn::cli
