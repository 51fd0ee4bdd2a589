#include "agent/control/ctl/blocked.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace vpn::agent::ctl {

std::string text_of(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

bool is_blocked_for_lack_of_a_tunnel(const nlohmann::json& drop) {
  constexpr std::array<std::string_view, 5> rules{"S3.d", "S3.e", "S4.e", "S5.f", "S6.b"};
  return text_of(drop, "direction") == "out" &&
         std::find(rules.begin(), rules.end(), text_of(drop, "rule")) != rules.end();
}

bool OnceInAWhile::is_due(const std::string& tunnel, Clock::time_point now) {
  const auto [it, first] = last_.try_emplace(tunnel, now);
  if (!first && now - it->second < every_) return false;
  it->second = now;
  return true;
}

}  // namespace vpn::agent::ctl
