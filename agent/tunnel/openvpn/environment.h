// What OpenVPN tells its up script: addresses, routes and options that the server has pushed, as an environment.
#pragma once

#include <string_view>

#include "agent/tunnel/provider.h"
#include "policy/result.h"

namespace vpn::agent::openvpn {

/// NAME=value, each ended by a null. The interface, addresses, routes, resolvers, domains and the MTU; endpoints are
/// not in it. Errors: environment: there is no interface or no address, or a value does not hold together.
Result<NetworkSettings> read_environment(std::string_view text);

}  // namespace vpn::agent::openvpn
