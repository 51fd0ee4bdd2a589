// vpnagentctl's side of the control socket.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "console/command.h"
#include "policy/result.h"

namespace vpn::agent::ctl {

using Json = nlohmann::json;

/// Sends one request; calls back with each result until `each` gives false or the agent ends the connection. Errors:
/// the agent's own, or `environment` where it cannot be reached.
Result<void> ask(const std::string& socket, const Json& request, const std::function<bool(const Json& result)>& each);
/// Where only one answer comes.
Result<Json> ask(const std::string& socket, const Json& request);

/// Of --control.
std::string socket_of(const cli::Arguments& arguments);
/// Of --format.
bool as_json(const cli::Arguments& arguments);

}  // namespace vpn::agent::ctl
