// What `vpnagentctl watch` shows. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "agent/control/ctl/screen.h"

namespace vpn::agent::ctl {

/// One frame, of `size.rows` lines at most, each cut to `size.columns`: guard, policy, network and tunnels; then what
/// apps send and receive, by rule and verdict, the busiest first, with the rates since `before` (null: none); then the
/// last drops. Each line ends with what clears the rest of the terminal's line.
std::string watch_frame(const nlohmann::json& now, const nlohmann::json& before, ScreenSize size, bool color);

}  // namespace vpn::agent::ctl
