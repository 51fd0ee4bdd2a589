// Flows and verdicts as JSON (docs/cli.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/json/json.h"
#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::Owner;
using policy::parse_flow;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(FlowJson, EveryKey) {
  const auto flow = parse_flow(R"({"app": "com.example.mail", "spawned_by": "com.example.terminal", "uid": 1000,
    "protocol": "tcp", "remote": "203.0.113.80", "remote_port": 443, "local_port": 50000,
    "hostname": "mail.example.com", "scope": "wlan0", "service": "airprint", "direction": "in", "arrives_on": "utun0",
    "provider_of": "A#0", "role": "agent", "icmp_type": 3, "hop_limit": 64,
    "quotes": {"protocol": 17, "remote": "::1"}})");
  ASSERT_TRUE(flow) << flow.error().what;
  const policy::Flow& f = flow->flow;
  EXPECT_EQ(f.owner, Owner::app);
  EXPECT_EQ(f.app, "com.example.mail");
  EXPECT_EQ(f.spawned_by, "com.example.terminal");
  EXPECT_EQ(f.uid, 1000U);
  EXPECT_EQ(f.protocol, 6);
  EXPECT_EQ(f.remote, address("203.0.113.80"));
  EXPECT_EQ(f.remote_port, 443);
  EXPECT_EQ(f.local_port, 50000);
  EXPECT_EQ(f.hostname, "mail.example.com");
  EXPECT_EQ(f.scope, "wlan0");
  EXPECT_EQ(f.service, policy::Service::airprint);
  EXPECT_TRUE(f.incoming);
  EXPECT_EQ(f.arrives_on, "utun0");
  EXPECT_EQ(f.provider_of, "A#0");
  EXPECT_TRUE(f.agent);
  EXPECT_TRUE(f.has_icmp_type);
  EXPECT_EQ(f.icmp_type, 3);
  EXPECT_EQ(f.hop_limit, 64);
  ASSERT_NE(f.quoted, nullptr);
  EXPECT_EQ(f.quoted->protocol, 17);
  EXPECT_EQ(f.quoted->remote, address("::1"));
}

TEST(FlowJson, OnlyRemoteAndProtocolAreNeeded) {
  const auto flow = parse_flow(R"({"protocol": "udp", "remote": "::1"})");
  ASSERT_TRUE(flow);
  const policy::Flow& f = flow->flow;
  EXPECT_EQ(f.owner, Owner::other);
  EXPECT_EQ(f.uid, 0U);
  EXPECT_FALSE(f.incoming);
  EXPECT_FALSE(f.agent);
  EXPECT_FALSE(f.has_icmp_type);
  EXPECT_EQ(f.hop_limit, -1);
  EXPECT_FALSE(f.service);
  EXPECT_EQ(f.quoted, nullptr);
  EXPECT_FALSE(parse_flow(R"({"protocol": "udp"})"));
  EXPECT_FALSE(parse_flow(R"({"remote": "::1"})"));
}

TEST(FlowJson, NullIsAbsent) {
  const auto flow = parse_flow(R"({"protocol": "udp", "remote": "::1", "app": null, "uid": null, "quotes": null})");
  ASSERT_TRUE(flow);
  EXPECT_EQ(flow->flow.owner, Owner::other);
  EXPECT_FALSE(parse_flow(R"({"protocol": null, "remote": "::1"})"));
}

TEST(FlowJson, Owners) {
  const auto owner = [](const std::string& app) {
    return parse_flow(R"({"protocol": "udp", "remote": "::1", "app": ")" + app + "\"}")->flow.owner;
  };
  EXPECT_EQ(owner("other"), Owner::other);
  EXPECT_EQ(owner(""), Owner::other);
  EXPECT_EQ(owner("unattributed"), Owner::unattributed);
  EXPECT_EQ(owner("forwarded"), Owner::forwarded);
  EXPECT_EQ(owner("Other"), Owner::app);
}

TEST(FlowJson, ProtocolsByNameAndNumber) {
  const auto protocol = [](const std::string& text) -> int {
    const auto flow = parse_flow(R"({"remote": "::1", "protocol": )" + text + "}");
    return flow ? flow->flow.protocol : -1;
  };
  EXPECT_EQ(protocol(R"("tcp")"), 6);
  EXPECT_EQ(protocol(R"("icmpv6")"), 58);
  EXPECT_EQ(protocol(R"("igmp")"), 2);
  EXPECT_EQ(protocol("41"), 41);
  EXPECT_EQ(protocol("0"), 0);
  EXPECT_EQ(protocol("255"), 255);
  EXPECT_EQ(protocol(R"("132")"), 132);
  for (const char* bad : {"256", "-1", "6.0", R"("TCPP")", R"("")", R"("256")", R"("6 ")", "true", "[]", "{}"})
    EXPECT_EQ(protocol(bad), -1) << bad;
}

TEST(FlowJson, FaultsNameTheKey) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"remote": "300.1.1.1"})", "remote"},
      {R"({"remote": "fe80::1%wlan0"})", "remote"},
      {R"({"remote": 7})", "remote"},
      {R"({"remote_port": "443"})", "remote_port"},
      {R"({"remote_port": 65536})", "remote_port"},
      {R"({"local_port": -1})", "local_port"},
      {R"({"uid": 4294967296})", "uid"},
      {R"({"uid": 1e3})", "uid"},
      {R"({"uid": 18446744073709551615})", "uid"},
      {R"({"icmp_type": 256})", "icmp_type"},
      {R"({"hop_limit": 256})", "hop_limit"},
      {R"({"app": 1})", "app"},
      {R"({"direction": "up"})", "direction"},
      {R"({"role": "root"})", "role"},
      {R"({"service": "print"})", "service"},
      {R"({"service": "none"})", "service"},
      {R"({"quotes": 1})", "quotes"},
      {R"({"quotes": {"protocol": "tcp", "remote": "::1", "quotes": {"protocol": "tcp", "remote": "::1"}}})", "quotes"},
      {R"({"quotes": {"protocol": "tcp"}})", "remote"},
  };
  for (const auto& [text, key] : cases) {
    const std::string full = std::string(R"({"protocol": "tcp", )") +
                             (std::string_view(text).find("\"remote\":") < 3 ? "" : R"("remote": "::1", )") +
                             (text + 1);
    const auto flow = parse_flow(full);
    ASSERT_FALSE(flow) << full;
    EXPECT_THAT(flow.error().what, HasSubstr("'" + std::string(key) + "'")) << full;
  }
}

TEST(FlowJson, WhatIsNoFlow) {
  for (const char* text : {"", " ", "[]", "7", "null", "{", R"({"protocol": "tcp", "remote": "::1"}x)", "\xff",
                           R"({"protocol": "tcp" "remote": "::1"})"})
    EXPECT_FALSE(parse_flow(text)) << text;
}

TEST(FlowJson, UnknownKeysAreLeftAloneAndTold) {
  std::vector<std::string> unknown;
  const auto flow = parse_flow(
      R"({"protocol": "tcp", "remote": "::1", "remote_prot": 1, "quotes": {"protocol": "tcp", "remote": "::1", "x": 1}})",
      &unknown);
  ASSERT_TRUE(flow);
  EXPECT_THAT(unknown, ElementsAre("remote_prot", "x"));
}

TEST(FlowJson, DeepNestingIsRefused) {
  EXPECT_FALSE(parse_flow(std::string(100'000, '[')));
  EXPECT_FALSE(parse_flow(R"({"x":)" + std::string(100'000, '[')));
  std::string nested = R"({"protocol": "tcp", "remote": "::1", "x": )";
  for (int i = 0; i < 1000; ++i) nested += "[";
  for (int i = 0; i < 1000; ++i) nested += "]";
  EXPECT_FALSE(parse_flow(nested + "}"));
  EXPECT_TRUE(parse_flow(R"({"protocol": "tcp", "remote": "::1", "x": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["})"));
}

TEST(FlowJson, MovedFlowKeepsItsTexts) {
  auto flow = parse_flow(
      R"({"protocol": "tcp", "remote": "::1", "app": "a", "quotes": {"protocol": "tcp", "remote": "::1", "app": "b"}})");
  ASSERT_TRUE(flow);
  const policy::FlowText moved = std::move(*flow);
  EXPECT_EQ(moved.flow.app, "a");
  EXPECT_EQ(moved.flow.quoted->app, "b");
}

TEST(ProtocolName, RoundTrip) {
  for (int number = 0; number < 256; ++number) {
    std::uint8_t back = 0;
    ASSERT_TRUE(policy::parse_protocol(policy::protocol_name(static_cast<std::uint8_t>(number)), back));
    EXPECT_EQ(back, number);
  }
}

// --- Verdicts ---

TEST(VerdictJson, ShapeToTheLetter) {
  PolicyMaker maker;
  maker.always_on_tunnel("0C6E1B1E#0");
  const policy::Policy policy = maker.make();
  const policy::Situation situation(policy, on_wifi());
  const std::uint32_t line = maker.body.always_on->tunnels[0]->source + 1;
  EXPECT_EQ(policy::verdict_json(policy, decide(situation, F("tcp", "203.0.113.80", 443))),
            R"({"verdict":"drop","tunnel":"0C6E1B1E#0","rule":"S3.e","source":{"file":"made.mobileconfig","line":)" +
                std::to_string(line) + R"(,"column":5,"path":"TunnelConfigurations[0]"}})");
  EXPECT_EQ(policy::verdict_json(policy, decide(situation, F("tcp", "127.0.0.1", 443))),
            R"({"verdict":"system","rule":"S0","source":null})");
}

TEST(VerdictJson, TextsAreEscaped) {
  PolicyMaker maker;
  maker.body.files = {"a \"b\"\n.mobileconfig"};
  maker.always_on_tunnel("x\"y");
  const policy::Policy policy = maker.make();
  const std::string text =
      policy::verdict_json(policy, decide(policy::Situation(policy, on_wifi()), F("tcp", "9.9.9.9")));
  EXPECT_THAT(text, HasSubstr(R"("tunnel":"x\"y")"));
  EXPECT_THAT(text, HasSubstr(R"("file":"a \"b\"\n.mobileconfig")"));
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace vpn::test
