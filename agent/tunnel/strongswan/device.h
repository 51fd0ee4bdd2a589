// What the provider needs of the machine's interfaces. Each call is one exchange with the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent::strongswan {

/// The interface that has this address; nothing: none has.
std::optional<std::string> interface_with(const policy::Address& address);
/// The addresses to send from by an interface; link-local ones are left out.
std::vector<policy::Address> addresses_of(const std::string& interface);
/// Errors: environment.
Result<void> set_mtu(const std::string& interface, std::uint32_t bytes);

}  // namespace vpn::agent::strongswan
