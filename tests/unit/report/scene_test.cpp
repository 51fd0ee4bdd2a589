// What a scene is made of: networks, the reader's own states, apps beyond what the page looks at.
#include "compiler/report/scene.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "compiler/report/states.h"
#include "compiler/report/traffic.h"
#include "tests/support/policy_maker.h"

namespace vpn::report {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

policy::Policy with_rules(std::vector<test::made::OnDemandRuleT> rules, bool enabled = true) {
  test::PolicyMaker maker;
  const std::uint32_t v = maker.per_app("V");
  auto& on_demand = maker.body.per_app[v]->on_demand;
  on_demand = test::on_demand(test::made::OnDemandAction::disconnect, maker.source("first"), enabled);
  on_demand->rules.clear();
  for (test::made::OnDemandRuleT& rule : rules) {
    rule.source = maker.source("rule");
    on_demand->rules.push_back(std::make_unique<test::made::OnDemandRuleT>(std::move(rule)));
  }
  return maker.make();
}

std::vector<std::string> titles_of(const Networks& networks) {
  std::vector<std::string> out;
  for (const Network& n : networks.all) out.push_back(n.title);
  return out;
}

test::made::OnDemandRuleT on_wifi(std::vector<std::string> ssids) {
  test::made::OnDemandRuleT out;
  out.ssids = std::move(ssids);
  return out;
}

// The first name of the second rule's list is the first rule's.
TEST(ReportNetworks, ARuleHasANetworkThatNoEarlierRuleTakes) {
  const policy::Policy policy = with_rules({on_wifi({"Office"}), on_wifi({"Office", "Lab"})});
  const fb::OnDemand* const on_demand = policy.body().per_app()->Get(0)->on_demand();
  const Networks made = networks(on_demand);
  ASSERT_THAT(titles_of(made),
              ElementsAre("Wi-Fi named \u201cOffice\u201d", "Network of rule 2", "Other Wi-Fi", "Cellular"));
  EXPECT_EQ(made.all[1].device.interfaces[0].ssid, "Lab");
  EXPECT_THAT(made.note, IsEmpty());
}

TEST(ReportNetworks, ARuleThatIsNotEnabledHasNone) {
  const policy::Policy policy = with_rules({{}}, false);
  const Networks made = networks(policy.body().per_app()->Get(0)->on_demand());
  EXPECT_THAT(titles_of(made), ElementsAre("Wi-Fi", "Cellular"));
  EXPECT_THAT(made.all[0].device.interfaces[0].dns_server_texts, ElementsAre(example::router, example::router6));
}

TEST(ReportNetworks, WhatIsLeftOutIsCounted) {
  std::vector<test::made::OnDemandRuleT> rules;
  for (int i = 0; i < 20; ++i) rules.push_back(on_wifi({"Site " + std::to_string(i)}));
  const policy::Policy policy = with_rules(std::move(rules));
  const Networks made = networks(policy.body().per_app()->Get(0)->on_demand());
  EXPECT_EQ(made.all.size(), 14U);
  EXPECT_THAT(made.note, StartsWith("The rules tell 8 more networks apart"));
}

policy::DeviceState at_home() {
  policy::DeviceState state;
  state.primary_interface = "eth7";
  policy::InterfaceState& i = state.interfaces.emplace_back();
  i.name = "eth7";
  i.type = policy::InterfaceType::ethernet;
  i.addresses = {{address_of("10.20.30.50"), std::uint8_t{24}}};
  i.dns_servers = {address_of("10.20.30.1")};
  policy::TunnelState& t = state.tunnels.emplace_back();
  t.id = "D";
  t.status = policy::TunnelStatus::connected;
  t.interface = "utun3";
  t.endpoints = {{address_of("198.18.0.7"), 17, 51820}};
  return state;
}

TEST(ReportStates, AGivenStateIsAskedWithItsOwnAddresses) {
  const policy::DeviceState state = at_home();
  const auto asked = [&](const char* remote, std::string_view provider_of = {}) {
    policy::Flow flow;
    flow.remote = address_of(remote);
    flow.remote_port = 4500;
    flow.provider_of = provider_of;
    flow.scope = example::wifi;
    ask_at_home(state, flow);
    EXPECT_EQ(flow.scope, "eth7");
    return flow.remote.to_string() + ":" + std::to_string(flow.remote_port);
  };
  EXPECT_EQ(asked(example::neighbour), "10.20.30.1:4500");  // not the device's own address
  EXPECT_EQ(asked(example::router), "10.20.30.1:4500");
  EXPECT_EQ(asked(example::server, "d"), "198.18.0.7:51820");
  EXPECT_EQ(asked(example::server, "other"), std::string(example::server) + ":4500");
  EXPECT_EQ(asked(example::host), std::string(example::host) + ":4500");
}

// The state's local network is another one than the page's: its neighbour is excepted (S5.c), its server is let out.
TEST(ReportStates, TheLocalNetworkOfAGivenStateIsLocal) {
  test::PolicyMaker maker;
  auto& device = maker.device("D");
  device.include_all = true;
  device.exclude_local = true;
  const policy::Policy policy = maker.make();
  const Scenes made = scenes(policy, {{"home", at_home()}, {"elsewhere", {}}, {"nowhere", {}}});
  const Scene& own = made.all.back();
  ASSERT_EQ(own.title, "Your states");
  bool local = false;
  for (const Row& row : own.rows)
    for (const std::string& thing : row.things)
      if (thing.starts_with("Local network")) local = local || own.decisions[row.cells[0]].rule == policy::Rule::S5c;
  EXPECT_TRUE(local);
  // Nothing but its name is known of a given state, least of all that it is not connected.
  for (const Column& column : own.columns) EXPECT_THAT(column.title, Not(HasSubstr("onnected")));
}

TEST(ReportSenders, MoreVpnsThanTheKernelTakesAreToldApart) {
  test::PolicyMaker maker;
  for (std::uint32_t v = 0; v < 70; ++v) {
    maker.per_app("V" + std::to_string(v));
    maker.app("com.example." + std::to_string(v)).governed = {v};
  }
  const policy::Policy policy = maker.make();
  const Senders found = senders(policy);
  EXPECT_THAT(found.notes, IsEmpty());
  EXPECT_EQ(found.all.size(), 70U + 3);
  // All of them are in the scene of all.
  const Scenes made = scenes(policy, {});
  EXPECT_EQ(made.all.back().title, "All VPNs together");
  EXPECT_EQ(made.all.back().tunnels.size(), 70U);
}

// More groups of apps than are looked at: those that the VPN of the section serves are among them.
TEST(ReportSenders, WhomTheVpnServesIsLookedAtFirst) {
  test::PolicyMaker maker;
  constexpr std::uint32_t count = 320;
  for (std::uint32_t v = 0; v < count; ++v) {
    maker.per_app("V" + std::to_string(v));
    maker.app("com.example." + std::to_string(v)).governed = {v};
  }
  maker.device("last").include_all = true;  // serves those that no per-app VPN governs
  maker.app("zz.example.plain").exception_any = policy::none;
  const policy::Policy policy = maker.make();
  const Scenes made = scenes(policy, {});
  for (std::uint32_t v = 0; v < 24; ++v) {
    const Scene& scene = made.all[v];
    EXPECT_THAT(scene.notes, Contains(StartsWith("Only 300 of 323 groups of apps"))) << v;
    bool served = false;
    unsigned unnamed = 0;
    for (const Sender& s : scene.senders) {
      served = served ||
               std::find(s.members.begin(), s.members.end(), "com.example." + std::to_string(v)) != s.members.end();
      unnamed |= s.unnamed;
    }
    EXPECT_TRUE(served) << v;
    EXPECT_EQ(unnamed, unsigned{all_unnamed});
  }
}

// The table of a VPN is about its own apps, whatever their place among all apps, and though the first network is one
// where on-demand passes it over.
TEST(ReportSenders, AVpnsOwnAppsAreInItsTable) {
  test::PolicyMaker maker;
  for (std::uint32_t v = 0; v < 45; ++v) {
    maker.per_app("V" + std::to_string(v));
    maker.app("com.example." + std::to_string(99 - v)).governed = {v};
    maker.body.per_app[v]->on_demand = test::on_demand(test::made::OnDemandAction::disconnect, maker.source("first"));
    maker.body.per_app[v]->on_demand->rules[0]->ssids = {"Office"};
  }
  const policy::Policy policy = maker.make();
  const Scenes made = scenes(policy, {});
  for (std::uint32_t v = 0; v < 24; ++v) {
    const std::vector<Sender>& senders = made.all[v].senders;
    EXPECT_THAT(made.all[v].notes, Contains(HasSubstr("groups of apps are not shown"))) << v;
    EXPECT_TRUE(std::any_of(senders.begin(), senders.end(), [&](const Sender& s) {
      return s.members == std::vector<std::string>{"com.example." + std::to_string(99 - v)};
    })) << v;
  }
}

TEST(ReportScenes, AlwaysOnTunnelsAreAmongAllVpns) {
  test::PolicyMaker maker;
  maker.always_on_tunnel("A#0", 1);
  maker.always_on_tunnel("A#1", 2);
  maker.per_app("V");
  const policy::Policy policy = maker.make();
  const Scenes made = scenes(policy, {});
  ASSERT_EQ(made.all.back().title, "All VPNs together");
  EXPECT_EQ(made.all.back().tunnels.size(), 3U);
}

}  // namespace
}  // namespace vpn::report
