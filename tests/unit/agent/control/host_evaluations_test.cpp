#include "agent/control/host_evaluations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/lookup_holds.h"
#include "manual_loop.h"
#include "policy_generated.h"
#include "tests/support/policy_maker.h"

namespace vpn::agent {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Outcome = HostEvaluations::Outcome;

std::unique_ptr<test::made::EvaluateParameterT> made_parameter(std::uint32_t list,
                                                               std::vector<std::string> servers = {},
                                                               const char* url = "") {
  auto out = std::make_unique<test::made::EvaluateParameterT>();
  out->domains = list;
  out->dns_servers = std::move(servers);
  out->url_probe = url;
  return out;
}

// A device-wide VPN and a per-app one, whose rule evaluates; the test is the network.
std::shared_ptr<ActivePolicy> evaluating_policy() {
  test::PolicyMaker maker;
  maker.device("D").on_demand = test::on_demand(test::made::OnDemandAction::evaluate, maker.source("OnDemandRules[0]"));
  maker.domains(test::made::ListKind::evaluate, 0, {"public.corp.example"});
  maker.domains(test::made::ListKind::evaluate, 0, {"corp.example"});
  maker.domains(test::made::ListKind::evaluate, 0, {"page.example"});
  maker.domains(test::made::ListKind::evaluate, 0, {"both.example"});
  maker.domains(test::made::ListKind::evaluate, 0, {"odd.example"});
  auto& parameters = maker.body.devices[0]->on_demand->rules[0]->parameters;
  parameters.push_back(made_parameter(0));
  parameters.back()->never = true;
  parameters.push_back(made_parameter(1));
  parameters.push_back(made_parameter(2, {}, "https://inside.example/"));
  parameters.push_back(made_parameter(3, {"192.0.2.53", "192.0.2.54"}, "https://inside.example/"));
  parameters.push_back(made_parameter(4, {"resolver"}));
  auto policy = maker.make();
  auto classes = policy::KernelClasses::of(policy::Situation(policy, {}));
  return std::make_shared<ActivePolicy>(std::move(policy), std::move(*classes), Secrets{});
}

class HostEvaluationsTest : public testing::Test {
 protected:
  struct Asked final : Waiting {};
  HostEvaluationsTest() {
    life_.terms.enabled = life_.evaluated = true;
    life_.network.action = NetworkDecision::Action::evaluate;
    life_.network.rule = 0;
    life_.network.network = "office";
    hosts_.set(policy_);
  }
  void answer_page(int status) {
    HttpAnswer answer;
    answer.status = status;
    answer.fault = "refused";
    std::exchange(pages_, {}).front()(answer);
  }
  bool ask(const std::string& host, int number, std::uint16_t type = 1) {
    LookupAsked asked;
    asked.name = host;
    asked.type = type;
    asked.verdict.verdict = policy::Verdict::system;
    return holds_.may_proceed(asked, [this, number] { gone_on_.push_back(number); });
  }
  bool answered(const std::string& host, bool resolved, std::uint16_t type = 1) {
    LookupAsked asked;
    asked.name = host;
    asked.type = type;
    asked.verdict.verdict = policy::Verdict::system;
    return holds_.answered(asked, resolved, [this] { gone_on_.push_back(-1); });
  }

  std::shared_ptr<ActivePolicy> policy_ = evaluating_policy();
  ManualLoop loop_;
  OnDemandLife life_;
  std::vector<std::function<void(HttpAnswer)>> pages_;
  std::vector<std::function<void(bool)>> servers_;
  std::vector<std::string> needed_;
  std::vector<int> gone_on_;
  HostEvaluations hosts_{loop_,
                         {[this](std::uint32_t) -> const OnDemandLife& { return life_; },
                          [this](const std::string&, std::function<void(HttpAnswer)> told) {
                            pages_.push_back(std::move(told));
                            return std::make_unique<Asked>();
                          },
                          [this](const policy::Address&, const std::string&, std::function<void(bool)> told) {
                            servers_.push_back(std::move(told));
                            return std::make_unique<Asked>();
                          }}};
  LookupHolds holds_{{[this](std::uint32_t) { return may_wait(life_); }, [](std::uint32_t) {},
                      [this](std::uint32_t, const std::string& why) {
                        needed_.push_back(why);
                        life_ = step(life_, on_demand_event::HostNeedsIt{why}).state;
                      }},
                     hosts_};
};

TEST_F(HostEvaluationsTest, TheFirstParameterThatMatchesSpeaks) {
  EXPECT_EQ(hosts_.judge(0, "shop.example"), Outcome::unspoken);
  EXPECT_EQ(hosts_.last(0), nullptr);
  EXPECT_EQ(hosts_.judge(0, "www.public.corp.example"), Outcome::never);
  EXPECT_EQ(hosts_.last(0)->parameter, 0u);
  EXPECT_EQ(hosts_.judge(0, "wiki.corp.example"), Outcome::not_needed) << "as long as it resolves";
  EXPECT_EQ(hosts_.last(0)->parameter, 1u);
  EXPECT_EQ(hosts_.judge(0, "odd.example"), Outcome::needed) << "a server that cannot be asked does not answer";
  EXPECT_TRUE(pages_.empty() && servers_.empty());
  EXPECT_TRUE(holds_.wants_all());
  life_.overridden = true;
  EXPECT_EQ(hosts_.judge(0, "wiki.corp.example"), Outcome::unspoken) << "a user has switched it off";
  EXPECT_FALSE(holds_.wants_all());
}

TEST_F(HostEvaluationsTest, AHostThatDoesNotResolveStartsItAndWaits) {
  EXPECT_TRUE(ask("wiki.corp.example", 1));
  EXPECT_TRUE(answered("wiki.corp.example", true));
  EXPECT_TRUE(answered("www.public.corp.example", false)) << "NeverConnect";
  EXPECT_TRUE(answered("shop.example", false));
  EXPECT_TRUE(answered("_ldap._tcp.corp.example", false, 33)) << "no host";
  EXPECT_THAT(needed_, IsEmpty());
  EXPECT_FALSE(answered("wiki.corp.example", false));
  EXPECT_THAT(needed_, ElementsAre("wiki.corp.example needs it, the name does not resolve"));
  holds_.release(0);
  EXPECT_THAT(gone_on_, ElementsAre(-1));
  life_.up = true;
  EXPECT_TRUE(answered("other.corp.example", false)) << "what is up cannot be started";
}

TEST_F(HostEvaluationsTest, OneProbeForAllHostsOfAParameter) {
  EXPECT_FALSE(ask("a.page.example", 1));
  EXPECT_FALSE(ask("b.page.example", 2));
  ASSERT_EQ(pages_.size(), 1u);
  answer_page(200);
  EXPECT_THAT(gone_on_, ElementsAre(1, 2));
  EXPECT_TRUE(ask("c.page.example", 3)) << "known";
  loop_.advance(HostEvaluations::lasts);
  EXPECT_FALSE(ask("c.page.example", 4)) << "known no more";
  answer_page(302);
  EXPECT_THAT(needed_,
              ElementsAre("c.page.example needs it, RequiredURLStringProbe https://inside.example/ fails: status 302"));
  EXPECT_EQ(gone_on_.size(), 2u) << "it waits for the tunnel now";
  holds_.release(0);
  EXPECT_THAT(gone_on_, ElementsAre(1, 2, 4));
}

TEST_F(HostEvaluationsTest, OneServerIsEnoughAndAllCriteriaCount) {
  EXPECT_FALSE(ask("both.example", 1));
  ASSERT_EQ(servers_.size(), 2u);
  servers_[0](false);
  servers_[1](true);
  EXPECT_THAT(gone_on_, IsEmpty()) << "the page is missing";
  answer_page(200);
  EXPECT_THAT(gone_on_, ElementsAre(1));
  loop_.advance(HostEvaluations::lasts);
  servers_.clear();
  EXPECT_FALSE(ask("both.example", 2));
  servers_[0](false);
  EXPECT_THAT(needed_, IsEmpty());
  servers_[1](false);
  EXPECT_THAT(needed_, ElementsAre("both.example needs it, none of RequiredDNSServers answers"));
  answer_page(200);  // late: of no interest
  EXPECT_EQ(hosts_.about(0, "x.both.example")->outcome, Outcome::needed);
}

TEST_F(HostEvaluationsTest, AnotherNetworkIsAskedAnew) {
  EXPECT_FALSE(ask("a.page.example", 1));
  hosts_.rules_changed();
  EXPECT_EQ(pages_.size(), 1u) << "nothing has changed";
  life_.network.network = "home";
  hosts_.rules_changed();
  EXPECT_EQ(pages_.size(), 2u);
  EXPECT_THAT(gone_on_, IsEmpty());
  life_.network.action = NetworkDecision::Action::ignore;
  hosts_.rules_changed();
  EXPECT_THAT(gone_on_, ElementsAre(1)) << "nobody evaluates here";
  EXPECT_EQ(hosts_.last(0), nullptr);
}

TEST_F(HostEvaluationsTest, WhatAnotherVpnTakesIsNoneOfItsHosts) {
  LookupAsked asked;
  asked.name = "a.page.example";
  asked.verdict.verdict = policy::Verdict::tunnel;
  asked.verdict.tunnel = 5;
  EXPECT_TRUE(holds_.may_proceed(asked, [] {}));
  EXPECT_TRUE(holds_.answered(asked, false, [] {}));
  EXPECT_TRUE(pages_.empty());
}

}  // namespace
}  // namespace vpn::agent
