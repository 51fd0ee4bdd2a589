#include "agent/control/redaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"

namespace vpn::agent {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::span<const std::byte> secret(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

TEST(Redaction, FindsWhatReadsLikeANameOfSeveralLabels) {
  const Json tree = {
      {"log", {"cannot reach Intranet.Planted.example. (again)", "rule S3.e, 192.0.2.1, agent.yaml:3"}},
      {"a.b-c.example", {{"deep", {"x_y.example", "ssh.service", "2001:db8::1", "...", "-.-", "1.2.3"}}}},
      {"number", 4.5}};
  EXPECT_THAT(names_in(tree), ElementsAre("a.b-c.example", "intranet.planted.example", "x_y.example"));
}

TEST(Redaction, KeepsWhatThePolicyNamesAndTellsOthersApart) {
  const Json tree = {{"log", {"from VPN.example.com to a.planted.example, b.planted.example, A.planted.example"}}};
  Redaction what;
  what.kept = {"vpn.example.com"};
  EXPECT_EQ(redacted(tree, what)["log"][0], "from VPN.example.com to [name 1], [name 2], [name 1]");
}

TEST(Redaction, HidesSecretsWhereverTheyStand) {
  Redaction what;
  what.secrets = {secret("hunter2!"), secret("abc")};
  const Json tree = {{"hunter2!", "abc: 'hunter2!hunter2!'"}};
  EXPECT_EQ(redacted(tree, what), Json({{"[secret]", "abc: '[secret][secret]'"}}));
}

TEST(Redaction, LeavesTheMachinesNameOutOfFreeTexts) {
  Redaction what;
  what.machine = "wifi";
  const Json tree = {{"type", "wifi"}, {"log", {"wifi: WiFi is wifi-like"}}, {"reason", "at wifi."}};
  EXPECT_EQ(redacted(tree, what),
            Json({{"type", "wifi"}, {"log", {"[host]: [host] is wifi-like"}}, {"reason", "at [host]."}}));
}

TEST(Redaction, LeavesOtherThingsAlone) {
  const Json tree = {{"n", {1, 2.5, nullptr, true}}, {"t", "utun0 fe80::1%wlan0 10.0.0.0/8 (S4.b), a/b"}};
  EXPECT_EQ(redacted(tree, {}), tree);
}

TEST(Redaction, ThePolicySaysWhatItNames) {
  test::PolicyMaker maker;
  maker.app("com.example.Mail").roles = 1;
  maker.always_on_tunnel("A");
  maker.servers({"vpn.example.com"});
  const auto v = maker.per_app("P");
  maker.domains(test::made::ListKind::excluded, v, {"intranet.example.com", "*.cdn.example"});
  const policy::Policy policy = maker.make();
  const NameSet asked{"com.example.mail", "vpn.example.com",         "intranet.example.com", "cdn.example",
                      "example.com",      "planted.vpn.example.com", "made.mobileconfig",    "pn.example.com"};
  EXPECT_THAT(named_by(policy, asked),
              UnorderedElementsAre("com.example.mail", "vpn.example.com", "intranet.example.com", "cdn.example",
                                   "made.mobileconfig"));
  EXPECT_TRUE(named_by(policy, {}).empty());
}

}  // namespace
}  // namespace vpn::agent
