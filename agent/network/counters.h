// How much was sent into an interface: what an idle timer rests on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vpn::agent {

/// Packets sent by an interface, of the text of /proc/net/dev. Pure.
std::optional<std::uint64_t> packets_sent(std::string_view text, std::string_view interface);

/// The same of this network namespace, now.
std::optional<std::uint64_t> packets_sent(const std::string& interface);

}  // namespace vpn::agent
