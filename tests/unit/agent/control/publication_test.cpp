#include "agent/control/publication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/config.h"
#include "policy/kernel/table.h"
#include "tests/support/policy_maker.h"

namespace vpn::agent {
namespace {

policy::Address address(const char* text) { return *policy::Address::parse(text); }
policy::Prefix prefix(const char* text) { return *policy::Prefix::parse(text); }

Link link(std::uint32_t index, std::string name, std::string kind = {}, std::uint32_t master = 0) {
  Link l;
  l.index = index;
  l.name = std::move(name);
  l.kind = std::move(kind);
  l.master = master;
  l.up = true;
  return l;
}

// A developer's machine: Docker, a bridge of virtual machines on the wire, a VLAN, a tunnel.
NetworkView machine() {
  NetworkView v;
  v.links = {link(1, "lo"),
             link(2, "eth0"),
             link(3, "wlan0"),
             link(4, "docker0", "bridge"),
             link(5, "veth1", "veth", 4),
             link(6, "br0", "bridge"),
             link(7, "eth1", "", 6),
             link(8, "eth0.7", "vlan"),
             link(9, "tun0", "tun"),
             link(10, "virbr1", "bridge")};
  v.links[0].loopback = true;
  v.links[7].lower = 2;
  v.addresses = {{2, address("192.168.1.20"), 24}, {3, address("10.0.0.4"), 8}, {9, address("10.8.0.2"), 32}};
  v.routes = {{prefix("0.0.0.0/0"), 2, address("192.168.1.1"), 100},
              {prefix("0.0.0.0/0"), 2, address("192.168.1.254"), 50},
              {prefix("0.0.0.0/0"), 3, address("10.0.0.1"), 600},
              {prefix("0.0.0.0/0"), 10, std::nullopt, 900},
              {prefix("::/0"), 2, address("fe80::1"), 100}};
  return v;
}

TEST(Publication, KindsOfInterfaces) {
  const std::vector<std::uint32_t> tunnels{9};
  const auto all = interfaces_of(machine(), tunnels, Config().inner_bridges);
  const auto kind = [&](std::size_t at) { return all[at].kind; };
  EXPECT_EQ(kind(0), InterfaceKind::loopback);
  EXPECT_EQ(kind(1), InterfaceKind::physical);
  EXPECT_EQ(kind(3), InterfaceKind::inner);
  EXPECT_EQ(kind(4), InterfaceKind::inner);    // a container's end at Docker's bridge
  EXPECT_EQ(kind(5), InterfaceKind::stacked);  // its port has the gate
  EXPECT_EQ(kind(6), InterfaceKind::physical);
  EXPECT_EQ(kind(7), InterfaceKind::stacked);
  EXPECT_EQ(kind(8), InterfaceKind::tunnel);
  EXPECT_EQ(kind(9), InterfaceKind::physical);  // by its name an inner bridge, but it leads to a gateway
}

TEST(Publication, AHardwarePortOfAnInnerBridgeKeepsItsGate) {
  NetworkView v = machine();
  v.links[6].master = 4;  // somebody put eth1 into docker0
  EXPECT_EQ(interfaces_of(v, {}, Config().inner_bridges)[6].kind, InterfaceKind::physical);
}

TEST(Publication, AVlanOfAnotherNamespacesInterfaceIsPhysical) {
  NetworkView v = machine();
  v.links[7].lower = 0;
  EXPECT_EQ(interfaces_of(v, {}, {})[7].kind, InterfaceKind::physical);
}

TEST(Publication, FactsForRoutes) {
  const std::vector<std::uint32_t> tunnels{9};
  TunnelLife life;
  life.report.process.mark = 51820;
  const NamedTunnel t{"T", &life};
  const NetworkFacts f = route_facts(machine(), 2, tunnels, {&t, 1}, Config().inner_bridges);
  EXPECT_EQ(f.primary, 2u);
  EXPECT_THAT(f.kernel_marks, testing::ElementsAre(51820u));
  ASSERT_FALSE(f.links.empty());
  EXPECT_EQ(f.links[0].index, 2u);
  EXPECT_THAT(f.links[0].on_link, testing::ElementsAre(prefix("192.168.1.0/24")));
  EXPECT_EQ(f.links[0].v4->via, address("192.168.1.254"));  // the better metric
  EXPECT_EQ(f.links[0].v6->via, address("fe80::1"));
  for (const NetworkLink& l : f.links) {
    EXPECT_NE(l.index, 9u);
    EXPECT_EQ(l.inner, l.index == 4 || l.index == 5) << l.index;
  }
}

TEST(Publication, ATunnelsOwnUnderlayIsKnownByItsAddresses) {
  NetworkView v = machine();
  v.addresses.push_back({7, address("10.64.0.20"), 24});
  v.addresses.push_back({7, address("fe80::20"), 64});
  const std::vector<std::uint32_t> underlays{2, 7};
  const NetworkFacts f = route_facts(v, 2, {}, {}, {}, underlays);
  for (const NetworkLink& l : f.links) {
    if (l.index == 7) {
      EXPECT_THAT(l.underlay, testing::ElementsAre(address("10.64.0.20")));
    } else {
      EXPECT_TRUE(l.underlay.empty()) << l.index;  // of the primary one every packet of a provider's goes out anyway
    }
  }
}

TEST(Publication, TunnelAddressesExemptionsAndOuterPackets) {
  TunnelLife up, down;
  up.present = 9;
  up.report.process.mark = 7;
  up.report.settings.addresses = {{address("10.8.0.2"), 32}, {address("fd00::2"), 128}};
  up.report.settings.endpoints = {{address("::ffff:203.0.113.5"), 17, 4500}};
  down.report.settings.addresses = {{address("10.9.0.2"), 32}};
  const std::vector<NamedTunnel> lives{{"A", &up}, {"B", &down}};
  const std::vector<std::uint32_t> tunnels{9};
  const auto addresses = tunnel_addresses(machine(), tunnels, lives);
  ASSERT_EQ(addresses.size(), 2u);  // once each, and none of a tunnel that is not there
  EXPECT_EQ(addresses[0].interface, 9u);

  const auto outer = outer_packets(lives);
  ASSERT_EQ(outer.size(), 1u);
  EXPECT_EQ(outer[0].address, address("203.0.113.5"));

  const std::vector<policy::Exemption> of_table{{policy::Rule::S1c, 0, 0, address("203.0.113.5"), 17, 4500},
                                                {policy::Rule::S1d, policy::none, 2, address("192.168.1.1"), 17, 53},
                                                {policy::Rule::S1f, policy::none, 0, address("192.0.2.1"), 6, 80},
                                                {policy::Rule::S1c, 5, 0, address("203.0.113.6"), 17, 4500}};
  const std::vector<Number> providers{11, 12};
  const auto out = exemptions(of_table, providers, lives);
  ASSERT_EQ(out.size(), 2u);  // probes come with their time; a tunnel that there is not has nobody
  EXPECT_EQ(out[0].provider, 11u);
  EXPECT_EQ(out[0].kernel_mark, 7u);
  EXPECT_EQ(out[1].rule, Exemption::Rule::S1d);
  EXPECT_EQ(out[1].interface, 2u);
}

// A TUN device has its address before its client says that it is a tunnel's: nothing may answer for it meanwhile.
TEST(Publication, NothingAnswersForAddressesOfLinksWithoutNeighbours) {
  NetworkView v = machine();
  v.links[8].link_layer = false;
  v.addresses.push_back({9, address("fd00::2"), 128});
  v.addresses.push_back({9, address("fe80::2"), 64});
  EXPECT_TRUE(tunnel_addresses(v, {}, {}).empty());
  const std::vector<TunnelAddress> known{{address("10.8.0.2"), 9}};
  const auto all = unanswered_addresses(v, known);
  ASSERT_EQ(all.size(), 2u);  // once each, none of links with neighbours, none of each link's own
  EXPECT_EQ(all[0].address, address("10.8.0.2"));
  EXPECT_EQ(all[1].address, address("fd00::2"));
}

TEST(Publication, ABlockedTableHasNoCellButDrop) {
  test::PolicyMaker maker;
  maker.device("D");
  const policy::Policy policy = maker.make();
  const policy::Situation situation(policy, {});
  const auto classes = policy::KernelClasses::of(situation);
  ASSERT_TRUE(classes);
  const auto table = build_kernel_table(situation, *classes, {});
  ASSERT_TRUE(table);
  const auto words = blocked(table->words);
  ASSERT_EQ(words.size(), table->words.size());
  const std::uint64_t first = words[VPN_W_ROWS], size = words[VPN_W_ROW_COUNT] * words[VPN_W_DESTINATIONS];
  bool had_some = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i >= first && i < first + size) {
      EXPECT_EQ(words[i], 0u);
      had_some = had_some || table->words[i] != 0;
    } else {
      EXPECT_EQ(words[i], table->words[i]);  // S0 and S1 are found as before
    }
  }
  EXPECT_TRUE(had_some);
  EXPECT_TRUE(blocked({}).empty());
}

}  // namespace
}  // namespace vpn::agent
