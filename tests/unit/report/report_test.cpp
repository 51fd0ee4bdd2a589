#include "compiler/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "compiler/report/arrivals.h"
#include "compiler/report/drawing.h"
#include "compiler/report/facts.h"
#include "compiler/report/markup.h"
#include "compiler/report/scene.h"
#include "compiler/report/states.h"
#include "compiler/report/traffic.h"
#include "compiler/report/words.h"
#include "tests/support/random_world.h"

namespace vpn::report {
namespace {

const std::string right_to_left{static_cast<char>(0xe2), static_cast<char>(0x80), static_cast<char>(0xae)};  // U+202E

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// What a cell has to say; none: nothing can arrive so.
std::optional<decltype(key(policy::Decision{}))> verdict_of(const policy::Situation& situation, const Item& item,
                                                            const Sender& sender, const State& state) {
  if (!item.flow.incoming) return key(decide(situation, flow_of(item, sender, state)));
  const auto flow = arriving(situation, item, sender, state);
  if (!flow) return std::nullopt;
  return key(decide(situation, *flow));
}

/// Every cell of a table is what decide() says, of each flow in each state that were put together in it; and nothing
/// that was asked is missing.
void expect_exact(const policy::Policy& policy, const Scene& scene, const Cast& asked) {
  std::set<std::uint32_t> states;
  std::set<std::pair<std::uint32_t, std::uint32_t>> covered;
  for (const Column& column : scene.columns)
    for (const std::uint32_t s : column.states) EXPECT_TRUE(states.insert(s).second) << "a state in two columns";
  EXPECT_EQ(states.size(), scene.states.size());
  std::vector<policy::Situation> situations;
  for (const State& s : scene.states) situations.emplace_back(policy, s.device);
  for (const Row& row : scene.rows)
    for (const std::uint32_t who : scene.senders[row.sender].asked)
      for (const std::uint32_t what : row.asked) {
        EXPECT_TRUE(covered.emplace(who, what).second) << "a flow in two rows";
        for (std::size_t c = 0; c < row.cells.size(); ++c)
          for (const std::uint32_t s : scene.columns[c].states) {
            const auto expected = verdict_of(situations[s], asked.items[what], asked.senders[who], scene.states[s]);
            ASSERT_EQ(expected.has_value(), row.cells[c] != policy::none) << row.title;
            if (!expected) continue;
            EXPECT_EQ(*expected, key(scene.decisions[row.cells[c]]))
                << scene.title << ", " << row.title << ", " << scene.columns[c].title;
          }
      }
  for (std::uint32_t who = 0; who < asked.senders.size(); ++who)
    for (std::uint32_t what = 0; what < asked.items.size(); ++what)
      EXPECT_EQ(covered.count({who, what}), meets(asked.items[what], asked.senders[who], who) ? 1U : 0U);
}

TEST(Report, EveryCellIsWhatDecideSays) {
  test::Random random;
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    test::RandomWorld world(random);
    const policy::Policy policy = world.maker.make();
    const Scenes made = scenes(policy, {{"own", world.state}});
    ASSERT_FALSE(made.all.empty());
    for (const Scene& scene : made.all) {
      // Beyond that many the senders are asked in an order of the scene's own.
      if (senders(policy).all.size() > scene.most_groups) continue;
      const Cast asked = cast(policy, senders(policy).all, scene.tunnel, scene.has_guessed_routes);
      expect_exact(policy, scene, asked);
      const bool has_vpn = policy.body().tunnels() != nullptr && policy.body().tunnels()->size() != 0;
      ASSERT_EQ(scene.arrivals.size(), has_vpn ? 1U : 0U);
      if (scene.arrivals.empty()) continue;
      const Scene& in = scene.arrivals[0];
      expect_exact(policy, in, {asked.senders, arrivals(asked.senders, scene.has_guessed_routes)});
    }
    EXPECT_EQ(made.all.back().title, "Your states");
  }
}

/// Verdict and rule of the row that has the thing, in the column with that title.
std::string cell(const Scene& in, const std::string& who, const std::string& thing, const std::string& column) {
  for (const Row& row : in.rows) {
    if (in.senders[row.sender].title != who) continue;
    if (std::find(row.things.begin(), row.things.end(), thing) == row.things.end()) continue;
    for (std::size_t c = 0; c < in.columns.size(); ++c) {
      if (in.columns[c].title != column) continue;
      if (row.cells[c] == policy::none) return "nothing";
      const policy::Decision& d = in.decisions[row.cells[c]];
      return std::string(policy::to_string(d.verdict)) + " " + std::string(policy::to_string(d.rule));
    }
    return "no column " + column;
  }
  return "no row " + thing;
}

TEST(Report, TellsWhatArrives) {
  test::PolicyMaker maker;
  maker.services();
  maker.always_on_tunnel("A#0");
  const policy::Policy policy = maker.make();
  const Scenes made = scenes(policy, {});
  const Scene& in = made.all[0].arrivals.at(0);
  const auto all = [&](const char* thing, const char* column) {
    return cell(in, "Everything on this device", thing, column);
  };
  EXPECT_EQ(all("From the internet", "Connected"), "drop S3.e");
  EXPECT_EQ(all("From the internet, out of the tunnel", "Connected"), "accept S3.e");
  EXPECT_EQ(all("Encapsulated packets (GRE)", "Connected"), "drop S3");
  EXPECT_EQ(cell(in, "The operating system", "Address assignment (DHCP)", "Connected"), "accept S1.a");
  EXPECT_EQ(cell(in, "The operating system", "Router advertisements", "Connected"), "accept S1.b");
  EXPECT_EQ(cell(in, "The VPN\u2019s own client", "From its own server", "Connected"), "accept S1.c");
}

TEST(Report, SameRequestSameBytes) {
  test::Random random(7);
  test::RandomWorld world(random);
  const policy::Policy policy = world.maker.make();
  EXPECT_EQ(html({policy, "a", {}, {}, {}, {}, {}, {}, {}}), html({policy, "a", {}, {}, {}, {}, {}, {}, {}}));
}

TEST(Report, TellsWhatAnIncludeAllVpnPromises) {
  test::PolicyMaker maker;
  maker.services();
  maker.device("D").include_all = true;
  const policy::Policy policy = maker.make();
  const Scenes made = scenes(policy, {});
  ASSERT_EQ(made.all.size(), 1U);
  EXPECT_THAT(made.all[0].promise[0], HasSubstr("goes through \u201cD\u201d while it is connected"));
  EXPECT_THAT(made.all[0].promise[0],
              HasSubstr("takes the device\u2019s ordinary routes"));  // a user can disconnect it
}

TEST(Report, TellsWhatAnAlwaysOnVpnPromises) {
  test::PolicyMaker maker;
  maker.services();
  maker.always_on_tunnel("A#0");
  const policy::Policy policy = maker.make();
  const Scenes made = scenes(policy, {});
  EXPECT_THAT(
      made.all[0].promise,
      ElementsAre("Ordinary internet traffic goes through \u201cA#0\u201d while it is connected, and is blocked "
                  "otherwise."));
}

TEST(Report, NetworksFitTheirRules) {
  test::PolicyMaker maker;
  auto rules = test::on_demand(test::made::OnDemandAction::disconnect, maker.source("first"));
  rules->rules[0]->interface_type = 0;
  rules->rules[0]->ssids = {"Office"};
  maker.per_app("V");
  maker.body.per_app[0]->on_demand = std::move(rules);
  const policy::Policy policy = maker.make();
  std::vector<std::string> titles;
  for (const Network& n : networks(policy.body().per_app()->Get(0)->on_demand()).all) titles.push_back(n.title);
  EXPECT_THAT(titles, ElementsAre("Wi-Fi, Wi-Fi named \u201cOffice\u201d", "Other Wi-Fi", "Cellular"));
}

// The page names the ranges of docs/semantics.md; decide() must know the same ones.
TEST(Report, WhatIsDrawnAsLocalIsLocal) {
  test::PolicyMaker maker;
  auto& device = maker.device("D");
  device.include_all = true;
  device.exclude_local = true;
  const policy::Policy policy = maker.make();
  const std::vector<std::uint32_t> tunnels{0};
  const policy::Situation situation(policy, states(policy, tunnels, networks(nullptr).all, false)[0].device);
  const auto is_local = [&](const policy::Address& a) {
    policy::Flow flow;
    flow.protocol = 6;
    flow.remote_port = 443;
    flow.remote = a;
    return decide(situation, flow).rule == policy::Rule::S5c;
  };
  const std::vector<Space> all = spaces(policy);
  ASSERT_EQ(all[0].title, "Always local");
  for (const policy::Prefix& p : all[0].prefixes) {
    EXPECT_TRUE(is_local(p.first())) << p.to_string();
    EXPECT_TRUE(is_local(p.last())) << p.to_string();
  }
  ASSERT_EQ(all[1].title, "May be local");
  for (const policy::Prefix& p : all[1].prefixes) EXPECT_TRUE(is_private(p)) << p.to_string();
}

TEST(Report, ExceptionsSayWhereTheyComeFrom) {
  test::PolicyMaker maker;
  auto& device = maker.device("D");
  device.include_all = true;
  device.exclude_apns = true;
  device.exclude_apns_source = device.source;  // the default decides
  device.exclude_local = true;
  const policy::Policy policy = maker.make();
  bool apns = false, local = false;
  for (const Exception& e : exceptions(policy)) {
    if (e.rule == "S5.e") apns = e.is_default;
    if (e.rule == "S5.c") local = !e.is_default && e.source == device.exclude_local_source;
  }
  EXPECT_TRUE(apns);
  EXPECT_TRUE(local);
}

TEST(Report, EverythingIsEscaped) {
  EXPECT_EQ(escaped("</script><b a='1' c=\"2\">&"), "&lt;/script&gt;&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;");
  EXPECT_EQ(escaped("a" + right_to_left + "b"), "a&lt;U+202E&gt;b");
  EXPECT_EQ(escaped(std::string_view("a\0b\x1b", 4)), "a\u2400b\u241b");
  EXPECT_EQ(escaped("\xff"), "\ufffd");
}

TEST(Report, HostileNamesStayText) {
  const std::string evil =
      "</script><script>window.attacked=1</script><img src=x onerror=window.attacked=1>" + right_to_left + "\x07";
  test::PolicyMaker maker;
  maker.services();
  maker.device("D").include_all = true;
  maker.body.tunnels[0]->name = evil;
  maker.body.files = {evil};
  maker.app(evil).roles = 1;
  for (int i = 0; i < 80; ++i) maker.app(evil + std::to_string(i)).roles = 1;
  const policy::Policy policy = maker.make();
  const std::string page = html({policy,
                                 evil,
                                 {{evil, {}}},
                                 std::vector<Finding>{{evil, evil, evil, evil, evil, {evil, 1, 1, evil}}},
                                 {},
                                 evil,
                                 {},
                                 {},
                                 {}});
  EXPECT_THAT(page, Not(HasSubstr("<script>window")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr(right_to_left)));
  EXPECT_EQ(page.find('\x07'), std::string::npos);
  EXPECT_THAT(page, HasSubstr("&lt;img src=x"));
}

TEST(Report, LinesOfADrawingFit) {
  for (const std::string text : {"com.example.a.very.long.identifier.without.any.place.to.break.at.all", "short",
                                 "several words that need more than a single line of the drawing to be shown"})
    for (const std::string& line : wrapped(text, 180, 14, 4)) EXPECT_LE(text_width(line, 14), 180 + 14) << line;
  EXPECT_THAT(wrapped("one two three four", 60, 14, 1), ElementsAre(HasSubstr("\u2026")));
  EXPECT_TRUE(wrapped("", 60, 14, 3).empty());
}

TEST(Report, NumbersAreReadable) {
  EXPECT_EQ(grouped(1000000), "1,000,000");
  EXPECT_EQ(counted(1, "app", "apps"), "1 app");
  EXPECT_EQ(number(12.5), "12.5");
  EXPECT_EQ(number(100), "100");
}

}  // namespace
}  // namespace vpn::report
