// Ends a connection towards its app, so that it need not wait for a time-out (S3: "reset towards the app").
#pragma once

#include <cstdint>

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

/// Finds the socket by ports and cookie, and destroys it (SOCK_DESTROY): its app gets ECONNABORTED. One that has gone
/// is no error. Errors: `environment` (the kernel has no CONFIG_INET_DIAG_DESTROY).
Result<void> destroy(const TcpSocket& socket);

}  // namespace vpn::agent
