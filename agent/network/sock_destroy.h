// Ends a connection towards its app, so that it need not wait for a time-out (S3: "reset towards the app").
#pragma once

#include <cstdint>
#include <span>

#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent {

/// A TCP socket of this network namespace as a drop event tells of it.
struct TcpSocket {
  policy::Address remote;
  std::uint16_t remote_port = 0;
  std::uint16_t local_port = 0;
  std::uint64_t cookie = 0;  ///< as sock_diag has it; not 0
};

/// Finds the sockets by cookie, and destroys them (SOCK_DESTROY): their apps get ECONNABORTED. One that has gone is no
/// error. One walk over the kernel's sockets, however many are wanted. Errors: `environment` (the kernel has no
/// CONFIG_INET_DIAG_DESTROY); the others are destroyed all the same.
Result<void> destroy(std::span<const TcpSocket> sockets);

}  // namespace vpn::agent
