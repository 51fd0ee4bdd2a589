// Which drops are those that people want to be told of: something is blocked because its VPN is not connected.
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace vpn::agent::ctl {

/// Outgoing, by S3.d, S3.e, S4.e, S5.f or S6.b. `drop` as `vpnagentctl drops --follow` has it; hostile input.
bool is_blocked_for_lack_of_a_tunnel(const nlohmann::json& drop);

/// A text member, or nothing.
std::string text_of(const nlohmann::json& object, const char* key);

/// At most one in `every` for each tunnel.
class OnceInAWhile {
 public:
  using Clock = std::chrono::steady_clock;
  explicit OnceInAWhile(Clock::duration every) : every_(every) {}
  bool is_due(const std::string& tunnel, Clock::time_point now);

 private:
  Clock::duration every_;
  std::map<std::string, Clock::time_point> last_;  ///< as many as the policy has tunnels
};

}  // namespace vpn::agent::ctl
