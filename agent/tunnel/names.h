// Names of what a tunnel has on this device: interfaces, cgroups.
#pragma once

#include <string>
#include <string_view>

namespace vpn::agent {

/// The kind, a hyphen and twelve hexadecimal digits: the same for the same identifier, without regard to case. With a
/// kind of two letters it is short enough for an interface.
std::string short_name(std::string_view kind, std::string_view tunnel_id);

}  // namespace vpn::agent
