#include "agent/state/tunnel_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::agent {
namespace {

using policy::TunnelStatus;
namespace act = tunnel_action;
namespace ev = tunnel_event;

// What was asked for, as words in their order.
std::vector<std::string> words(const std::vector<TunnelAction>& actions) {
  struct Word {
    std::string operator()(const act::Connect&) const { return "connect"; }
    std::string operator()(const act::Disconnect&) const { return "disconnect"; }
    std::string operator()(const act::StartRetry& a) const { return "retry " + std::to_string(a.after.count()); }
    std::string operator()(const act::StopRetry&) const { return "stop-retry"; }
    std::string operator()(const act::StatusChanged& a) const {
      return std::string(to_string(a.from)) + " > " + std::string(to_string(a.to));
    }
    std::string operator()(const act::SettingsChanged&) const { return "settings"; }
    std::string operator()(const act::Tell&) const { return "tell"; }
  };
  std::vector<std::string> out;
  for (const TunnelAction& a : actions) out.push_back(std::visit(Word{}, a));
  return out;
}

ProviderReport report(TunnelStatus status, std::string interface = {}, bool deliberate = false) {
  ProviderReport r;
  r.status = status;
  r.deliberate = deliberate;
  r.settings.interface = std::move(interface);
  if (!r.settings.interface.empty()) r.settings.included_routes = {*policy::Prefix::parse("10.0.0.0/8")};
  return r;
}

// A tunnel that is driven by events; keeps what the last one asked for.
struct Driven {
  TunnelLife life;
  std::vector<std::string> did;
  template <class E>
  Driven& operator()(E event) {
    TunnelStep next = step(life, event);
    life = std::move(next.state);
    did = words(next.actions);
    return *this;
  }
  Driven& up() {
    (*this)(ev::UnderlayChanged{true})(ev::Want{});
    (*this)(ev::Reported{report(TunnelStatus::connecting), 0});
    return (*this)(ev::Reported{report(TunnelStatus::connected, "tun0"), 7});
  }
};

TEST(TunnelLife, ConnectsWhenWantedAndThereIsANetwork) {
  Driven t;
  t(ev::Want{});
  EXPECT_THAT(t.did, testing::ElementsAre("disconnected > connecting"));  // S5: engaged at once
  t(ev::UnderlayChanged{true});
  EXPECT_THAT(t.did, testing::ElementsAre("connect"));
  t(ev::Reported{report(TunnelStatus::connecting), 0});
  EXPECT_THAT(t.did, testing::IsEmpty());
  t(ev::Reported{report(TunnelStatus::connected, "tun0"), 7});
  EXPECT_THAT(t.did, testing::ElementsAre("connecting > connected", "settings"));
  EXPECT_TRUE(t.life.was_up);
}

TEST(TunnelLife, AProxyNeedsNoInterface) {
  Driven t;
  t(ev::UnderlayChanged{true})(ev::Want{});
  ProviderReport there = report(TunnelStatus::connected);
  there.settings.proxy.emplace().port = 1080;
  t(ev::Reported{there, 0});
  EXPECT_THAT(t.did, testing::ElementsAre("connecting > connected", "settings"));
  there.settings.proxy->port = 1081;
  t(ev::Reported{there, 0});
  EXPECT_THAT(t.did, testing::ElementsAre("settings")) << "the new place counts";
  EXPECT_EQ(t.life.report.settings.proxy->port, 1081);
  t(ev::Reported{report(TunnelStatus::disconnected), 0});
  EXPECT_THAT(t.did, testing::ElementsAre("connected > reasserting", "settings", "retry 1000"));
  t(ev::Reported{report(TunnelStatus::connected), 0});
  EXPECT_THAT(t.did, testing::IsEmpty()) << "connected by nothing";
}

TEST(TunnelLife, ASecondWishChangesNothing) {
  Driven t;
  t.up()(ev::Want{});
  EXPECT_THAT(t.did, testing::IsEmpty());
}

TEST(TunnelLife, IsNotConnectedBeforeItsInterfaceIsThere) {
  Driven t;
  t(ev::UnderlayChanged{true})(ev::Want{})(ev::Reported{report(TunnelStatus::connected, "tun0"), 0});
  EXPECT_EQ(t.life.status, TunnelStatus::connecting);
  EXPECT_FALSE(t.life.was_up);
  t(ev::InterfaceSeen{7});
  EXPECT_THAT(t.did, testing::ElementsAre("connecting > connected", "settings"));
  EXPECT_TRUE(t.life.was_up);
}

TEST(TunnelLife, TriesAgainMoreAndMoreSlowly) {
  Driven t;
  t(ev::UnderlayChanged{true})(ev::Want{});
  for (const char* expected :
       {"retry 1000", "retry 2000", "retry 4000", "retry 8000", "retry 16000", "retry 30000", "retry 30000"}) {
    t(ev::Reported{report(TunnelStatus::disconnected), 0});
    EXPECT_THAT(t.did, testing::ElementsAre(expected));
    EXPECT_EQ(t.life.status, TunnelStatus::connecting);
    t(ev::RetryDue{});
    EXPECT_THAT(t.did, testing::ElementsAre("connect"));
  }
}

TEST(TunnelLife, AFaultIsNeverDisconnected) {
  Driven t;
  t.up()(ev::Reported{report(TunnelStatus::disconnected), 0});
  EXPECT_THAT(t.did, testing::ElementsAre("connected > reasserting", "retry 1000"));
  // S6.b: what was included stays so.
  EXPECT_EQ(t.life.report.settings.included_routes.size(), 1u);
  EXPECT_EQ(t.life.report.settings.interface, "tun0");
  t(ev::RetryDue{})(ev::Reported{report(TunnelStatus::connecting), 0});
  EXPECT_EQ(t.life.status, TunnelStatus::reasserting);
  t(ev::Reported{report(TunnelStatus::connected, "tun1"), 9});
  EXPECT_THAT(t.did, testing::ElementsAre("reasserting > connected", "settings"));
  EXPECT_EQ(t.life.failures, 0u);
}

TEST(TunnelLife, ALostProviderIsReasserting) {
  Driven t;
  t.up()(ev::ProviderLost{"killed"});
  EXPECT_THAT(t.did, testing::ElementsAre("connected > reasserting", "tell", "retry 1000"));
}

TEST(TunnelLife, ALostProviderOfATunnelThatIsDownSaysSoOnly) {
  Driven t;
  t(ev::ProviderLost{"killed"});
  EXPECT_THAT(t.did, testing::ElementsAre("tell"));
  EXPECT_EQ(t.life.status, TunnelStatus::disconnected);
}

TEST(TunnelLife, ALostInterfaceIsReassertingUntilItIsBack) {
  Driven t;
  t.up()(ev::InterfaceSeen{0});
  EXPECT_THAT(t.did, testing::ElementsAre("connected > reasserting", "settings", "tell", "retry 500"));
  t(ev::InterfaceSeen{12});
  EXPECT_THAT(t.did, testing::ElementsAre("reasserting > connected", "settings", "stop-retry"));
  t(ev::InterfaceSeen{12});
  EXPECT_THAT(t.did, testing::IsEmpty());
}

TEST(TunnelLife, AnotherInterfaceOfTheSameNameMakesNewTables) {
  Driven t;
  t.up()(ev::InterfaceSeen{12});
  EXPECT_THAT(t.did, testing::ElementsAre("settings"));
}

TEST(TunnelLife, ARoamIsForTheProviderToReport) {
  Driven t;
  t.up()(ev::UnderlayChanged{true});
  EXPECT_THAT(t.did, testing::ElementsAre("connect"));
  EXPECT_EQ(t.life.status, TunnelStatus::connected);
  t(ev::Reported{report(TunnelStatus::reasserting, "tun0"), 7});
  EXPECT_THAT(t.did, testing::ElementsAre("connected > reasserting"));
}

TEST(TunnelLife, WithoutANetworkNothingIsTried) {
  Driven t;
  t.up()(ev::Reported{report(TunnelStatus::disconnected), 0})(ev::UnderlayChanged{false});
  EXPECT_THAT(t.did, testing::ElementsAre("stop-retry"));
  EXPECT_EQ(t.life.status, TunnelStatus::reasserting);
  t(ev::Reported{report(TunnelStatus::disconnected), 0});
  EXPECT_THAT(t.did, testing::IsEmpty());
  t(ev::UnderlayChanged{true});
  EXPECT_THAT(t.did, testing::ElementsAre("connect"));
}

TEST(TunnelLife, OnlyAUserOrAnAdministratorDisconnects) {
  Driven t;
  t.up()(ev::Unwant{});
  EXPECT_THAT(t.did, testing::ElementsAre("connected > disconnecting", "disconnect", "retry 500"));
  t(ev::RetryDue{});
  EXPECT_THAT(t.did, testing::ElementsAre("disconnect", "retry 500"));
  t(ev::Reported{report(TunnelStatus::connected, "tun0"), 7});  // it had not read our wish yet
  EXPECT_EQ(t.life.status, TunnelStatus::disconnecting);
  t(ev::Reported{report(TunnelStatus::disconnected), 0});
  EXPECT_THAT(t.did, testing::ElementsAre("disconnecting > disconnected", "settings", "stop-retry"));
  t(ev::Unwant{});
  EXPECT_THAT(t.did, testing::IsEmpty());
}

TEST(TunnelLife, AUserOfTheProvidersOwnClientDisconnectsToo) {
  Driven t;
  t.up()(ev::Reported{report(TunnelStatus::disconnected, {}, true), 0});
  EXPECT_EQ(t.life.status, TunnelStatus::disconnected);
  EXPECT_FALSE(t.life.wanted);
}

TEST(TunnelLife, AWishInTheMiddleOfDisconnectingConnects) {
  Driven t;
  t.up()(ev::Unwant{})(ev::Want{});
  EXPECT_THAT(t.did, testing::ElementsAre("disconnecting > connected", "stop-retry", "connect"));
}

TEST(TunnelLife, GivingUpBeforeItWasUp) {
  Driven t;
  t(ev::UnderlayChanged{true})(ev::Want{})(ev::Unwant{});
  // The provider was asked to connect: it is asked to stop, though nothing is up that verdicts would see.
  EXPECT_THAT(t.did, testing::ElementsAre("connecting > disconnected", "disconnect", "retry 500"));
  t(ev::RetryDue{});
  EXPECT_THAT(t.did, testing::IsEmpty());
}

TEST(TunnelLife, WhatIsUpAlreadyIsAdopted) {
  Driven t;
  t(ev::Reported{report(TunnelStatus::connected, "tun0"), 7});
  EXPECT_THAT(t.did, testing::ElementsAre("disconnected > connected", "settings"));
  EXPECT_TRUE(t.life.wanted);
}

TEST(TunnelLife, AConfigurationThatCannotBeUsedBlocksWhileItIsWanted) {
  Driven t;
  t(ev::Reported{report(TunnelStatus::invalid), 0});
  EXPECT_EQ(t.life.status, TunnelStatus::invalid);
  t(ev::UnderlayChanged{true})(ev::Want{});
  EXPECT_THAT(t.did, testing::ElementsAre("invalid > connecting"));
  EXPECT_EQ(t.life.status, TunnelStatus::connecting);
}

TEST(TunnelLife, AnInvalidReportDoesNotOpenATunnelThatWasUp) {
  Driven t;
  t.up()(ev::Reported{report(TunnelStatus::invalid), 0});
  EXPECT_EQ(t.life.status, TunnelStatus::reasserting);
}

TEST(TunnelLife, OtherEndpointsMakeNewTables) {
  Driven t;
  t.up();
  ProviderReport r = t.life.report;
  r.settings.endpoints = {{*policy::Address::parse("203.0.113.5"), 17, 4500}};
  t(ev::Reported{r, 7});
  EXPECT_THAT(t.did, testing::ElementsAre("settings"));
  t(ev::Reported{r, 7});
  EXPECT_THAT(t.did, testing::IsEmpty());
}

// Whatever happens: a tunnel that was up and is wanted is never seen as disconnected or invalid, which would open S5.
TEST(TunnelLife, NoOrderOfFaultsOpens) {
  const std::vector<TunnelEvent> faults = {ev::Reported{report(TunnelStatus::disconnected), 0},
                                           ev::Reported{report(TunnelStatus::invalid), 0},
                                           ev::Reported{report(TunnelStatus::disconnecting), 0},
                                           ev::Reported{report(TunnelStatus::connecting), 0},
                                           ev::Reported{report(TunnelStatus::reasserting), 0},
                                           ev::Reported{report(TunnelStatus::connected), 0},
                                           ev::InterfaceSeen{0},
                                           ev::InterfaceSeen{8},
                                           ev::UnderlayChanged{false},
                                           ev::UnderlayChanged{true},
                                           ev::ProviderLost{"x"},
                                           ev::RetryDue{},
                                           ev::Want{}};
  for (const TunnelEvent& a : faults)
    for (const TunnelEvent& b : faults)
      for (const TunnelEvent& c : faults) {
        Driven t;
        t.up();
        TunnelLife life = step(step(step(t.life, a).state, b).state, c).state;
        EXPECT_TRUE(life.status == TunnelStatus::connected || life.status == TunnelStatus::reasserting ||
                    life.status == TunnelStatus::disconnecting)
            << a.index() << " " << b.index() << " " << c.index() << ": " << to_string(life.status);
        EXPECT_FALSE(life.report.settings.included_routes.empty() && life.status == TunnelStatus::reasserting);
      }
}

}  // namespace
}  // namespace vpn::agent
