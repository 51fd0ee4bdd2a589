#include "agent/state/on_demand_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy_generated.h"
#include "tests/support/policy_maker.h"

namespace vpn::agent {
namespace {

using policy::TunnelStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::made::OnDemandAction;
using Action = NetworkDecision::Action;
namespace demand = on_demand_event;

NetworkDecision decision(Action action, const char* network = "office", std::uint32_t rule = 0) {
  NetworkDecision out;
  out.action = action;
  out.rule = rule;
  out.network = network;
  if (action == Action::pending) out.awaits = "https://probe.example.com/";
  return out;
}

// A life with what it was told to do, in words.
class OnDemand : public testing::Test {
 protected:
  OnDemand() { life_.terms.enabled = true; }
  std::string after(const OnDemandEvent& event) {
    OnDemandStep next = step(life_, event);
    life_ = std::move(next.state);
    std::string out;
    for (const OnDemandAct& action : next.actions) {
      if (!out.empty()) out += ' ';
      out += word(action);
    }
    return out;
  }
  std::string network(Action action, const char* name = "office", std::uint32_t rule = 0) {
    return after(demand::NetworkSeen{decision(action, name, rule)});
  }
  std::string status(TunnelStatus s) { return after(demand::StatusSeen{s}); }

  OnDemandLife life_;

 private:
  static std::string word(const OnDemandAct& action) {
    namespace act = on_demand_action;
    if (std::holds_alternative<act::Want>(action)) return "want";
    if (std::holds_alternative<act::Unwant>(action)) return "unwant";
    if (std::holds_alternative<act::StartPatience>(action)) return "patience";
    if (std::holds_alternative<act::StopPatience>(action)) return "no-patience";
    if (std::holds_alternative<act::StartCount>(action)) return "count";
    if (std::holds_alternative<act::StopCount>(action)) return "no-count";
    if (const auto* hold = std::get_if<act::Hold>(&action)) return hold->on ? "hold" : "no-hold";
    return "tell";
  }
};

TEST_F(OnDemand, ConnectStartsAndDisconnectEnds) {
  EXPECT_EQ(network(Action::connect), "patience hold want");
  EXPECT_EQ(network(Action::connect), "") << "nothing is news";
  EXPECT_EQ(status(TunnelStatus::connecting), "");
  EXPECT_EQ(status(TunnelStatus::connected), "no-patience no-hold");
  EXPECT_EQ(network(Action::disconnect, "home"), "unwant");
  EXPECT_EQ(status(TunnelStatus::disconnected), "");
  EXPECT_EQ(network(Action::connect, "office"), "patience hold want");
}

TEST_F(OnDemand, IgnoreKeepsWhatIsUpAndStartsNothing) {
  EXPECT_EQ(network(Action::ignore), "");
  EXPECT_EQ(after(demand::Used{}), "");
  after(demand::UserAsked{true});
  status(TunnelStatus::connected);
  EXPECT_EQ(network(Action::ignore, "home"), "");
  EXPECT_TRUE(life_.up);
}

TEST_F(OnDemand, AllOfItIsOffWhereItIsNotEnabled) {
  life_.terms.enabled = false;
  life_.terms.idle = seconds(1);
  EXPECT_EQ(network(Action::connect), "");
  EXPECT_EQ(after(demand::Used{}), "");
  EXPECT_EQ(status(TunnelStatus::connected), "");
  EXPECT_EQ(after(demand::Counted{5}), "");
  EXPECT_FALSE(may_wait(life_));
}

TEST_F(OnDemand, TheFirstPacketOfAGovernedAppStartsItWhereNoRuleSpeaks) {
  life_.terms.match_app = true;
  NetworkDecision none = decision(Action::ignore);
  none.rule.reset();
  EXPECT_EQ(after(demand::NetworkSeen{none}), "hold") << "the first connection waits, too";
  EXPECT_EQ(after(demand::Used{}), "tell patience want");
  EXPECT_EQ(after(demand::Used{}), "") << "it starts already";
  EXPECT_EQ(status(TunnelStatus::connected), "no-patience no-hold");
}

TEST_F(OnDemand, AnEvaluatingRuleStartsItForAHostThatNeedsIt) {
  EXPECT_EQ(after(demand::HostNeedsIt{"x"}), "") << "before the network was looked at";
  EXPECT_EQ(network(Action::evaluate), "") << "by itself it starts nothing";
  EXPECT_EQ(after(demand::Used{}), "");
  EXPECT_EQ(after(demand::HostNeedsIt{"x"}), "tell patience hold want");
  EXPECT_EQ(after(demand::HostNeedsIt{"y"}), "") << "it starts already";
  EXPECT_EQ(status(TunnelStatus::connected), "no-patience no-hold");
  EXPECT_EQ(status(TunnelStatus::disconnected), "") << "ended by its own client";
  EXPECT_EQ(after(demand::HostNeedsIt{"x"}), "tell patience hold want");
  after(demand::UserAsked{false});
  EXPECT_EQ(after(demand::HostNeedsIt{"x"}), "") << "a user has switched it off";
  EXPECT_EQ(network(Action::ignore, "home"), "");
  EXPECT_EQ(after(demand::HostNeedsIt{"x"}), "");
}

TEST_F(OnDemand, ARuleThatSaysIgnoreMeansIt) {
  life_.terms.match_app = true;
  EXPECT_EQ(network(Action::ignore), "");
  EXPECT_EQ(after(demand::Used{}), "");
  EXPECT_EQ(network(Action::disconnect, "home"), "unwant");
  EXPECT_EQ(after(demand::Used{}), "");
}

TEST_F(OnDemand, WhatComesTooLateIsRefusedUntilThingsChange) {
  network(Action::connect);
  EXPECT_EQ(after(demand::PatienceEnded{}), "tell no-hold");
  EXPECT_EQ(after(demand::Used{}), "") << "it is being started all the same";
  EXPECT_FALSE(may_wait(life_));
  EXPECT_EQ(network(Action::connect, "home"), "patience hold want");
  after(demand::PatienceEnded{});
  status(TunnelStatus::connected);
  EXPECT_EQ(status(TunnelStatus::reasserting), "hold") << "it was up: what is new waits for it again";
}

TEST_F(OnDemand, AUserOverridesUntilTheNetworkChanges) {
  network(Action::connect);
  status(TunnelStatus::connected);
  EXPECT_EQ(after(demand::UserAsked{false}), "");
  EXPECT_EQ(status(TunnelStatus::disconnected), "");
  EXPECT_FALSE(may_wait(life_));
  EXPECT_EQ(after(demand::Used{}), "");
  EXPECT_EQ(network(Action::connect), "");
  EXPECT_EQ(network(Action::connect, "home"), "patience hold want");
}

TEST_F(OnDemand, WhatItsOwnClientEndsIsAUsersWord) {
  network(Action::connect);
  status(TunnelStatus::connected);
  EXPECT_EQ(status(TunnelStatus::disconnected), "");
  EXPECT_TRUE(life_.overridden);
  EXPECT_EQ(after(demand::Used{}), "");
}

TEST_F(OnDemand, NobodyOverridesWhereThatIsDisabled) {
  life_.terms.override_disabled = true;
  EXPECT_EQ(refusal(life_, false), "") << "nothing is known of the network yet";
  network(Action::connect);
  EXPECT_THAT(refusal(life_, false), testing::HasSubstr("OnDemandUserOverrideDisabled"));
  EXPECT_EQ(refusal(life_, true), "");
  status(TunnelStatus::connected);
  EXPECT_EQ(status(TunnelStatus::disconnected), "tell patience hold want") << "its own client";
  network(Action::disconnect, "home");
  EXPECT_NE(refusal(life_, true), "");
  EXPECT_EQ(refusal(life_, false), "");
  network(Action::ignore, "cafe");
  EXPECT_EQ(refusal(life_, true), "");
}

TEST_F(OnDemand, AnIdleTunnelEndsAndItsNextUseStartsIt) {
  life_.terms.idle = seconds(8);
  network(Action::connect);
  EXPECT_EQ(status(TunnelStatus::connected), "no-patience count no-hold");
  EXPECT_EQ(after(demand::Counted{10}), "count");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(after(demand::Counted{10}), "count");
  EXPECT_EQ(after(demand::Counted{11}), "count") << "somebody used it";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(after(demand::Counted{11}), "count");
  EXPECT_EQ(after(demand::Counted{11}), "tell unwant");
  EXPECT_EQ(status(TunnelStatus::disconnected), "no-count hold") << "not a user's word";
  EXPECT_EQ(network(Action::connect), "");
  EXPECT_EQ(after(demand::Used{}), "tell patience want");
}

TEST_F(OnDemand, ARestingTunnelRestsOnInTheSameNetworkOnly) {
  life_.terms.idle = seconds(1);
  network(Action::connect);
  status(TunnelStatus::connected);
  after(demand::Counted{1});
  after(demand::Counted{1});
  after(demand::Counted{1});
  EXPECT_EQ(after(demand::Counted{1}), "tell unwant") << "at least every half second is counted";
  status(TunnelStatus::disconnected);
  EXPECT_EQ(network(Action::connect, "office", 3), "") << "another rule, the same network";
  EXPECT_THAT(network(Action::connect, "home"), testing::HasSubstr("want"));
}

TEST_F(OnDemand, WhileAProbeIsOutNothingStartsOrEndsAndUsesAreRemembered) {
  life_.terms.match_app = true;
  EXPECT_EQ(network(Action::pending), "hold");
  EXPECT_EQ(after(demand::Used{}), "patience");
  EXPECT_EQ(network(Action::evaluate), "want") << "an app has asked for it";
  status(TunnelStatus::connected);
  EXPECT_EQ(network(Action::pending, "home"), "") << "what is up stays up";
  EXPECT_EQ(network(Action::disconnect, "home"), "unwant");
}

TEST_F(OnDemand, AnAnswerIsNoOtherNetwork) {
  network(Action::pending);
  after(demand::UserAsked{false});
  EXPECT_EQ(network(Action::connect), "");
  EXPECT_TRUE(life_.overridden);
}

// --- From the policy -------------------------------------------------------------------------------------------------

std::unique_ptr<test::made::OnDemandRuleT> rule(OnDemandAction action, const char* probe = "") {
  auto out = std::make_unique<test::made::OnDemandRuleT>();
  out->action = action;
  out->url_probe = probe;
  return out;
}

TEST(OnDemandTerms, OfEachTunnel) {
  test::PolicyMaker maker;
  maker.device("none");
  auto& device = maker.device("D");
  device.on_demand = test::on_demand(OnDemandAction::connect, 0);
  device.on_demand->user_override_disabled = true;
  maker.per_app("A");
  maker.body.per_app.back()->on_demand = test::on_demand(OnDemandAction::ignore, 0);
  maker.body.tunnels[1]->idle_seconds = 30;
  device.include_all = true;
  auto& routes = maker.device("R");
  routes.on_demand = test::on_demand(OnDemandAction::connect, 0);
  maker.body.tunnels[3]->idle_seconds = 30;
  auto& proxy = maker.device("P", true);
  proxy.include_all = true;
  proxy.on_demand = test::on_demand(OnDemandAction::connect, 0);
  maker.body.tunnels[4]->idle_seconds = 30;
  const auto terms = on_demand_terms(maker.make());
  ASSERT_EQ(terms.size(), 5u);
  EXPECT_EQ(terms[4].idle, seconds(0)) << "nobody counts what a proxy carries";
  EXPECT_EQ(terms[0], OnDemandTerms{});
  EXPECT_EQ(terms[1], (OnDemandTerms{true, false, true, seconds(30)}));
  EXPECT_EQ(terms[2], (OnDemandTerms{true, true, false, seconds(0)}));
  EXPECT_EQ(terms[3], (OnDemandTerms{true, false, false, seconds(0)})) << "nobody would see its next use";
}

TEST(NetworkDecisions, NameTheRuleAndWaitForProbes) {
  test::PolicyMaker maker;
  auto& device = maker.device("D");
  device.on_demand = std::make_unique<test::made::OnDemandT>();
  device.on_demand->enabled = true;
  device.on_demand->rules.push_back(rule(OnDemandAction::disconnect, "https://inside.example.com/"));
  device.on_demand->rules.push_back(rule(OnDemandAction::connect));
  device.on_demand->rules[1]->source = maker.source("OnDemandRules[1]");
  const policy::Policy policy = maker.make();
  policy::DeviceState state;
  state.interfaces.emplace_back().name = "wlan0";
  const auto now = [&] { return network_decisions(policy, state, "x").front(); };
  EXPECT_EQ(now().action, Action::connect) << "no network: nobody to ask";
  state.primary_interface = "wlan0";
  EXPECT_EQ(now().action, Action::pending);
  EXPECT_EQ(now().awaits, "https://inside.example.com/");
  EXPECT_EQ(now().rule, 0u);
  state.url_probes["https://inside.example.com/"] = 0;
  EXPECT_EQ(now().action, Action::connect);
  EXPECT_EQ(now().rule, 1u);
  EXPECT_EQ(now().network, "x");
  EXPECT_EQ(policy.body().sources()->Get(now().source)->path()->str(), "OnDemandRules[1]");
  state.url_probes["https://inside.example.com/"] = 200;
  EXPECT_EQ(now().action, Action::disconnect);
}

}  // namespace
}  // namespace vpn::agent
