// Proofs and counter-examples, on policies made by hand and at random.
#include "compiler/analyse/prove.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "compiler/analyse/format.h"
#include "policy/json/json.h"
#include "policy_generated.h"
#include "tests/support/random_world.h"

namespace vpn::analyse {
namespace {

using test::PolicyMaker;
using test::Random;
using test::RandomWorld;
namespace made = test::made;
using policy::Role;
using policy::Verdict;

Proof proof_of(const policy::Policy& policy, std::string_view text, const ProveOptions& options = {}) {
  const auto property = parse_property(text);
  EXPECT_TRUE(property) << property.error().what;
  const auto proofs = prove(policy, {&*property, 1}, options);
  EXPECT_TRUE(proofs) << proofs.error().what;
  return proofs->front();
}

/// "holds", or verdict, rule and the key paths to blame.
std::string outcome(const policy::Policy& policy, std::string_view text, const ProveOptions& options = {}) {
  const Proof proof = proof_of(policy, text, options);
  if (proof.holds) return proof.applied == 0 ? "not concerned" : "holds";
  if (!proof.counterexample) return "shadowed";
  std::string out = test::says(policy, proof.counterexample->decision);
  for (const Blame& b : proof.counterexample->blame)
    if (b.source != policy::none) out += " < " + policy.body().sources()->Get(b.source)->path()->str();
  return out;
}

PolicyMaker always_on() {
  PolicyMaker maker;
  maker.services();
  maker.always_on_tunnel("A#0");
  return maker;
}

// --- no-leak -----------------------------------------------------------------------------------------------------

TEST(Prove, NoLeakHoldsForAlwaysOnWithItsExceptionsListed) {
  PolicyMaker maker = always_on();
  maker.service_exception(policy::Service::airprint, false);
  maker.app("app.voice").exception_any = maker.source("ApplicationExceptions[0]");
  const policy::Policy policy = maker.make();
  const Proof proof = proof_of(policy, "no-leak");
  EXPECT_TRUE(proof.holds);
  ASSERT_EQ(proof.exceptions.size(), 2u);
  EXPECT_EQ(proof.exceptions[0].rule, policy::Rule::S3b);
  EXPECT_EQ(proof.exceptions[1].rule, policy::Rule::S3c);
  EXPECT_FALSE(proof.exceptions[1].by_default);
}

TEST(Prove, NoLeakIsBrokenByPlainRoutes) {
  PolicyMaker maker;
  maker.device("D");
  EXPECT_EQ(outcome(maker.make(), "no-leak"), "system S8 < D");
}

TEST(Prove, NoLeakIsBrokenByAnIncludeAllVpnThatAUserCanDisconnect) {
  PolicyMaker maker;
  maker.device("D").include_all = true;
  EXPECT_EQ(outcome(maker.make(), "no-leak"), "system S8 < D.IncludeAllNetworks");
}

TEST(Prove, NoLeakBlamesTheOnDemandRuleThatLetsTheVpnGo) {
  PolicyMaker maker;
  made::DeviceT& d = maker.device("D");
  d.include_all = true;
  d.on_demand = test::on_demand(made::OnDemandAction::disconnect, maker.source("OnDemandRules[0]"));
  EXPECT_EQ(outcome(maker.make(), "no-leak"), "system S8 < OnDemandRules[0]");
}

TEST(Prove, NoLeakSaysWhichExceptionIsADefault) {
  PolicyMaker maker;
  maker.services();
  made::DeviceT& d = maker.device("D");
  d.include_all = d.exclude_apns = true;
  d.exclude_apns_source = d.source;
  const Proof proof = proof_of(maker.make(), "no-leak-governed");
  EXPECT_TRUE(proof.holds);
  ASSERT_EQ(proof.exceptions.size(), 1u);
  EXPECT_TRUE(proof.exceptions[0].by_default);
}

// --- The others --------------------------------------------------------------------------------------------------

PolicyMaker per_app() {
  PolicyMaker maker;
  maker.app("app.mail").governed.insert(maker.per_app("V"));
  return maker;
}

TEST(Prove, GovernedTrafficNeverLeaves) {
  EXPECT_EQ(outcome(per_app().make(), "no-leak-governed"), "holds");
  PolicyMaker routes;
  routes.device("D");
  EXPECT_EQ(outcome(routes.make(), "no-leak-governed"), "not concerned");
}

TEST(Prove, ExcludedOnlyNamesTheListAndTheRule) {
  PolicyMaker maker = per_app();
  maker.domains(made::ListKind::excluded, 0, {"example.com"});
  maker.body.per_app[0]->on_demand =
      test::on_demand(made::OnDemandAction::disconnect, maker.source("OnDemandRules[0]"));
  maker.body.per_app[0]->on_demand->rules[0]->ssids = {"Corp"};
  const policy::Policy policy = maker.make();
  const Proof proof = proof_of(policy, "excluded-only");
  EXPECT_TRUE(proof.holds);
  ASSERT_EQ(proof.exceptions.size(), 2u);
  EXPECT_EQ(proof.exceptions[0].what.substr(0, 4), "S4.b");
  EXPECT_EQ(proof.exceptions[1].what.substr(0, 4), "S4.a");
}

TEST(Prove, CaptiveIsBounded) {
  PolicyMaker maker = always_on();
  maker.app("app.sheet", {Role::captive_websheet});
  maker.always_on().captive_websheet = true;
  const Proof proof = proof_of(maker.make(), "captive-bounded");
  EXPECT_TRUE(proof.holds);
  EXPECT_EQ(proof.exceptions.size(), 1u);
}

TEST(Prove, SentencesAreUnderstood) {
  const policy::Policy policy = per_app().make();
  EXPECT_EQ(outcome(policy, "never app.mail direct"), "holds");
  EXPECT_EQ(outcome(policy, "never other direct"), "system S8 < PerApp.V");
  EXPECT_EQ(outcome(policy, "never any tunnel when disconnected"), "holds");
  EXPECT_EQ(outcome(policy, "reachable app.mail to mail.example.com when connected"), "holds");
  EXPECT_EQ(outcome(policy, "reachable app.mail to mail.example.com when V connected and on wifi"), "holds");
  EXPECT_EQ(outcome(policy, "reachable app.mail to mail.example.com when disconnected").substr(0, 4), "drop");
}

TEST(Prove, SentencesThatAreNotUnderstoodSayWhy) {
  for (const char* text : {"no-leaks", "never", "never mail", "reachable app.mail", "never app.mail direct when sunny",
                           "reachable app.mail to no..host", "never app.mail sideways"}) {
    const auto property = parse_property(text);
    ASSERT_FALSE(property) << text;
    EXPECT_FALSE(property.error().help.empty()) << text;
  }
  EXPECT_EQ(parse_property("no-leaks").error().help, "did you mean 'no-leak'?");
}

TEST(Prove, AnAppByItselfIsLookedAtByItself) {
  // Both have the same class; the property speaks of one.
  PolicyMaker maker = per_app();
  maker.app("app.other").governed.insert(0);
  const policy::Policy policy = maker.make();
  EXPECT_EQ(outcome(policy, "never app.other tunnel when V connected"), "tunnel S4.e V @ PerApp.V < PerApp.V");
  EXPECT_EQ(outcome(policy, "never app.unknown drop when V connected"), "holds");
  // What the app starts belongs to it (S4.d), whatever it is.
  const Proof helper = proof_of(policy, "never app.unknown tunnel");
  ASSERT_TRUE(helper.counterexample);
  EXPECT_THAT(helper.counterexample->flow, ::testing::HasSubstr("spawned_by"));
}

TEST(Prove, OnlyInTheStatesGiven) {
  PolicyMaker maker;
  maker.device("D");
  ProveOptions options;
  options.states = {test::on_wifi().up("D", "utun0").includes({"0.0.0.0/0", "::/0"})};
  EXPECT_EQ(outcome(maker.make(), "never other direct to 203.0.113.0/24", options), "system S7 @ D < D");
  options.states = {test::on_wifi().up("D", "utun0").includes({"10.0.0.0/8"})};
  EXPECT_EQ(outcome(maker.make(), "never other tunnel to 10.9.0.0/16", options), "tunnel S7 D @ D < D");
}

TEST(Prove, WhoCannotWaitIsToldSo) {
  PolicyMaker maker;
  maker.device("D");
  const policy::Policy policy = maker.make();
  const auto property = parse_property("no-leak");
  ASSERT_TRUE(property);
  ProveOptions options;
  options.most_steps = 1000000;
  EXPECT_TRUE(prove(policy, {&*property, 1}, options));
  options.most_steps = 20;
  const auto proofs = prove(policy, {&*property, 1}, options);
  ASSERT_FALSE(proofs);
  EXPECT_THAT(proofs.error().what, ::testing::HasSubstr("take long to go through"));
}

TEST(Prove, ShadowsAreFound) {
  PolicyMaker maker = always_on();
  maker.always_on_tunnel("A#1");
  maker.service_exception(policy::Service::apns, false);
  maker.service_exception(policy::Service::apns, true);
  maker.app("app.one").exception_any = maker.source("ApplicationExceptions[0]");
  maker.app("app.one").exception_udp = maker.source("ApplicationExceptions[1]");
  const policy::Policy policy = maker.make();
  std::vector<std::string> paths;
  for (const Shadowed& s : proof_of(policy, "no-shadow").shadowed)
    paths.push_back(policy.body().sources()->Get(s.source)->path()->str());
  EXPECT_THAT(paths,
              ::testing::UnorderedElementsAre(::testing::HasSubstr("TunnelConfigurations[1]"),
                                              ::testing::HasSubstr("ServiceExceptions"), "ApplicationExceptions[1]"));
}

// More apps than a class lists by name: each of them is looked at.
TEST(Prove, ShadowsAreFoundForEveryAppOfAClass) {
  PolicyMaker excepted = always_on();
  PolicyMaker mapped = per_app();
  mapped.per_app("W");
  constexpr int apps = 100;
  for (int i = 0; i < apps; ++i) {
    const std::string name = "app.n" + std::to_string(100 + i);
    excepted.app(name).exception_any = excepted.source("any");
    excepted.app(name).exception_udp = excepted.source("udp");
    mapped.app(name).governed = {0, 1};
  }
  mapped.app("app.other").governed.insert(1);
  EXPECT_EQ(proof_of(excepted.make(), "no-shadow").shadowed.size(), apps);
  const Proof proof = proof_of(mapped.make(), "no-shadow");
  ASSERT_EQ(proof.shadowed.size(), 1u);
  EXPECT_THAT(proof.shadowed[0].what, ::testing::AllOf(::testing::HasSubstr("'W'"), ::testing::HasSubstr("app.n100"),
                                                       ::testing::HasSubstr("95 more")));
}

// --- At random ---------------------------------------------------------------------------------------------------

bool leaks(const policy::Decision& d) {
  if (d.verdict != Verdict::direct && d.verdict != Verdict::system) return false;
  switch (d.rule) {
    case policy::Rule::S4:
    case policy::Rule::S4e:
    case policy::Rule::S3d:
    case policy::Rule::S3e:
    case policy::Rule::S5f:
    case policy::Rule::S6b:
    case policy::Rule::S7:
    case policy::Rule::S8:
      return true;
    default:
      return false;
  }
}

// A leak that random flows find is one that prove finds; one that prove finds is confirmed by decide().
TEST(Prove, AgreesWithRandomFlowsOnNoLeak) {
  Random random;
  int broken = 0, held = 0;
  for (int policies = 0; policies < 6 || ((held == 0 || broken == 0) && policies < 200); ++policies) {
    RandomWorld world(random);
    if (world.tunnels.size() > 4) continue;  // sanitizers would take minutes
    const policy::Policy policy = world.maker.make();
    const Proof proof = proof_of(policy, "no-leak");
    ++(proof.holds ? held : broken);
    if (!proof.holds) {
      const auto state = policy::parse_state(proof.counterexample->state);
      const auto flow = policy::parse_flow(proof.counterexample->flow);
      ASSERT_TRUE(state && flow);
      EXPECT_TRUE(leaks(policy::decide(policy::Situation(policy, *state), flow->flow)));
      for (const policy::TunnelState& t : state->tunnels) EXPECT_NE(t.status, policy::TunnelStatus::connected);
      continue;
    }
    for (int states = 0; states < 20; ++states) {
      for (policy::TunnelState& t : world.state.tunnels) do
          t.status = static_cast<policy::TunnelStatus>(random.below(6));
        while (t.status == policy::TunnelStatus::connected);
      const policy::Situation situation(policy, world.state);
      for (int i = 0; i < 100; ++i) {
        const test::F flow = world.flow(random);
        EXPECT_FALSE(!flow.incoming && leaks(policy::decide(situation, flow)));
      }
    }
  }
  EXPECT_GT(broken, 0);
  EXPECT_GT(held, 0);
}

// A policy that was tight and is so no longer is always caught.
TEST(Prove, CatchesMutations) {
  const auto tight = [&](bool has_always_on, std::uint32_t exception, bool governs) {
    PolicyMaker maker;
    maker.services();
    if (has_always_on) {
      maker.always_on_tunnel("A#0");
      if (exception != 0) maker.app("app.one").exception_any = maker.source("ApplicationExceptions[0]");
    } else {
      maker.device("D");
      const std::uint32_t v = maker.per_app("V");
      if (governs) maker.app("app.one").governed.insert(v);
      maker.app("app.two").governed.insert(v);
    }
    return maker.make();
  };
  EXPECT_EQ(outcome(tight(true, 0, false), "no-leak"), "holds");
  EXPECT_EQ(outcome(tight(true, 0, false), "never app.one direct"), "holds");
  EXPECT_NE(outcome(tight(false, 0, true), "no-leak"), "holds") << "the always-on VPN is dropped";
  EXPECT_NE(outcome(tight(true, 1, false), "never app.one direct"), "holds") << "an exception is added";
  EXPECT_EQ(outcome(tight(false, 0, true), "never app.one direct"), "holds");
  EXPECT_NE(outcome(tight(false, 0, false), "never app.one direct"), "holds") << "a mapping is dropped";
}

TEST(Prove, IsWrittenForProgramsAndForPeople) {
  PolicyMaker maker;
  maker.device("D");
  const policy::Policy policy = maker.make();
  const Proof proof = proof_of(policy, "no-leak");
  const auto json = proofs_json(policy, {&proof, 1});
  EXPECT_EQ(json[0]["name"], "no-leak");
  EXPECT_EQ(json[0]["holds"], false);
  EXPECT_EQ(json[0]["counterexample"]["verdict"]["rule"], "S8");
  EXPECT_EQ(json[0]["counterexample"]["flow"]["remote"], "203.0.113.80");
  EXPECT_THAT(proofs_text(policy, {&proof, 1}, false), ::testing::HasSubstr("BROKEN  no-leak"));
}

}  // namespace
}  // namespace vpn::analyse
