// Names and files of one tunnel's charon. Internal to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tunnel/strongswan/plan.h"
#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent::strongswan {

/// A number for the XFRM interface of that name, 0x76700000 to 0x767fffff.
std::uint32_t interface_id(std::string_view short_name);

/// Errors: usage: the path is too long for a Unix socket, or has characters that settings files or shells take for
/// something else.
Result<CharonPaths> paths_in(const std::string& folder);

/// What the shell wrote (updown_command()): resolvers, each on a line; lines that are no address are left out.
std::vector<policy::Address> read_resolvers(const std::string& path);

}  // namespace vpn::agent::strongswan
