// Addresses as sockets take them.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "policy/address.h"

namespace vpn::agent {

/// Writes a sockaddr_in or a sockaddr_in6; its size.
socklen_t socket_address(const policy::Address& address, std::uint16_t port, sockaddr_storage& out);
/// IPv4-mapped ones as IPv4; nothing for other families.
std::optional<std::pair<policy::Address, std::uint16_t>> from_socket_address(const sockaddr_storage& from);

}  // namespace vpn::agent
