// "Domain match" and "Lookups", seen through S4.b and S4.c.
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using made::ListKind;
using policy::Role;

class DomainMatch : public testing::Test {
 protected:
  DomainMatch() : v(maker.per_app("V")) {
    maker.app("com.example.mail").governed.insert(v);
    maker.domains(ListKind::excluded, v, {"example.com", "*.example.net", "xn--bro-hoa.example", "a.b.c.example.org"});
    state.up("V", "utun0");
  }
  bool excluded(std::string_view host) {
    const policy::Policy policy = maker.make();
    const F flow = F("tcp", "203.0.113.80", 443).by("com.example.mail").to(host);
    return decide(policy::Situation(policy, state), flow).rule == policy::Rule::S8;
  }
  PolicyMaker maker;
  std::uint32_t v;
  S state = on_wifi();
};

TEST_F(DomainMatch, NameMatchesItselfAndEveryNameBelow) {
  EXPECT_TRUE(excluded("example.com"));
  EXPECT_TRUE(excluded("www.example.com"));
  EXPECT_TRUE(excluded("a.b.c.d.example.com"));
  EXPECT_FALSE(excluded("com"));
}

TEST_F(DomainMatch, StarMatchesOnlyBelow) {
  EXPECT_FALSE(excluded("example.net"));
  EXPECT_TRUE(excluded("www.example.net"));
  EXPECT_TRUE(excluded("a.b.example.net"));
}

TEST_F(DomainMatch, NeverAcrossALabelBoundary) {
  EXPECT_FALSE(excluded("badexample.com"));
  EXPECT_FALSE(excluded("xexample.net"));
  EXPECT_FALSE(excluded("example.com.evil.org"));
  EXPECT_FALSE(excluded("example.community"));
}

TEST_F(DomainMatch, CaseAndTrailingDotDoNotMatter) {
  EXPECT_TRUE(excluded("EXAMPLE.com"));
  EXPECT_TRUE(excluded("www.Example.Com."));
  EXPECT_FALSE(excluded("example.com..")) << "no name";
}

TEST_F(DomainMatch, ALabelsAndULabelsAreOne) {
  EXPECT_TRUE(excluded("xn--bro-hoa.example"));
  EXPECT_TRUE(excluded("b\u00fcro.example"));
  EXPECT_TRUE(excluded("B\u00dcRO.example"));
  EXPECT_TRUE(excluded("x.b\u00fcro.example"));
}

TEST_F(DomainMatch, WhatIsNoNameMatchesNothing) {
  for (const char* host : {"", ".", "..", "example..com", ".example.com", "exa mple.com", "-", "\xff.example.com"})
    EXPECT_FALSE(excluded(host)) << host;
  EXPECT_FALSE(excluded(std::string(300, 'a') + ".example.com"));
  EXPECT_FALSE(excluded("203.0.113.80"));
}

TEST_F(DomainMatch, MoreSpecificEntriesAddUp) {
  const std::uint32_t w = maker.per_app("W");
  maker.app("a.browser", {Role::browser});
  maker.domains(ListKind::safari, w, {"intern.example.com"});
  maker.domains(ListKind::safari, v, {"example.com"});
  state.up("W", "utun1");
  const auto browser = [&](std::string_view host) {
    return says(maker.make(), state, F("tcp", "203.0.113.80", 443).by("a.browser").to(host));
  };
  EXPECT_EQ(browser("x.intern.example.com"), "tunnel S4.e W @ PerApp.W") << "V excludes example.com, W holds";
  EXPECT_EQ(browser("example.com"), "system S8");
}

TEST_F(DomainMatch, ClassThatTheCallerFoundIsTaken) {
  const policy::Policy policy = maker.make();
  const policy::Situation situation(policy, state);
  F flow = F("tcp", "203.0.113.80", 443).by("com.example.mail").to("www.example.com");
  flow.domain = policy.domains().lookup("www.example.com");
  EXPECT_EQ(says(policy, decide(situation, flow)), "system S8");
  flow.domain = 0;
  EXPECT_EQ(says(policy, decide(situation, flow)), "tunnel S4.e V @ PerApp.V");
  flow.domain = 1'000'000;  // of another policy
  EXPECT_EQ(says(policy, decide(situation, flow)), "tunnel S4.e V @ PerApp.V");
}

// --- Lookups ---

class Lookups : public DomainMatch {
 protected:
  std::string says(const policy::Flow& flow) { return test::says(maker.make(), state, flow); }
};

TEST_F(Lookups, ToAResolverOnLoopbackIsS0LikeAnyOther) {
  EXPECT_EQ(says(F("udp", "127.0.0.53", 53).by("com.example.mail")), "system S0");
}

TEST_F(Lookups, OnBehalfOfAnAppIsJudgedAsIfThatAppHadSentItForTheNameItAsked) {
  EXPECT_EQ(says(F("udp", "192.168.1.1", 53).by("com.example.mail").to("intern.example.org")),
            "tunnel S4.e V @ PerApp.V");
  EXPECT_EQ(says(F("udp", "192.168.1.1", 53).by("com.example.mail").to("www.example.com")), "system S8");
  EXPECT_EQ(says(F("udp", "192.168.1.1", 53).by("other").to("intern.example.org")), "system S8");
}

TEST_F(Lookups, OfAGovernedAppElsewhereAreJudgedByTheRules) {
  for (const int port : {53, 853}) {
    EXPECT_EQ(says(F("udp", "9.9.9.9", port).by("com.example.mail")), "tunnel S4.e V @ PerApp.V");
    state.tunnels[0].status = policy::TunnelStatus::connecting;
    EXPECT_EQ(says(F("tcp", "192.168.1.1", port).by("com.example.mail")), "drop S4.e V @ PerApp.V");
    state.tunnels[0].status = policy::TunnelStatus::connected;
  }
}

}  // namespace
}  // namespace vpn::test
