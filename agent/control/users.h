// Users of this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vpn::agent {

/// Of a user, in a text like passwd(5).
std::optional<std::uint32_t> user_number(std::string_view passwd, std::string_view name);

}  // namespace vpn::agent
