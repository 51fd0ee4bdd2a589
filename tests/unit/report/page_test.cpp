// What the page says and how much of it, whatever the policy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/report/drawing.h"
#include "compiler/report/promise.h"
#include "compiler/report/report.h"
#include "compiler/report/scene.h"
#include "compiler/report/states.h"
#include "tests/support/policy_maker.h"

namespace vpn::report {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string page_of(const policy::Policy& policy, std::optional<std::vector<Finding>> findings = {},
                    std::string unproven = {}) {
  return html({policy, "page", {}, std::move(findings), {}, std::move(unproven), {}, {}, {}});
}

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t out = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++out;
  return out;
}

TEST(ReportPage, LongTablesEnd) {
  test::PolicyMaker maker;
  const std::uint32_t v = maker.per_app("V");
  auto rules = test::on_demand(test::made::OnDemandAction::disconnect, maker.source("first"));
  while (rules->rules.size() < 1500)
    rules->rules.push_back(std::make_unique<test::made::OnDemandRuleT>(*rules->rules[0]));
  maker.body.per_app[v]->on_demand = std::move(rules);
  const std::vector<Finding> findings(1001, {"VP1", "name", "warning", "the same", {}, {}});
  const std::string page = page_of(maker.make(), findings);
  EXPECT_EQ(count_of(page, "There the governed apps use the network as every app does."), 1000U);
  EXPECT_EQ(count_of(page, "The same"), 1000U);
  EXPECT_THAT(page, HasSubstr("The first 1,000 of 1,500."));
  EXPECT_THAT(page, HasSubstr("The first 1,000 of 1,001."));
}

// Names come from profiles: a tab in one moves no cell.
TEST(ReportPage, ATabInANameStaysInItsCell) {
  test::PolicyMaker maker;
  maker.body.tunnels[maker.body.per_app[maker.per_app("V")]->tunnel]->name = "one\ttwo";
  maker.app("com.example.a").governed = {0};
  maker.app("com.example.a").roles = 0;
  const std::string page = page_of(maker.make());
  EXPECT_THAT(page, HasSubstr("<td data-label=\"Governed by\">one two</td><td data-label=\"Excepted\">\u2013</td>"));
}

TEST(ReportPage, SaysWhatNoExceptionMeans) {
  test::PolicyMaker maker;
  maker.per_app("V");
  const std::string page = page_of(maker.make());
  EXPECT_THAT(page, HasSubstr("What no VPN governs, and what keeps the device on its network (S0, S1), leaves"));
}

// No status of a VPN, nor its server, where there is none.
TEST(ReportPage, APolicyWithoutAVpnHasNoStatuses) {
  test::PolicyMaker maker;
  maker.body.files.clear();
  const std::string page = page_of(maker.make());
  EXPECT_THAT(page, HasSubstr("<li>none has a VPN in it</li>"));
  EXPECT_THAT(page, HasSubstr("Without a VPN"));
  EXPECT_THAT(page, HasSubstr("any network, a captive portal, too"));
  for (const char* wrong : {"onnected", "onnecting", "VPN server"})
    EXPECT_THAT(page.substr(0, page.find("id=\"addresses\"")), Not(HasSubstr(wrong)));
}

TEST(ReportPage, ClaimsNoProofWhereThereIsNone) {
  test::PolicyMaker maker;
  maker.device("D");
  const std::string page = page_of(maker.make(), {}, "it would take long");
  EXPECT_THAT(page, HasSubstr("Nothing is shown: it would take long."));
  EXPECT_THAT(page, Not(HasSubstr("Shown for every flow")));
}

// An exception for one protocol: the sentence may not say the other's course for both.
TEST(ReportPromise, SaysWhereOrdinaryTrafficIsNotAlike) {
  test::PolicyMaker maker;
  maker.services();
  maker.always_on_tunnel("A#0");
  maker.app("com.example.a").exception_udp = maker.source("exception");
  const policy::Policy policy = maker.make();
  const Scenes made = scenes(policy, {});
  EXPECT_THAT(made.all[0].promise,
              Contains("com.example.a: ordinary traffic goes through \u201cA#0\u201d while it is connected, and is "
                       "blocked otherwise; UDP (calls, QUIC): leaves beside every VPN in every state."));
}

/// One sender, whose only traffic has the verdict `in_columns` of each column.
Scene made_by_hand(const std::vector<std::vector<std::uint32_t>>& columns, std::vector<bool> connected) {
  Scene out;
  for (const bool c : connected) out.states.push_back({"net", c ? "connected" : "disconnected", {}, c, false});
  out.senders.resize(1);
  out.senders[0].unnamed = all_unnamed;
  Row& row = out.rows.emplace_back();
  row.rest = {"Web"};
  for (const auto& states : columns) {
    row.cells.push_back(static_cast<std::uint32_t>(out.columns.size()));
    out.columns.push_back({"Column " + std::to_string(out.columns.size() + 1), {}, states});
  }
  policy::Decision direct, drop;
  direct.verdict = policy::Verdict::direct;
  drop.verdict = policy::Verdict::drop;
  out.decisions = {direct, drop};
  return out;
}

// Two states are connected, and the first column has two, but not those.
TEST(ReportPromise, AColumnIsConnectedWhereAllOfItIs) {
  test::PolicyMaker maker;
  const policy::Policy policy = maker.make();
  EXPECT_THAT(promise(policy, made_by_hand({{0, 1}, {2, 3}}, {true, false, true, false})),
              ElementsAre(HasSubstr("in the state \u201cColumn 2\u201d")));
  EXPECT_THAT(promise(policy, made_by_hand({{0, 2}, {1, 3}}, {true, false, true, false})),
              ElementsAre(HasSubstr("while it is connected")));
}

// What is not drawn may connect or disconnect: it is not said to keep what is up.
TEST(ReportDrawing, RulesThatAreNotDrawnSayForThemselves) {
  const auto path_of = [](std::size_t rules, std::size_t parameters) {
    test::PolicyMaker maker;
    const std::uint32_t v = maker.per_app("V");
    maker.domains(test::made::ListKind::evaluate, 0, {"a.example.com"});
    auto on_demand = test::on_demand(test::made::OnDemandAction::evaluate, maker.source("first"));
    for (std::size_t i = 0; i < parameters; ++i)
      on_demand->rules[0]->parameters.push_back(std::make_unique<test::made::EvaluateParameterT>());
    while (on_demand->rules.size() < rules)
      on_demand->rules.push_back(std::make_unique<test::made::OnDemandRuleT>(*on_demand->rules[0]));
    maker.body.per_app[v]->on_demand = std::move(on_demand);
    const policy::Policy policy = maker.make();
    return on_demand_path(policy, *policy.body().per_app()->Get(0)->on_demand());
  };
  const std::vector<Rung> whole = path_of(40, 6), cut = path_of(45, 8);
  ASSERT_EQ(whole.size(), 41U);
  EXPECT_EQ(whole.back().outcome, "Keep what is up");
  EXPECT_EQ(whole[0].lines.size(), 7U);
  ASSERT_EQ(cut.size(), 41U);
  EXPECT_THAT(cut.back().lines, ElementsAre("5 further rules, not drawn"));
  EXPECT_EQ(cut.back().outcome, "What the first that fits says");
  EXPECT_EQ(cut[0].lines.back(), "2 more lists of host names");
}

TEST(ReportSummary, SaysWhatASectionLeavesOut) {
  test::PolicyMaker maker;
  const std::uint32_t v = maker.per_app("V");
  auto rules = test::on_demand(test::made::OnDemandAction::disconnect, maker.source("first"));
  rules->rules.clear();
  for (int i = 0; i < 20; ++i) {
    auto& rule = *rules->rules.emplace_back(std::make_unique<test::made::OnDemandRuleT>());
    rule.ssids = {"Site " + std::to_string(i)};
    rule.source = 0;
  }
  maker.body.per_app[v]->on_demand = std::move(rules);
  const std::string page = page_of(maker.make());
  EXPECT_EQ(count_of(page, "The rules tell 8 more networks apart"), 2U);  // in the summary, and in the section
}

}  // namespace
}  // namespace vpn::report
