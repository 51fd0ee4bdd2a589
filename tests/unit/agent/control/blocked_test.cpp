#include "agent/control/ctl/blocked.h"

#include <gtest/gtest.h>

namespace vpn::agent::ctl {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

TEST(Blocked, ForLackOfATunnelOnly) {
  for (const char* rule : {"S3.d", "S3.e", "S4.e", "S5.f", "S6.b"}) {
    EXPECT_TRUE(is_blocked_for_lack_of_a_tunnel({{"rule", rule}, {"direction", "out"}})) << rule;
    EXPECT_FALSE(is_blocked_for_lack_of_a_tunnel({{"rule", rule}, {"direction", "in"}})) << rule;
  }
  for (const char* rule : {"S0", "S3.b", "S4", "none"})
    EXPECT_FALSE(is_blocked_for_lack_of_a_tunnel({{"rule", rule}, {"direction", "out"}})) << rule;
  for (const char* odd : {"null", "[]", "{}", R"({"rule": 3, "direction": "out"})"})
    EXPECT_FALSE(is_blocked_for_lack_of_a_tunnel(Json::parse(odd))) << odd;
}

TEST(Blocked, OnceInAWhileForEachTunnel) {
  OnceInAWhile once{seconds(60)};
  const OnceInAWhile::Clock::time_point start{};
  EXPECT_TRUE(once.is_due("A", start));
  EXPECT_TRUE(once.is_due("B", start + seconds(1)));
  EXPECT_FALSE(once.is_due("A", start + seconds(59)));
  EXPECT_TRUE(once.is_due("A", start + seconds(60)));
  EXPECT_FALSE(once.is_due("A", start + seconds(61)));
}

}  // namespace
}  // namespace vpn::agent::ctl
