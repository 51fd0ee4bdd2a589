// What providers need of the machine's interfaces. Each call is one exchange with the kernel.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/address.h"
#include "policy/result.h"

struct sockaddr;

namespace vpn::agent {

/// The sixteen bytes of an IPv6 address, and an address from the kernel's form; nothing: of another family.
std::array<std::uint8_t, 16> bytes_of(const policy::Address& v6);
std::optional<policy::Address> address_of(const sockaddr* socket);

/// The interface that has this address; nothing: none has.
std::optional<std::string> interface_with(const policy::Address& address);
/// The addresses to send from by an interface; link-local ones are left out.
std::vector<policy::Address> addresses_of(const std::string& interface);
/// Errors: environment.
Result<void> set_mtu(const std::string& interface, std::uint32_t bytes);

/// Makes a link of a kind that needs no settings of its own, down. 0, or errno: EOPNOTSUPP where the kernel has no such
/// kind.
int make_link(const std::string& name, const char* kind);
void remove_link(const std::string& name);  ///< nothing happens when there is none
/// Gives a link these addresses, each with its prefix length, and switches it on. Errors: environment.
Result<void> bring_up(const std::string& interface,
                      const std::vector<std::pair<policy::Address, std::uint8_t>>& addresses);

}  // namespace vpn::agent
