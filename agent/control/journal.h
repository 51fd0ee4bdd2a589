// Log lines with fields: the journal's native protocol, one datagram for each line
// (systemd.io/JOURNAL_NATIVE_PROTOCOL). Why not libsystemd: notify.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace vpn::agent {

/// Names are of capital letters, digits and underscores, and ours begin with VPN_ (docs/operations.md, "Journal").
using LogFields = std::vector<std::pair<std::string, std::string>>;

/// The datagram. Values may hold anything, line ends included.
std::string journal_entry(const std::string& message, bool loud, const LogFields& fields);

/// Whether this descriptor is what the journal gave us ($JOURNAL_STREAM: device and inode).
bool is_journal(int descriptor);

/// False: nobody takes it there, or it does not fit a datagram; then the line has to go where it went before.
bool send_to_journal(const std::string& entry, const std::string& socket = "/run/systemd/journal/socket");

}  // namespace vpn::agent
