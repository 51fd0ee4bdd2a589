// What a profile of net.openvpn.* says: directives of OpenVPN's configuration, one in each key of VendorConfig, or all
// of them as the text of an .ovpn file. What may run a program, read a file or change the machine is refused, and so is
// every directive that is not known here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/tunnel/wiped.h"
#include "policy/result.h"

namespace vpn::agent::openvpn {

struct Remote {
  std::string host;  ///< a name or an address
  std::uint16_t port = 1194;
  bool tcp = false;
};

struct Directives {
  std::vector<Remote> remotes;  ///< in order
  WipedText text;               ///< all but the remotes, a directive or an inline file on each line
  bool asks_login = false;      ///< a user and a password are wanted (auth-user-pass)
  bool has_certificate = false;
  bool has_authority = false;  ///< somebody to check the server by
  bool key_is_locked = false;  ///< the key needs a passphrase
};

/// A key of VendorConfig and its value, which may be secret: no error shows it.
using Setting = std::pair<std::string_view, std::string_view>;

/// Errors: invalid_input: a directive that is refused, no remote, a text that is none.
Result<Directives> read_directives(const std::vector<Setting>& settings);

}  // namespace vpn::agent::openvpn
