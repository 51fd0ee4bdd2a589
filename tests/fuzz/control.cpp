// What comes in on the control socket: a request that is understood has all that its command needs.
#include <cstdlib>
#include <string_view>

#include "agent/control/messages.h"
#include "policy/json/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn::agent;
  const auto request = parse_request({reinterpret_cast<const char*>(data), size});
  if (!request) {
    if (request.error().what.empty()) std::abort();
    return 0;
  }
  if (request->command == ControlCommand::apply && !request->policy.starts_with('/')) std::abort();
  if (request->confirm_seconds > 3600) std::abort();
  if (may(ControlPeer{}, *request, true) && request->command != ControlCommand::status) std::abort();
  if (!request->flow.empty()) static_cast<void>(vpn::policy::parse_flow(request->flow));
  return 0;
}
