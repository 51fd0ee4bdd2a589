// What the kernel's table can tell apart, its limits, and its form without a network.
#include "policy/kernel_classes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "policy/kernel_table.h"
#include "tests/support/kernel_reader.h"
#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::KernelClasses;
using policy::KernelTable;
using policy::none;
using policy::Policy;
using policy::Role;
using policy::Situation;
using policy::Verdict;
using testing::HasSubstr;

KernelClasses classes_of(const Policy& policy, const S& state = on_wifi()) {
  return *KernelClasses::of(Situation(policy, state));
}

TEST(KernelClasses, GroupAppsThatNoRuleTellsApart) {
  PolicyMaker m;
  const std::uint32_t v = m.per_app("V");
  const std::uint32_t w = m.per_app("W");
  m.app("a.v1").governed = {v};
  m.app("a.v2", {Role::mail}).governed = {v};  // no list asks for this role
  m.app("a.v3").governed = {v, w};             // V governs, and nothing bypasses it
  m.app("a.w").governed = {w};
  m.app("a.none");
  const Policy policy = m.make();
  const KernelClasses classes = classes_of(policy);
  const auto owner = [&](const char* app, const char* spawner = "") {
    return classes.owner(policy.apps().find(app), *spawner == 0 ? none : policy.apps().find(spawner));
  };
  EXPECT_EQ(owner("a.v1"), owner("a.v2"));
  EXPECT_EQ(owner("a.v1"), owner("a.v3"));
  EXPECT_NE(owner("a.v1"), owner("a.w"));
  EXPECT_EQ(owner("a.none"), std::uint32_t{VPN_OTHER});
  EXPECT_EQ(owner("no.such.app"), std::uint32_t{VPN_OTHER});
  EXPECT_EQ(owner("a.none", "a.v1"), owner("a.v1")) << "helpers belong to the app";
  EXPECT_EQ(owner("a.w", "a.v1"), owner("a.v1")) << "V is before W";
  EXPECT_EQ(classes.owner_count(), 5U) << "forwarded, unattributed, other, V, W";
  EXPECT_EQ(classes.mark_count(), 5U);
}

TEST(KernelClasses, KnowNamesByTheListsOfS4) {
  PolicyMaker m;
  const std::uint32_t v = m.per_app("V");
  m.app("a.v").governed = {v};
  m.domains(made::ListKind::excluded, v, {"example.com"});
  m.domains(made::ListKind::associated, v, {"example.net"});  // triggers on-demand, decides nothing
  const Policy policy = m.make();
  const KernelClasses classes = classes_of(policy);
  const auto domain = [&](const char* name) { return classes.domain(policy.domains().lookup(name)); };
  EXPECT_EQ(classes.domain_count(), 2U);
  EXPECT_NE(domain("www.example.com"), 0U);
  EXPECT_EQ(domain("example.net"), 0U);
  EXPECT_EQ(domain("example.org"), 0U);
}

TEST(KernelClasses, KeepTheirNumbersFromStateToState) {
  PolicyMaker m;
  m.services();
  const std::uint32_t v = m.per_app("V");
  m.per_app("W");
  m.app("a.v").governed = {v};
  m.domains(made::ListKind::excluded, v, {"example.com"});
  m.device("D").include_all = true;
  const Policy policy = m.make();
  const KernelClasses first = classes_of(policy), second = classes_of(policy, S().up("V", "utun0").up("D", "utun1"));
  const auto list = [](std::span<const std::uint32_t> s) { return std::vector(s.begin(), s.end()); };
  EXPECT_EQ(list(first.pairs()), list(second.pairs()));
  EXPECT_EQ(list(first.as_owner()), list(second.as_owner()));
  EXPECT_EQ(list(first.as_spawner()), list(second.as_spawner()));
  EXPECT_EQ(first.mark_count(), second.mark_count());
  EXPECT_EQ(first.port_count(), second.port_count());
}

TEST(KernelClasses, AreFewForManyApps) {
  PolicyMaker m;
  for (const char* id : {"V", "W", "X"}) m.per_app(id);
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    MadeApp& app = m.app("app." + std::to_string(i), {i % 2 == 0 ? Role::mail : Role::browser});
    if (i % 4 != 0) app.governed = {i % 3};
  }
  const Policy policy = m.make();
  const KernelClasses classes = classes_of(policy);
  EXPECT_EQ(classes.as_owner().size(), 20'000U);
  EXPECT_EQ(classes.owner_count(), 6U);
  EXPECT_LE(classes.pairs().size(), 16U);
}

std::string refusal(PolicyMaker& m) {
  const Policy policy = m.make();
  const auto classes = KernelClasses::of(Situation(policy, on_wifi()));
  return classes ? "" : classes.error().what;
}

TEST(KernelClasses, RefuseMoreTunnelsThanACellCanName) {
  PolicyMaker m;
  for (int i = 0; i < VPN_MAX_TUNNELS; ++i) m.device("D" + std::to_string(i));
  EXPECT_EQ(refusal(m), "");
  m.device("one more");
  EXPECT_THAT(refusal(m), HasSubstr("256 tunnels"));
}

TEST(KernelClasses, RefuseMoreGroupsThanThereAreMarks) {
  PolicyMaker m;
  for (std::uint32_t i = 0; i + VPN_FIRST_APP < VPN_MAX_MARKS; ++i)
    m.app("app." + std::to_string(i)).governed = {m.per_app("V" + std::to_string(i))};
  EXPECT_EQ(refusal(m), "");
  m.app("one.more").governed = {m.per_app("one more")};
  EXPECT_THAT(refusal(m), HasSubstr("combinations of apps and VPNs"));
}

TEST(KernelClasses, RefuseMorePairsThanTheKernelShouldHold) {
  PolicyMaker m;
  // Apps of 1,100 kinds, and as many kinds of spawners: no two are governed by the same VPNs, all may be bypassed.
  for (std::uint32_t v = 0; v < 12; ++v) {
    m.per_app("V" + std::to_string(v));
    m.body.per_app.back()->on_demand = on_demand(made::OnDemandAction::disconnect, m.source("Rule"));
  }
  for (std::uint32_t i = 0; i < 1'100; ++i) {
    MadeApp& app = m.app("app." + std::to_string(i));
    for (std::uint32_t v = 0; v < 12; ++v)
      if ((i >> v & 1) != 0) app.governed.insert(v);
  }
  EXPECT_THAT(refusal(m), HasSubstr("combinations of apps and apps that spawn them"));
}

TEST(KernelTable, TakesInterfacesThatAreMissingForNone) {
  PolicyMaker m;
  m.always_on_tunnel("A#0");
  const Policy policy = m.make();
  const Situation situation(policy, on_wifi().up("A#0", "utun0"));
  const KernelClasses classes = *KernelClasses::of(situation);
  const KernelTable table = *build_kernel_table(situation, classes, {});
  EXPECT_EQ(table.words[VPN_W_PRIMARY], 0U);
  EXPECT_EQ(table.words[table.words[VPN_W_TUNNELS]], 0U);
  EXPECT_TRUE(table.tunnel_interfaces.empty());
}

TEST(KernelTable, LosesLocalNetworksAndThePortalWhenStaleButNotTheDevicesOwnAddresses) {
  PolicyMaker m;
  made::DeviceT& d = m.device("D");
  d.include_all = d.exclude_local = true;
  m.app("a.portal", {Role::captive_websheet});
  const Policy policy = m.make();
  const S state = on_wifi().up("D", "utun0").behind_portal().while_probing().lease_of("10.99.0.1");
  const policy::DeviceState without = policy::stale(state);
  const auto verdict = [&](const policy::DeviceState& in, const F& flow) {
    const Situation situation(policy, in);
    const KernelClasses classes = *KernelClasses::of(situation);
    const policy::InterfaceIndexes indexes{{"wlan0", 2}, {"utun0", 9}};
    const KernelTable table = *build_kernel_table(situation, classes, indexes);
    const KernelVerdict v = KernelReader(table, classes).judge(packet_of(policy, classes, indexes, in, flow));
    return std::string(to_string(v.verdict)) + " " + std::string(to_string(v.rule));
  };
  const F neighbour = F("tcp", "192.168.1.50", 80).by("other"), portal = F("tcp", "203.0.113.1", 80).by("a.portal");
  EXPECT_EQ(verdict(state, neighbour), "direct S5.c");
  EXPECT_EQ(verdict(without, neighbour), "tunnel S5.f");
  EXPECT_EQ(verdict(state, portal), "direct S5.a");
  EXPECT_EQ(verdict(without, portal), "tunnel S5.f");
  EXPECT_EQ(verdict(without, F("tcp", "192.168.1.20", 80).by("other")), "system S0");
  EXPECT_EQ(verdict(without, F("udp", "10.99.0.1", 67).from_port(68).user(0)), "direct S1.a") << "the lease goes on";
  EXPECT_FALSE(without.probing);
}

}  // namespace
}  // namespace vpn::test
