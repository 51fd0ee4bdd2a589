// The agent's answers for people. Pure; names from elsewhere are shown with control characters escaped.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace vpn::agent::ctl {

std::string status_text(const nlohmann::json& status, bool color);
std::string why_text(const nlohmann::json& answer, bool color);
std::string drop_line(const nlohmann::json& drop, bool color);
/// `recent` and `counters` of `drops`: the drops that were counted, most first, then the last ones one by one.
std::string drops_text(const nlohmann::json& answer, bool color);

}  // namespace vpn::agent::ctl
