#include "agent/state/captive_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"

namespace vpn::agent {
namespace {

namespace seen_event = captive_event;
using Phase = CaptiveLife::Phase;
using What = captive_event::Answered::What;

class Captive : public testing::Test {
 protected:
  Captive() { life_.used = true; }
  std::string after(const CaptiveEvent& event) {
    CaptiveStep next = step(life_, event);
    life_ = std::move(next.state);
    std::string out;
    for (const CaptiveAction& action : next.actions) out += (out.empty() ? "" : " ") + word(action);
    return out;
  }
  std::string network(const char* name) { return after(seen_event::NetworkSeen{name}); }
  std::string answer(What what) { return after(seen_event::Answered{what}); }
  void captive() {
    network("cafe");
    answer(What::captive);
    ASSERT_EQ(life_.phase, Phase::captive);
  }
  CaptiveLife life_;

 private:
  static std::string word(const CaptiveAction& action) {
    namespace act = captive_action;
    if (std::holds_alternative<act::Look>(action)) return "look";
    if (std::holds_alternative<act::StopLooking>(action)) return "stop";
    if (std::holds_alternative<act::LookLater>(action)) return "later";
    if (std::holds_alternative<act::StartWindow>(action)) return "window";
    if (std::holds_alternative<act::StopWindow>(action)) return "no-window";
    if (const auto* changed = std::get_if<act::Changed>(&action)) return changed->captive ? "captive" : "not-captive";
    return "tell";
  }
};

TEST_F(Captive, AFreeNetworkOpensNothing) {
  EXPECT_EQ(network("office"), "stop look");
  EXPECT_EQ(network("office"), "");
  EXPECT_EQ(answer(What::free), "");
  EXPECT_EQ(life_.phase, Phase::free);
  EXPECT_EQ(after(seen_event::LookDue{}), "");
}

TEST_F(Captive, APortalOpensTheWindowAndItsSuccessClosesIt) {
  network("cafe");
  EXPECT_EQ(answer(What::captive), "later window tell captive");
  EXPECT_EQ(after(seen_event::LookDue{}), "look");
  EXPECT_EQ(answer(What::unknown), "later") << "the portal may be busy";
  EXPECT_EQ(answer(What::captive), "later");
  EXPECT_EQ(answer(What::free), "no-window tell not-captive");
  EXPECT_EQ(answer(What::captive), "") << "a late word of an earlier question";
}

TEST_F(Captive, TheWindowClosesAfterItsTimeAndStaysClosedInThisNetwork) {
  captive();
  EXPECT_EQ(after(seen_event::WindowEnded{}), "stop tell no-window not-captive");
  EXPECT_EQ(network("cafe"), "");
  EXPECT_EQ(answer(What::captive), "");
  EXPECT_EQ(after(seen_event::TunnelUp{}), "");
  EXPECT_EQ(after(seen_event::TunnelLost{}), "");
  EXPECT_EQ(network("hotel"), "stop look");
}

TEST_F(Captive, AnotherNetworkClosesIt) {
  captive();
  EXPECT_EQ(network("office"), "stop look no-window not-captive");
  EXPECT_EQ(network(""), "stop");
  EXPECT_EQ(life_.phase, Phase::unused);
  EXPECT_EQ(network("office"), "stop look");
}

TEST_F(Captive, ATunnelThatComesUpIsASuccess) {
  captive();
  EXPECT_EQ(after(seen_event::TunnelUp{}), "stop no-window tell not-captive");
  EXPECT_EQ(after(seen_event::TunnelLost{}), "look") << "a portal's permission ends";
  EXPECT_EQ(answer(What::captive), "later window tell captive");
}

TEST_F(Captive, WhoDoesNotAnswerIsAskedAgainForSomeTimeAndOpensNothing) {
  network("office");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answer(What::unknown), "later") << i;
  EXPECT_EQ(answer(What::unknown), "");
  EXPECT_EQ(life_.phase, Phase::unknown);
}

TEST_F(Captive, WhatOthersHaveSeenIsWorthALookAndNoMore) {
  network("office");
  answer(What::free);
  EXPECT_EQ(after(seen_event::Hinted{}), "stop look");
  EXPECT_EQ(life_.phase, Phase::looking) << "nothing opens before the network has answered us";
  EXPECT_EQ(answer(What::captive), "later window tell captive");
  EXPECT_EQ(after(seen_event::Hinted{}), "stop look");
  EXPECT_EQ(life_.phase, Phase::captive);
  EXPECT_EQ(answer(What::free), "no-window tell not-captive");
  captive();
  network("hotel");
  answer(What::captive);
  after(seen_event::WindowEnded{});
  EXPECT_EQ(after(seen_event::Hinted{}), "") << "its time in this network is over";
  life_.used = false;
  network("");
  EXPECT_EQ(after(seen_event::Hinted{}), "");
}

TEST_F(Captive, NothingIsSentWhereNoRuleAsks) {
  life_.used = false;
  EXPECT_EQ(network("cafe"), "stop");
  EXPECT_EQ(after(seen_event::TunnelLost{}), "");
  life_.used = true;  // another policy
  EXPECT_EQ(network("cafe"), "stop look");
}

TEST(CaptiveUsed, OnlyWhereSomeAppMayUseIt) {
  const auto used = [](const std::function<void(test::PolicyMaker&)>& set) {
    test::PolicyMaker maker;
    set(maker);
    return captive_used(maker.make());
  };
  const auto sheet = [](test::PolicyMaker& m) { m.app("portal", {policy::Role::captive_websheet}); };
  const auto always_on = [](test::PolicyMaker& m) -> test::made::AlwaysOnT& {
    m.always_on_tunnel("A");
    return m.always_on();
  };
  EXPECT_FALSE(used([&](auto& m) { sheet(m), always_on(m); }));
  EXPECT_TRUE(used([&](auto& m) { sheet(m), always_on(m).captive_websheet = true; }));
  EXPECT_FALSE(used([&](auto& m) { always_on(m).captive_websheet = true; }));
  EXPECT_FALSE(used([&](auto& m) { sheet(m), always_on(m).captive_all = true; }));
  EXPECT_TRUE(used([&](auto& m) {
    m.app("plugin", {policy::Role::captive_plugin});
    always_on(m).captive_all = true;
  }));
  EXPECT_TRUE(used([&](auto& m) { m.app("plugin").captive_plugin = m.source("x"), always_on(m); }));
  EXPECT_TRUE(used([&](auto& m) { sheet(m), m.device("D").include_all = true; }));
  EXPECT_FALSE(used([&](auto& m) { sheet(m), m.device("D"); }));
  EXPECT_FALSE(used([&](auto& m) { m.device("D").include_all = true; }));
}

}  // namespace
}  // namespace vpn::agent
