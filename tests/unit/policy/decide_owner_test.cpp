// Who owns a flow: apps, other, unattributed and forwarded ("Words", and the end of "Order"); what a verdict carries.
#include <gtest/gtest.h>

#include "policy_generated.h"
#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::Role;
using policy::Rule;
using policy::Service;
using policy::TunnelStatus;
using policy::Verdict;

/// Every exception there is, for an app and without one; the names of the owners are apps of the policy as well.
PolicyMaker everything(bool always_on) {
  PolicyMaker m;
  m.services();
  m.servers({"vpn.example.com"});
  m.probe("probe.example.com", 443);
  const std::uint32_t roles = (policy::bit(Role::cellular_only) << 1) - 1;
  for (const char* name : {"unattributed", "forwarded", "other", "an.app"}) {
    MadeApp& app = m.app(name);
    app.roles = roles;
    if (always_on) app.exception_any = app.captive_plugin = m.source("Exception");
  }
  if (always_on) {
    m.always_on_tunnel("A#0");
    m.always_on().captive_websheet = true;
    for (const Service s : {Service::voicemail, Service::airprint, Service::apns}) m.service_exception(s, false);
  } else {
    made::DeviceT& d = m.device("D");
    d.include_all = d.exclude_cellular = d.exclude_apns = d.exclude_device_communication = true;
  }
  return m;
}

S everywhere() {
  S s = on_wifi();
  s.behind_portal().while_probing().up("A#0", "utun0").up("D", "utun1");
  return s;
}

TEST(Forwarded, MeetsNothingThatNeedsAnApp) {
  for (const bool always_on : {true, false}) {
    PolicyMaker maker = everything(always_on);
    const policy::Policy policy = maker.make();
    const std::string carried =
        always_on ? "tunnel S3.e A#0 @ TunnelConfigurations[0]" : "tunnel S5.f D @ D.IncludeAllNetworks";
    for (const char* who : {"forwarded", "unattributed"}) {
      for (const auto& flow :
           {F("tcp", "17.249.1.1", 443), F("tcp", "203.0.113.80", 443).by_agent().to("probe.example.com"),
            F("udp", "192.168.1.1", 53).by_agent().to("vpn.example.com"), F("udp", "224.0.0.251", 5353),
            F("udp", "203.0.113.80", 5060).of(Service::cellular_only), F("tcp", "203.0.113.80", 443).spawned("an.app"),
            F("tcp", "203.0.113.80", 443).of(Service::companion)})
        EXPECT_EQ(says(policy, everywhere(), F(flow).by(who)), carried) << who;
    }
  }
}

TEST(Forwarded, MeetsS0S1aToS1cAndTheVpns) {
  PolicyMaker maker = everything(true);
  const policy::Policy policy = maker.make();
  S state = everywhere();
  state.tunnels[0].endpoints.push_back({address("203.0.113.5"), 17, 4500});
  for (const char* who : {"forwarded", "unattributed"}) {
    EXPECT_EQ(says(policy, state, F("tcp", "127.0.0.1", 80).by(who)), "system S0");
    EXPECT_EQ(says(policy, state, F("udp", "255.255.255.255", 67).from_port(68).user(0).by(who)), "direct S1.a");
    EXPECT_EQ(says(policy, state, F("igmp", "224.0.0.22").by(who)), "direct S1.b");
    EXPECT_EQ(says(policy, state, F("udp", "203.0.113.5", 4500).provider("A#0").by(who)), "direct S1.c");
  }
}

TEST(Other, IsNoAppEvenWhenThePolicyNamesOneSo) {
  PolicyMaker maker = everything(true);
  const policy::Policy policy = maker.make();
  EXPECT_EQ(says(policy, everywhere(), F("tcp", "203.0.113.80", 443).by("other")),
            "tunnel S3.e A#0 @ TunnelConfigurations[0]");
  EXPECT_EQ(says(policy, everywhere(), F("tcp", "17.249.1.1", 443).by("other")), "direct S3.b @ ServiceExceptions[2]")
      << "but meets every rule that names no app";
}

TEST(App, ThatThePolicyDoesNotNameIsOther) {
  PolicyMaker maker = everything(false);
  const policy::Policy policy = maker.make();
  for (const auto& flow : {F("tcp", "203.0.113.80", 443), F("tcp", "17.249.1.1", 443), F("udp", "224.0.0.251", 5353)})
    EXPECT_EQ(says(policy, everywhere(), F(flow).by("com.nobody.knows")), says(policy, everywhere(), flow));
}

// --- "Verdicts": what each carries ---

TEST(Verdicts, TunnelOnTunnelProxyAndFourDropsAndOnNoOther) {
  std::vector<PolicyMaker> makers;
  makers.push_back(everything(true));
  makers.push_back(everything(false));
  PolicyMaker& mixed = makers.emplace_back();
  mixed.app("an.app").governed = {mixed.per_app("V"), mixed.per_app("P", true)};
  mixed.device("D").enforce_routes = true;
  mixed.device("E", true);
  for (PolicyMaker& maker : makers) {
    const policy::Policy policy = maker.make();
    for (const auto status : {TunnelStatus::connected, TunnelStatus::reasserting, TunnelStatus::disconnected}) {
      S state = on_wifi();
      for (const char* id : {"A#0", "V", "P", "D", "E"})
        state.tunnel(id, status, std::string("utun-") + id).includes({"10.0.0.0/8"}).excludes({"10.9.0.0/16"});
      for (const char* who : {"an.app", "other", "unattributed", "forwarded"})
        for (const char* protocol : {"tcp", "icmp"})
          for (const char* to : {"127.0.0.1", "10.1.2.3", "10.9.1.1", "192.168.1.9", "203.0.113.80"}) {
            const policy::Decision d = decide(policy::Situation(policy, state), F(protocol, to, 443).by(who));
            const bool names_one = d.verdict == Verdict::tunnel || d.verdict == Verdict::proxy ||
                                   (d.verdict == Verdict::drop && (d.rule == Rule::S3e || d.rule == Rule::S4e ||
                                                                   d.rule == Rule::S5f || d.rule == Rule::S6b));
            EXPECT_EQ(d.tunnel != policy::none, names_one) << says(policy, d);
            const bool has_source = d.rule != Rule::S0 && d.rule != Rule::S8 && to_string(d.rule).substr(0, 2) != "S1";
            EXPECT_EQ(d.source != policy::none, has_source) << says(policy, d);
          }
    }
  }
}

// --- What was passed over, for explain ---

TEST(PassedOver, DoesNotChangeTheVerdict) {
  PolicyMaker maker = everything(false);
  const policy::Policy policy = maker.make();
  const policy::Situation situation(policy, everywhere());
  for (const char* to : {"127.0.0.1", "192.168.1.9", "17.249.1.1", "203.0.113.80"}) {
    std::vector<policy::Passed> passed;
    const F flow = F("tcp", to, 443);
    EXPECT_EQ(says(policy, decide(situation, flow, &passed)), says(policy, decide(situation, flow)));
  }
}

TEST(PassedOver, TellsWhyAGoverningVpnWasBypassed) {
  PolicyMaker maker;
  const std::uint32_t v = maker.per_app("V"), w = maker.per_app("W"), x = maker.per_app("X");
  maker.app("an.app").governed = {v, w, x};
  maker.body.per_app[v]->on_demand = on_demand(made::OnDemandAction::disconnect, maker.source("Rule"));
  maker.domains(made::ListKind::excluded, w, {"example.com"});
  const policy::Policy policy = maker.make();
  std::vector<policy::Passed> passed;
  decide(policy::Situation(policy, on_wifi()), F("tcp", "203.0.113.80", 443).by("an.app").to("example.com"), &passed);
  ASSERT_EQ(passed.size(), 2U);
  EXPECT_EQ(passed[0].why.substr(0, 4), "S4.a");
  EXPECT_EQ(policy.body().tunnels()->Get(passed[0].tunnel)->id()->str(), "V");
  EXPECT_EQ(passed[1].why.substr(0, 4), "S4.b");
  EXPECT_EQ(policy.body().tunnels()->Get(passed[1].tunnel)->id()->str(), "W");
}

TEST(PassedOver, NamesTheRoutesThatDidNotMatch) {
  PolicyMaker maker;
  maker.device("D").enforce_routes = true;
  maker.device("E");
  const policy::Policy policy = maker.make();
  const S state = on_wifi().up("D", "utun0").up("E", "utun1");
  std::vector<policy::Passed> passed;
  decide(policy::Situation(policy, state), F("tcp", "203.0.113.80", 443), &passed);
  std::string rules;
  for (const policy::Passed& p : passed) rules += std::string(to_string(p.rule)) + " ";
  EXPECT_EQ(rules, "S6.b S7 S7 ");
}

}  // namespace
}  // namespace vpn::test
