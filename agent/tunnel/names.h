// Names of what a tunnel has on this device: interfaces, cgroups.
#pragma once

#include <string>
#include <string_view>

#include "policy/result.h"

namespace vpn::agent {

/// The kind, a hyphen and twelve hexadecimal digits: the same for the same identifier, without regard to case. With a
/// kind of two letters it is short enough for an interface.
std::string short_name(std::string_view kind, std::string_view tunnel_id);

/// Whether a daemon's settings and a shell take the folder's path for what it is. Errors: usage.
Result<void> plain_folder(const std::string& path);

}  // namespace vpn::agent
