// Flows, device states and verdicts as JSON (docs/cli.md).
#pragma once

#include <string>
#include <string_view>

#include "policy/decide.h"
#include "policy/flow.h"
#include "policy/result.h"

namespace vpn::policy {

/// One flow. Errors name the key. Unknown keys are ignored.
Result<FlowText> parse_flow(std::string_view json);
/// A device state; an empty text is an error, `{}` a booting device.
Result<DeviceState> parse_state(std::string_view json);
/// `{"verdict": …, "tunnel": …, "rule": …, "source": …}`, one line, without a line end.
std::string verdict_json(const Policy& policy, const Decision& decision);

}  // namespace vpn::policy
