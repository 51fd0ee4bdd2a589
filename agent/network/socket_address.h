// Addresses as sockets take them.
#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "policy/address.h"

namespace vpn::agent {

/// Writes a sockaddr_in or a sockaddr_in6; its size.
socklen_t socket_address(const policy::Address& address, std::uint16_t port, sockaddr_storage& out);

}  // namespace vpn::agent
