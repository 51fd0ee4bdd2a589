// Tells the service manager how we are: the protocol of sd_notify(3), which is one datagram. libsystemd would bring
// five more libraries into the process for it, a twelfth of its memory.
#pragma once

#include <string>

namespace vpn::agent {

/// Sends to the socket that $NOTIFY_SOCKET names; nothing where there is none, or nobody listens.
void notify(const std::string& state);

}  // namespace vpn::agent
