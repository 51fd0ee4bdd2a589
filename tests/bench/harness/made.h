// Policies and states of devices, made for the rows.
#pragma once

#include <cstddef>
#include <string>

#include "compiler/lower/lower.h"
#include "policy/flow.h"
#include "policy/result.h"

namespace vpn::bench {

/// A profile's policy, as `vpnprofile compile` makes it.
Result<lower::Output> compile_profile(const std::string& text);
/// A device with one network, and this tunnel connected with so many routes, a quarter of them excluded.
policy::DeviceState state_with(const std::string& tunnel, std::size_t routes);

}  // namespace vpn::bench
