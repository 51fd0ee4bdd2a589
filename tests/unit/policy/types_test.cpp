#include "policy/types.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace vpn::policy {
namespace {

template <class Enum>
void round_trip(std::initializer_list<Enum> values) {
  for (const Enum value : values) {
    Enum read = value == *values.begin() ? *(values.end() - 1) : *values.begin();
    EXPECT_TRUE(parse(to_string(value), read)) << to_string(value);
    EXPECT_EQ(read, value) << to_string(value);
  }
}

TEST(Types, EveryWordReadsBackAsItsValue) {
  round_trip({Verdict::tunnel, Verdict::direct, Verdict::proxy, Verdict::system, Verdict::drop, Verdict::accept});
  round_trip({Rule::S0,  Rule::S1a, Rule::S1b, Rule::S1c, Rule::S1d, Rule::S1e, Rule::S1f, Rule::S3,  Rule::S3a,
              Rule::S3b, Rule::S3c, Rule::S3d, Rule::S3e, Rule::S4,  Rule::S4e, Rule::S5,  Rule::S5a, Rule::S5b,
              Rule::S5c, Rule::S5d, Rule::S5e, Rule::S5f, Rule::S6b, Rule::S7,  Rule::S8});
  round_trip({TunnelStatus::invalid, TunnelStatus::disconnected, TunnelStatus::connecting, TunnelStatus::connected,
              TunnelStatus::reasserting, TunnelStatus::disconnecting});
  round_trip({InterfaceType::wifi, InterfaceType::cellular, InterfaceType::ethernet, InterfaceType::other});
  round_trip({Platform::ios, Platform::macos, Platform::visionos, Platform::tvos, Platform::watchos, Platform::linux});
  round_trip({Service::voicemail, Service::airprint, Service::cellular_services, Service::device_communication,
              Service::companion, Service::apns, Service::cellular_only});
  round_trip({Role::browser, Role::mail, Role::calendar, Role::contacts, Role::smb, Role::captive_websheet,
              Role::captive_plugin, Role::voicemail, Role::airprint, Role::cellular_services,
              Role::device_communication, Role::companion, Role::apns, Role::cellular_only});
}

TEST(Types, RulesBearTheNumbersOfTheSemantics) {
  EXPECT_EQ(to_string(Rule::S0), "S0");
  EXPECT_EQ(to_string(Rule::S1f), "S1.f");
  EXPECT_EQ(to_string(Rule::S3e), "S3.e");
  EXPECT_EQ(to_string(Rule::S4), "S4");
  EXPECT_EQ(to_string(Rule::S4e), "S4.e");
  EXPECT_EQ(to_string(Rule::S5c), "S5.c");
  EXPECT_EQ(to_string(Rule::S6b), "S6.b");
  EXPECT_EQ(to_string(Service::cellular_services), "cellular-services");
  EXPECT_EQ(to_string(Role::captive_websheet), "captive-websheet");
  EXPECT_EQ(to_string(Service::none), "none");
}

TEST(Types, UnknownWordsAreRefusedAndLeaveTheValueAlone) {
  for (const std::string word : {"", "none", "Tunnel", "tunnel ", "S9", "S5c", "invalid value"}) {
    Verdict verdict = Verdict::drop;
    Rule rule = Rule::S5f;
    Service service = Service::apns;
    Role role = Role::smb;
    EXPECT_FALSE(parse(word, verdict)) << word;
    EXPECT_FALSE(parse(word, rule)) << word;
    EXPECT_FALSE(parse(word, service)) << word;
    EXPECT_FALSE(parse(word, role)) << word;
    EXPECT_EQ(verdict, Verdict::drop);
    EXPECT_EQ(rule, Rule::S5f);
    EXPECT_EQ(service, Service::apns);
    EXPECT_EQ(role, Role::smb);
  }
}

TEST(Types, ValuesFromOutsideAnEnumerationHaveAName) {
  EXPECT_EQ(to_string(static_cast<Verdict>(200)), "invalid value");
  EXPECT_EQ(to_string(static_cast<Role>(0)), "invalid value");
  EXPECT_EQ(to_string(static_cast<Role>(3)), "invalid value");
  EXPECT_EQ(to_string(static_cast<Role>(1u << 30)), "invalid value");
}

}  // namespace
}  // namespace vpn::policy
