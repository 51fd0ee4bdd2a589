// Flows, device states and verdicts as JSON (docs/cli.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/decide.h"
#include "policy/flow.h"
#include "policy/result.h"

namespace vpn::policy {

/// Whether a JSON text nests no deeper: the parser and the tree's destructor must not be driven by a file.
bool nests_at_most(std::string_view json, std::size_t most);

/// One flow. Errors name the key. Keys that are not known are left alone and, where asked, collected in `unknown`.
Result<FlowText> parse_flow(std::string_view json, std::vector<std::string>* unknown = nullptr);
/// A device state; an empty text is an error, `{}` a booting device.
Result<DeviceState> parse_state(std::string_view json, std::vector<std::string>* unknown = nullptr);
/// A flow, and a device state, as the two above read them: one line, without what has its default.
std::string flow_json(const Flow& flow);
std::string state_json(const DeviceState& state);
/// Every key that a flow or a device state may have, on any level: for "did you mean".
std::vector<std::string_view> known_keys();
/// Tunnels that the state lists and the policy does not have: allowed, and often a slip of the pen.
std::vector<std::string> strange_tunnels(const Policy& policy, const DeviceState& state);
/// `{"verdict": …, "tunnel": …, "rule": …, "source": …}`, one line, without a line end.
std::string verdict_json(const Policy& policy, const Decision& decision);

/// The place of a key in a profile, as verdict_json() gives it; `null` for none.
std::string source_json(const Policy& policy, std::uint32_t source);

/// An IP protocol by name ("tcp", "icmpv6", …) or number ("89"); false for anything else.
bool parse_protocol(std::string_view text, std::uint8_t& out);
std::string protocol_name(std::uint8_t protocol);

}  // namespace vpn::policy
