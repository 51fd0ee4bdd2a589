// Device states as JSON (docs/cli.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/json/json.h"
#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::InterfaceType;
using policy::parse_state;
using policy::TunnelStatus;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(StateJson, EveryKey) {
  const auto state = parse_state(R"({"primary_interface": "wlan0",
    "interfaces": [{"name": "wlan0", "type": "wifi", "ssid": "Corp", "addresses": ["192.168.1.20/24", "fe80::1/64"],
                    "dns_servers": ["192.168.1.1"], "search_domains": ["corp.example.com"], "dhcp_server": "192.168.1.2"}],
    "system_routes": [{"destination": "10.9.0.0/16", "interface": "wlan0"}],
    "captive": true, "probing": true, "nat64_prefix": "2001:db8:64::/96",
    "tunnels": {"0C6E1B1E": {"status": "connected", "interface": "utun0",
      "endpoints": [{"address": "203.0.113.5", "protocol": "udp", "port": 4500}, {"address": "203.0.113.6", "protocol": 50}],
      "included_routes": ["0.0.0.0/0"], "excluded_routes": ["10.1.2.3"]}},
    "url_probes": {"https://probe.example.com/": 200}})");
  ASSERT_TRUE(state) << state.error().what;
  EXPECT_EQ(state->primary_interface, "wlan0");
  ASSERT_EQ(state->interfaces.size(), 1U);
  const policy::InterfaceState& i = state->interfaces[0];
  EXPECT_EQ(i.type, InterfaceType::wifi);
  EXPECT_EQ(i.ssid, "Corp");
  ASSERT_EQ(i.addresses.size(), 2U);
  EXPECT_EQ(i.addresses[0], std::pair(address("192.168.1.20"), std::uint8_t{24}));
  EXPECT_THAT(i.dns_servers, ElementsAre(address("192.168.1.1")));
  EXPECT_THAT(i.search_domains, ElementsAre("corp.example.com"));
  EXPECT_EQ(i.dhcp_server, address("192.168.1.2"));
  ASSERT_EQ(state->system_routes.size(), 1U);
  EXPECT_EQ(state->system_routes[0].destination, prefix("10.9.0.0/16"));
  EXPECT_TRUE(state->captive);
  EXPECT_TRUE(state->probing);
  EXPECT_EQ(state->nat64, prefix("2001:db8:64::/96"));
  ASSERT_EQ(state->tunnels.size(), 1U);
  const policy::TunnelState& t = state->tunnels[0];
  EXPECT_EQ(t.id, "0C6E1B1E");
  EXPECT_EQ(t.status, TunnelStatus::connected);
  EXPECT_EQ(t.interface, "utun0");
  ASSERT_EQ(t.endpoints.size(), 2U);
  EXPECT_EQ(t.endpoints[0].port, 4500);
  EXPECT_EQ(t.endpoints[1].protocol, 50);
  EXPECT_EQ(t.endpoints[1].port, 0);
  EXPECT_THAT(t.included_routes, ElementsAre(prefix("0.0.0.0/0")));
  EXPECT_THAT(t.excluded_routes, ElementsAre(prefix("10.1.2.3/32")));
  EXPECT_EQ(state->url_probes.at("https://probe.example.com/"), 200);
}

TEST(StateJson, AllKeysAreOptional) {
  const auto state = parse_state("{}");
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->primary_interface.empty());
  EXPECT_TRUE(state->interfaces.empty());
  EXPECT_FALSE(state->captive);
  const auto bare = parse_state(R"({"interfaces": [{"name": "x"}], "tunnels": {"T": {}}})");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->interfaces[0].type, InterfaceType::other);
  EXPECT_EQ(bare->tunnels[0].status, TunnelStatus::disconnected);
}

TEST(StateJson, HostBitsOfPrefixesDoNotMatter) {
  const auto state = parse_state(R"({"system_routes": [{"destination": "10.9.8.7/16"}]})");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->system_routes[0].destination, prefix("10.9.0.0/16"));
}

TEST(StateJson, FaultsNameTheKey) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"primary_interface": 1})", "primary_interface"},
      {R"({"interfaces": {}})", "interfaces"},
      {R"({"interfaces": ["wlan0"]})", "interfaces"},
      {R"({"interfaces": [{"type": "wifi"}]})", "interfaces[].name"},
      {R"({"interfaces": [{"name": "x", "type": "lan"}]})", "interfaces[].type"},
      {R"({"interfaces": [{"name": "x", "addresses": ["10.0.0.1/33"]}]})", "addresses"},
      {R"({"interfaces": [{"name": "x", "addresses": ["10.0.0.1/"]}]})", "addresses"},
      {R"({"interfaces": [{"name": "x", "addresses": [7]}]})", "addresses"},
      {R"({"interfaces": [{"name": "x", "dns_servers": ["dns.example.com"]}]})", "dns_servers"},
      {R"({"interfaces": [{"name": "x", "search_domains": "a"}]})", "search_domains"},
      {R"({"interfaces": [{"name": "x", "dhcp_server": "y"}]})", "dhcp_server"},
      {R"({"system_routes": [{"interface": "wlan0"}]})", "system_routes[].destination"},
      {R"({"system_routes": ["10.0.0.0/8"]})", "system_routes[].destination"},
      {R"({"captive": 1})", "captive"},
      {R"({"probing": "yes"})", "probing"},
      {R"({"tunnels": []})", "tunnels"},
      {R"({"tunnels": {"T": "connected"}})", "tunnels"},
      {R"({"tunnels": {"T": {"status": "up"}}})", "tunnels.T.status"},
      {R"({"tunnels": {"T": {"endpoints": [{"address": "1.2.3.4"}]}}})", "endpoints"},
      {R"({"tunnels": {"T": {"endpoints": [{"protocol": "udp"}]}}})", "endpoints"},
      {R"({"tunnels": {"T": {"included_routes": ["default"]}}})", "included_routes"},
      {R"({"tunnels": {"T": {}, "t": {}}})", "tunnels"},
      {R"({"url_probes": {"https://x/": "200"}})", "url_probes"},
      {R"({"url_probes": {"https://x/": 99999999999999999999}})", "url_probes"},
      {R"({"nat64_prefix": "10.0.0.0/8"})", "nat64_prefix"},
      {R"({"nat64_prefix": "2001:db8::/95"})", "nat64_prefix"},
  };
  for (const auto& [text, key] : cases) {
    const auto state = parse_state(text);
    ASSERT_FALSE(state) << text;
    EXPECT_THAT(state.error().what, HasSubstr("'" + std::string(key))) << text;
  }
}

TEST(StateJson, WhatIsNoState) {
  for (const char* text : {"", "[]", "null", "{", "\xff"}) EXPECT_FALSE(parse_state(text)) << text;
  EXPECT_FALSE(parse_state(std::string(100'000, '[')));
}

TEST(StateJson, UnknownKeysAreLeftAloneAndTold) {
  std::vector<std::string> unknown;
  ASSERT_TRUE(parse_state(R"({"primary": 1, "interfaces": [{"name": "x", "typ": 1}], "tunnels": {"T": {"up": 1,
    "endpoints": [{"address": "1.2.3.4", "protocol": "udp", "prot": 1}]}}})",
                          &unknown));
  EXPECT_THAT(unknown, testing::UnorderedElementsAre("primary", "interfaces[].typ", "tunnels.T.up",
                                                     "tunnels.*.endpoints[].prot"));
}

TEST(StateJson, StrangeTunnelsAreTold) {
  PolicyMaker maker;
  maker.device("D");
  EXPECT_THAT(policy::strange_tunnels(maker.make(), on_wifi().up("d", "utun0").up("E", "utun1")), ElementsAre("E"));
  EXPECT_TRUE(policy::strange_tunnels(PolicyMaker().make(), S()).empty());
}

}  // namespace
}  // namespace vpn::test
