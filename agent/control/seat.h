// Who is before the screen, by logind.
#pragma once

#include <cstdint>

namespace vpn::agent {

/// Whether the active session on seat0 is this user's. False, too, where there is no libsystemd or no logind.
bool is_before_screen(std::uint32_t uid);

}  // namespace vpn::agent
