// What another policy changes.
#include "compiler/analyse/diff.h"

#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "policy/json/json.h"
#include "policy_generated.h"
#include "tests/support/random_world.h"

namespace vpn::analyse {
namespace {

using test::PolicyMaker;
using test::Random;
using test::RandomWorld;
namespace made = test::made;

Difference difference(const policy::Policy& before, const policy::Policy& after, const DiffOptions& options = {}) {
  auto found = diff(before, after, options);
  EXPECT_TRUE(found) << found.error().what;
  return std::move(*found);
}

/// "leaves: drop -> direct: who | where; what | when".
std::vector<std::string> lines(const Difference& d) {
  std::vector<std::string> out;
  for (const Change& c : d.changes)
    out.push_back(std::string(to_string(c.risk)) + ": " + std::string(to_string(c.before.verdict)) + " -> " +
                  std::string(to_string(c.after.verdict)) + ": " + c.who + " | " + c.where + "; " + c.what + " | " +
                  c.when);
  return out;
}

PolicyMaker always_on_maker(const std::string& id = "A#0") {
  PolicyMaker maker;
  maker.services();
  maker.always_on_tunnel(id);
  return maker;
}

TEST(Diff, FindsNothingWhereNothingChanges) {
  PolicyMaker one = always_on_maker(), two = always_on_maker("B#0");
  EXPECT_THAT(lines(difference(one.make(), one.make())), ::testing::IsEmpty());
  const Difference renamed = difference(one.make(), two.make());
  EXPECT_THAT(lines(renamed), ::testing::IsEmpty());
  EXPECT_THAT(renamed.renamed, ::testing::ElementsAre(::testing::HasSubstr("A#0 is now B#0")));
}

TEST(Diff, TellsOfAnExceptionForAnApp) {
  PolicyMaker before = always_on_maker(), after = always_on_maker();
  after.app("app.voice").exception_any = after.source("ApplicationExceptions[0]");
  EXPECT_THAT(
      lines(difference(before.make(), after.make())),
      ::testing::ElementsAre("leaves: tunnel -> direct: app.voice | anywhere; any protocol | 'A#0' connected",
                             "leaves: drop -> direct: app.voice | anywhere; any protocol | 'A#0' disconnected"));
  EXPECT_THAT(lines(difference(after.make(), before.make())),
              ::testing::ElementsAre("blocks: direct -> drop: app.voice | anywhere; any protocol | 'A#0' disconnected",
                                     "enters: direct -> tunnel: app.voice | anywhere; any protocol | 'A#0' connected"));
}

TEST(Diff, TellsOfServicesByTheirPortsAndServers) {
  PolicyMaker before = always_on_maker(), after = always_on_maker();
  after.service_exception(policy::Service::apns, false);
  const auto all = lines(difference(before.make(), after.make()));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0],
            "leaves: tunnel -> direct: any app | to the servers of apns; TCP 443, 2197 and 5223 | 'A#0' connected");
}

TEST(Diff, TellsOfNamesThatAreExcluded) {
  const auto maker = [](bool has_more) {
    PolicyMaker out;
    out.app("app.mail").governed.insert(out.per_app("V"));
    out.domains(made::ListKind::excluded, 0, {"example.com"});
    if (has_more) out.domains(made::ListKind::excluded, 0, {"example.net", "*.example.org"});
    return out;
  };
  const auto all = lines(difference(maker(false).make(), maker(true).make()));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(all[0], ::testing::AllOf(::testing::HasSubstr("leaves: tunnel -> system: app.mail to "),
                                       ::testing::HasSubstr("example.net"), ::testing::HasSubstr("'V' connected")));
}

TEST(Diff, TellsOfLocalNetworksAndStatuses) {
  const auto maker = [](bool local) {
    PolicyMaker out;
    made::DeviceT& d = out.device("D");
    d.include_all = true;
    d.exclude_local = local;
    return out;
  };
  EXPECT_THAT(lines(difference(maker(false).make(), maker(true).make())),
              ::testing::UnorderedElementsAre(
                  ::testing::AllOf(::testing::HasSubstr("leaves: drop -> direct: all traffic | to local networks; any "
                                                        "protocol but ports 53 and 853"),
                                   ::testing::EndsWith("'D' connecting")),
                  ::testing::AllOf(::testing::HasSubstr("leaves: tunnel -> direct: all traffic | to local networks"),
                                   ::testing::EndsWith("'D' connected"))));
}

TEST(Diff, ShowsRoutesOfStatesThatAreGivenLiterally) {
  PolicyMaker before, after;
  before.device("D");
  after.device("D").enforce_routes = true;
  DiffOptions options;
  options.states = {test::on_wifi()
                        .tunnel("D", policy::TunnelStatus::reasserting, "utun0")
                        .includes({"10.0.0.0/8"})
                        .excludes({"10.10.0.0/16"})};
  EXPECT_THAT(lines(difference(before.make(), after.make(), options)),
              ::testing::ElementsAre(
                  ::testing::HasSubstr("blocks: system -> drop: all traffic | to 10.0.0.0/8 less 10.10.0.0/16; any"),
                  ::testing::HasSubstr("other: system -> direct: all traffic | to 10.10.0.0/16; any protocol")));
}

TEST(Diff, LeavesOutWhatIsExpected) {
  PolicyMaker before = always_on_maker(), after = always_on_maker();
  after.app("app.voice").exception_any = after.source("ApplicationExceptions[0]");
  after.service_exception(policy::Service::airprint, false);
  DiffOptions options;
  Expected voice;
  voice.flows.apps = {"app.voice"};
  voice.after = {policy::Verdict::direct};
  options.expected = {voice};
  const Difference d = difference(before.make(), after.make(), options);
  EXPECT_GT(d.expected, 0u);
  for (const std::string& line : lines(d)) EXPECT_THAT(line, ::testing::HasSubstr("local networks")) << line;
}

TEST(Diff, IsWrittenForProgramsPeopleAndMergeRequests) {
  PolicyMaker before = always_on_maker(), after = always_on_maker();
  after.app("app.voice").exception_any = after.source("ApplicationExceptions[0]");
  const policy::Policy one = before.make(), two = after.make();
  const Difference d = difference(one, two);
  const auto json = diff_json(one, two, d);
  EXPECT_EQ(json["leaves"], true);
  EXPECT_EQ(json["changes"][0]["example"]["new"]["rule"], "S3.c");
  EXPECT_EQ(json["changes"][0]["example"]["flow"]["app"], "app.voice");
  EXPECT_THAT(diff_text(one, two, d, false), ::testing::HasSubstr("newly leaves outside every tunnel"));
  EXPECT_THAT(diff_markdown(one, two, d), ::testing::HasSubstr("**risk:**"));
}

// Every change that random flows find is told of, and each example is confirmed by both policies.
TEST(Diff, AgreesWithRandomFlows) {
  Random random;
  std::size_t changes = 0;
  for (int round = 0; round < 6 || (changes <= 8 && round < 100); ++round) {
    // Of the same tunnels, so that a state of one is a state of the other.
    RandomWorld a(random);
    if (a.tunnels.size() > 3) continue;  // sanitizers would take minutes
    auto b = std::make_unique<RandomWorld>(random);
    while (a.tunnels != b->tunnels) b = std::make_unique<RandomWorld>(random);
    const policy::Policy before = a.maker.make(), after = b->maker.make();
    const Difference d = difference(before, after);
    std::set<std::tuple<policy::Verdict, policy::Verdict>> told;
    for (const Change& c : d.changes) {
      told.emplace(c.before.verdict, c.after.verdict);
      const auto flow = policy::parse_flow(c.flow);
      const auto old_state = policy::parse_state(c.state), new_state = policy::parse_state(c.new_state);
      ASSERT_TRUE(flow && old_state && new_state);
      EXPECT_EQ(policy::decide(policy::Situation(before, *old_state), flow->flow).verdict, c.before.verdict)
          << c.flow << " in " << c.state << " " << test::says(before, c.old_decision) << " | " << c.where << " "
          << c.what;
      EXPECT_EQ(policy::decide(policy::Situation(after, *new_state), flow->flow).verdict, c.after.verdict);
    }
    changes += told.size();
    if (a.state.primary_interface.empty()) continue;  // not compared
    for (int states = 0; states < 20; ++states) {
      for (policy::TunnelState& t : a.state.tunnels) t.status = static_cast<policy::TunnelStatus>(random.below(6));
      const policy::Situation old_one(before, a.state), new_one(after, a.state);
      for (int i = 0; i < 60; ++i) {
        const test::F flow = a.flow(random);
        if (flow.incoming || flow.agent || !flow.provider_of.empty() || flow.service) continue;
        const policy::Verdict was = policy::decide(old_one, flow).verdict, is = policy::decide(new_one, flow).verdict;
        EXPECT_TRUE(was == is || told.contains({was, is}))
            << to_string(was) << " -> " << to_string(is) << " for " << policy::flow_json(flow) << " in "
            << policy::state_json(a.state) << "; " << test::says(before, policy::decide(old_one, flow)) << "; "
            << test::says(after, policy::decide(new_one, flow));
      }
    }
  }
  EXPECT_GT(changes, 8u);
}

}  // namespace
}  // namespace vpn::analyse
