// The state of a device that a command is told.
#pragma once

#include <string>
#include <vector>

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
/// Files that must be there: what is shown of a state that nobody meant would be taken for more.
Result<std::vector<policy::DeviceState>> read_states(const std::vector<std::string>& paths);
/// Warns of tunnels in the state that none of the policies has. `name` is the state's; empty: there is one only.
void warn_strange_tunnels(const std::vector<const policy::Policy*>& policies, const policy::DeviceState& state,
                          const std::string& name);
/// The same for each state, `names` being theirs.
void warn_strange_tunnels(const std::vector<const policy::Policy*>& policies,
                          const std::vector<policy::DeviceState>& states, const std::vector<std::string>& names);

}  // namespace vpn::cli
