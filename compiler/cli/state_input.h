// The state of a device that a command is told.
#pragma once

#include <string>

#include "policy/flow.h"
#include "policy/policy.h"
#include "policy/result.h"

namespace vpn::cli {

/// "warning: …" on standard error.
void warn(const std::string& text);
/// Warns of keys that are not known, with what may have been meant.
void warn_unknown(const std::string& place, const std::vector<std::string>& keys);
/// A file of `--state`. Empty, or no such file: a device that boots, which is warned of.
Result<policy::DeviceState> read_state(const std::string& path);
/// Warns of tunnels in the state that the policy does not have.
void warn_strange_tunnels(const policy::Policy& policy, const policy::DeviceState& state);

}  // namespace vpn::cli
