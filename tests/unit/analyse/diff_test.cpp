// What another policy changes.
#include "compiler/analyse/diff.h"

#include <gmock/gmock.h>

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

// What the agent asks for by itself is decided by the names in a policy alone.
TEST(Diff, TheAgentsOwnLookupsAndProbesAreTold) {
  PolicyMaker one = always_on_maker(), two = always_on_maker();
  one.servers({"old.example"});
  two.servers({"new.example", "other.example"});
  two.probe("portal.example", 443);
  const policy::Policy before = one.make(), after = two.make();
  const Difference d = difference(before, after);
  std::vector<std::string> told;
  for (const Change& c : d.changes) {
    EXPECT_EQ(c.risk, Risk::agent);
    told.push_back(std::string(to_string(c.before.verdict)) + " " + std::string(to_string(c.after.verdict)) + " " +
                   c.what + " " + c.where);
    const auto flow = policy::parse_flow(c.flow);
    const auto state = policy::parse_state(c.state);
    ASSERT_TRUE(flow && state);
    EXPECT_EQ(policy::decide(policy::Situation(before, *state), flow->flow).verdict, c.before.verdict);
    EXPECT_EQ(policy::decide(policy::Situation(after, *state), flow->flow).verdict, c.after.verdict);
  }
  EXPECT_THAT(told,
              ::testing::ElementsAre("drop direct look-ups of new.example and other.example to the network's resolvers",
                                     "direct drop look-ups of old.example to the network's resolvers",
                                     "drop direct probes to portal.example:443"));
  DiffOptions options;
  Expected moved, probed;
  moved.flows.hosts = {"*.example", "new.example", "other.example", "old.example"};
  moved.flows.rules = {policy::Rule::S1d};
  options.expected = {moved};
  const auto rest = diff(before, after, options);
  ASSERT_TRUE(rest) << rest.error().what;
  ASSERT_EQ(rest->changes.size(), 1u);
  EXPECT_EQ(rest->expected, 3u);
  probed.flows.rules = {policy::Rule::S1f};
  options.expected.push_back(probed);
  EXPECT_TRUE(diff(before, after, options)->changes.empty());
}

// Everything else that arrives is judged as the flow back is.
TEST(Diff, EncapsulationsThatArriveAreTold) {
  PolicyMaker plain, all;
  plain.device("D");
  all.device("D").include_all = true;
  const policy::Policy one = plain.make(), two = all.make();
  const Difference d = difference(one, two);
  const auto it = std::find_if(d.changes.begin(), d.changes.end(), [](const Change& c) {
    return c.before.verdict == policy::Verdict::accept && c.after.verdict == policy::Verdict::drop;
  });
  ASSERT_NE(it, d.changes.end()) << diff_text(one, two, d, false);
  EXPECT_THAT(it->what, ::testing::HasSubstr("GRE"));
  EXPECT_THAT(it->flow, ::testing::HasSubstr("\"direction\":\"in\""));
  EXPECT_EQ(it->new_decision.rule, policy::Rule::S5);
  EXPECT_EQ(it->risk, Risk::blocks);
  for (const Change& c : d.changes)
    EXPECT_NE(c.before.verdict == policy::Verdict::accept, c.what.find("arrive") == std::string::npos);
  const Difference back = difference(two, one);
  EXPECT_TRUE(std::any_of(back.changes.begin(), back.changes.end(), [](const Change& c) {
    return c.after.verdict == policy::Verdict::accept && c.risk == Risk::opens;
  }));
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
        // What arrives is judged as the flow back is, but for encapsulations from outside a tunnel (S3, S5).
        policy::Flow arriving = flow;
        arriving.incoming = true;
        arriving.protocol = 47;
        arriving.scope = {};
        const policy::Decision old = policy::decide(old_one, arriving), now = policy::decide(new_one, arriving);
        const auto drops = [](policy::Rule r) { return r == policy::Rule::S3 || r == policy::Rule::S5; };
        if (!drops(old.rule) && !drops(now.rule)) continue;
        EXPECT_TRUE(old.verdict == now.verdict || told.contains({old.verdict, now.verdict}))
            << policy::flow_json(arriving) << " in " << policy::state_json(a.state) << "; " << test::says(before, old)
            << "; " << test::says(after, now);
      }
    }
  }
  EXPECT_GT(changes, 8u);
}

}  // namespace
}  // namespace vpn::analyse
