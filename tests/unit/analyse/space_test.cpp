// The classes of flows and states are all there are: whatever a random flow meets in a random state, some class of its
// app meets as well.
#include "compiler/analyse/space.h"

#include <map>
#include <set>
#include <tuple>

#include "policy/json/json.h"
#include "tests/support/random_world.h"

namespace vpn::analyse {
namespace {

using test::F;
using test::Random;
using test::RandomWorld;

Space space_of(const policy::Policy& policy, Refinement refinement = {}) {
  const policy::Policy* one = &policy;
  return *Space::of({&one, 1}, std::move(refinement));
}

/// What a flow is told: verdict, rule, tunnel and source.
using Told = std::set<std::string>;

/// By app (empty: one that the policy does not name; "?": unattributed; ">": forwarded), all that its flows are told.
std::map<std::string, Told> all_that_is_told(const policy::Policy& policy, const Space& space) {
  std::map<std::string, Told> out;
  std::set<std::tuple<std::uint32_t, policy::Verdict, policy::Rule, std::uint32_t, std::uint32_t>> decided;
  std::optional<View> before;
  for (const State& state : space.states()) {
    View view(space, state, before ? &*before : nullptr);
    for (std::uint32_t w = 0; w < space.whos().size(); ++w) {
      for (const View::Traffic& traffic : view.traffic()) {
        const policy::Decision d = view.decide(0, space.whos()[w], traffic);
        decided.emplace(w, d.verdict, d.rule, d.tunnel, d.source);
      }
    }
    before.emplace(std::move(view));
  }
  for (const auto& [w, verdict, rule, tunnel, source] : decided) {
    const Who& who = space.whos()[w];
    const std::string told = test::says(policy, {verdict, rule, tunnel, source});
    if (who.members.empty()) out[who.owner == policy::Owner::forwarded ? ">" : "?"].insert(told);
    for (const Who::Member& m : who.members) {
      const AppPart& part = space.owners()[m.owner];
      if (part.example.empty()) out[""].insert(told);
      for (const std::string_view app : part.all) out[std::string(app)].insert(told);
    }
  }
  return out;
}

std::string app_of(const policy::Policy& policy, const policy::Flow& flow) {
  if (flow.owner == policy::Owner::forwarded) return ">";
  if (flow.owner == policy::Owner::unattributed) return "?";
  return policy.apps().find(flow.app) == policy::none ? std::string() : std::string(flow.app);
}

/// Flows that the space leaves out, and docs/analysis.md says why.
bool is_left_out(const policy::Flow& f) {
  return f.incoming || f.agent || !f.provider_of.empty() || f.service.has_value();
}

TEST(Space, HasAClassForEveryFlowInEveryState) {
  Random random;
  std::size_t flows = 0, rules = 0;
  std::set<std::string> seen;
  for (int policies = 0; policies < 6 || (rules <= 12 && policies < 60); ++policies) {
    RandomWorld world(random);
    if (world.tunnels.size() > 4) continue;  // sanitizers would take minutes
    const policy::Policy policy = world.maker.make();
    const Space space = space_of(policy);
    const auto told = all_that_is_told(policy, space);
    for (int states = 0; states < 25; ++states) {
      for (policy::TunnelState& t : world.state.tunnels) t.status = static_cast<policy::TunnelStatus>(random.below(6));
      world.state.captive = random.chance(40);
      const policy::Situation situation(policy, world.state);
      for (int i = 0; i < 60; ++i) {
        const F flow = world.flow(random);
        if (is_left_out(flow)) continue;
        const policy::Decision decision = policy::decide(situation, flow);
        const std::string one = test::says(policy, decision);
        // S0 with a scope is the same for every policy.
        if (decision.rule == policy::Rule::S0) continue;
        const auto app = told.find(app_of(policy, flow));
        ASSERT_TRUE(app != told.end() && app->second.contains(one))
            << one << " for '" << app_of(policy, flow) << "' is told by no class: " << policy::flow_json(flow) << " in "
            << policy::state_json(world.state);
        ++flows;
        if (seen.insert(std::string(to_string(decision.rule)) + std::string(to_string(decision.verdict))).second)
          ++rules;
      }
    }
  }
  EXPECT_GT(flows, 1000u);
  EXPECT_GT(rules, 12u);
}

// An IPv6 prefix of a rule may have addresses in it that stand for IPv4: none of them is its example.
TEST(Space, ExamplesOfIpv6AreNotOfIpv4) {
  test::PolicyMaker maker;
  maker.device("D").include_all = true;
  auto selector = std::make_unique<test::made::ServiceSelectorT>();
  selector->service = 2;
  selector->protocol = 17;
  selector->prefixes = {"64:ff9b::/63", "::/80"};
  maker.body.services.push_back(std::move(selector));
  const policy::Policy policy = maker.make();
  const Space space = space_of(policy);
  for (const Place& place : space.places()) {
    EXPECT_EQ(policy::embedded(place.example), place.example) << place.example.to_string();
    for (const auto& [first, last] : place.ranges)
      for (const policy::Prefix& p : policy::embedding_prefixes)
        EXPECT_FALSE(first <= p.last() && p.first() <= last) << first.to_string();
  }
}

// Were one part of the space left out, the test above would notice.
TEST(Space, IsNoLargerThanItNeedsToBe) {
  test::PolicyMaker maker;
  maker.services();
  maker.app("app.one").governed.insert(maker.per_app("V"));
  maker.domains(test::made::ListKind::excluded, 0, {"example.com"});
  maker.device("D").include_all = true;
  const policy::Policy policy = maker.make();
  const Space space = space_of(policy);
  EXPECT_EQ(space.tunnels().size(), 2u);
  EXPECT_EQ(space.networks().size(), 2u);                    // with one and without
  EXPECT_EQ(space.states().size(), 2u * 3u + 2u * 3u * 2u);  // captive needs a network
  EXPECT_EQ(space.owners().size(), 2u);
  EXPECT_EQ(space.hosts().size(), 2u);
  EXPECT_EQ(space.whos().size(), 5u);  // forwarded, unattributed, any other app, the app and its excluded name
}

}  // namespace
}  // namespace vpn::analyse
