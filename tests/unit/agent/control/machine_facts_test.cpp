#include "agent/control/machine_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vpn::agent {
namespace {

Result<MachineFacts> parse(const std::string& text) {
  return parse_machine_facts(nlohmann::json::parse(text, nullptr, false));
}

TEST(MachineFacts, WhatIsTold) {
  const auto facts = parse(R"({"asleep": true, "portal": "there",
      "networks": {"wlan0": {"ssid": "Corp", "type": "wifi", "search_domains": ["corp.example"]}, "eth0": {}}})");
  ASSERT_TRUE(facts);
  EXPECT_TRUE(facts->asleep);
  EXPECT_EQ(facts->portal, MachineFacts::Portal::there);
  EXPECT_EQ(facts->networks.at("wlan0").ssid, "Corp");
  EXPECT_EQ(facts->networks.at("wlan0").type, policy::InterfaceType::wifi);
  EXPECT_THAT(facts->networks.at("wlan0").search_domains, testing::ElementsAre("corp.example"));
  EXPECT_EQ(facts->networks.at("eth0"), ResolverFacts{});
  EXPECT_EQ(*parse("{}"), MachineFacts{});
}

TEST(MachineFacts, WhatIsNoneIsRefusedAsAWhole) {
  const std::string many(256, 'x');
  for (const std::string& bad : std::vector<std::string>{
           "null", "[]", "7", "{", R"({"asleep": 1})", R"({"portal": "open"})", R"({"portal": true})",
           R"({"networks": []})", R"({"networks": {"wlan0": []}})", R"({"networks": {"": {}}})",
           R"({"networks": {"a-name-too-long-for-it": {}}})", R"({"networks": {"wlan0": {"ssid": 7}}})",
           R"({"networks": {"wlan0": {"dns_servers": ["192.0.2.1"]}}})",
           R"({"networks": {"wlan0": {"search_domains": "corp.example"}}})",
           R"({"networks": {"wlan0": {"search_domains": [7]}}})", R"({"networks": {"wlan0": {"type": "modem"}}})",
           R"({"networks": {"wlan0": {"type": 2}}})", R"({"routes": []})",
           R"({"networks": {"wlan0": {"search_domains": [")" + many + R"("]}}})"}) {
    const auto facts = parse(bad);
    ASSERT_FALSE(facts) << bad;
    EXPECT_EQ(facts.error().kind, ErrorKind::usage);
  }
}

// Or whoever names a network would decide whether it is known that the machine sleeps.
TEST(MachineFacts, AnyNetworksNameLeavesTheRest) {
  for (const std::string& name : {std::string("a\\u0000b"), std::string(33, 'x')}) {
    const auto facts = parse(
        R"({"asleep": true, "networks": {"wlan0": {"search_domains": ["corp.example"], "ssid": ")" + name + R"("}}})");
    ASSERT_TRUE(facts) << name;
    EXPECT_TRUE(facts->asleep);
    EXPECT_EQ(facts->networks.at("wlan0").ssid, "");
    EXPECT_THAT(facts->networks.at("wlan0").search_domains, testing::ElementsAre("corp.example"));
  }
}

TEST(MachineFacts, ThereIsAnEnd) {
  nlohmann::json domains = nlohmann::json::array(), networks = nlohmann::json::object();
  for (int i = 0; i < 65; ++i) domains.push_back("example");
  EXPECT_FALSE(parse_machine_facts({{"networks", {{"wlan0", {{"search_domains", domains}}}}}}));
  for (int i = 0; i < 257; ++i) networks["e" + std::to_string(i)] = nlohmann::json::object();
  EXPECT_FALSE(parse_machine_facts({{"networks", networks}}));
}

}  // namespace
}  // namespace vpn::agent
