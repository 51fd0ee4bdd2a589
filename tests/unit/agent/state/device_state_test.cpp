#include "agent/state/device_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"

namespace vpn::agent {
namespace {

using policy::InterfaceType;

policy::Address address(const char* text) { return *policy::Address::parse(text); }
policy::Prefix prefix(const char* text) { return *policy::Prefix::parse(text); }

// A laptop: Wi-Fi and a modem, both with default routes, and a tunnel that took the default route for itself.
NetworkView laptop() {
  NetworkView f;
  f.links = {{1, "lo", "", true, true, 65536, 0, 0, true, InterfaceType::other},
             {2, "wlan0", "", true, false, 1500, 0, 0, true, InterfaceType::wifi},
             {3, "wwan0", "", true, false, 1500, 0, 0, true, InterfaceType::cellular},
             {9, "tun0", "tun", true, false, 1400, 0, 0, false, InterfaceType::other}};
  f.addresses = {{1, address("127.0.0.1"), 8},
                 {1, address("10.7.0.1"), 8},
                 {2, address("192.168.1.20"), 24},
                 {9, address("10.8.0.2"), 32}};
  f.routes = {{prefix("0.0.0.0/0"), 9, std::nullopt, 0},
              {prefix("0.0.0.0/0"), 3, address("100.64.0.1"), 700},
              {prefix("0.0.0.0/0"), 2, address("192.168.1.1"), 600},
              {prefix("10.8.0.0/16"), 9, std::nullopt, 0},
              {prefix("192.168.1.0/24"), 2, std::nullopt, 600}};
  return f;
}

TunnelLife on(const char* interface, policy::TunnelStatus status = policy::TunnelStatus::connected) {
  TunnelLife life;
  life.status = status;
  life.report.settings.interface = interface;
  life.report.settings.included_routes = {prefix("0.0.0.0/0")};
  return life;
}

TEST(DeviceState, ATunnelIsNeverPrimary) {
  const NetworkView f = laptop();
  EXPECT_EQ(primary_link(f, {}), 9u);  // unknown to the policy: somebody else's interface
  const TunnelLife life = on("tun0");
  const NamedTunnel t{"T", &life};
  EXPECT_EQ(primary_link(f, {&t, 1}), 2u);
}

TEST(DeviceState, TheNat64PrefixOfThePrimaryNetwork) {
  NetworkView f = laptop();
  f.addresses.push_back({2, address("2001:db8:1::20"), 64});
  TunnelLife life = on("tun0");
  life.report.settings.included_routes = {prefix("::/0"), prefix("2001:db8:aa00::/40"), prefix("10.0.0.0/8")};
  life.report.settings.excluded_routes = {prefix("2001:db8:bb:1::/64")};
  const NamedTunnel t{"T", &life};
  const auto taken = [&](const char* link, std::vector<policy::Prefix> prefixes) {
    ResolverFacts facts;
    facts.nat64 = std::move(prefixes);
    const auto out = device_state(f, {{link, facts}}, {&t, 1}).nat64;
    return out ? out->to_string() : "none";
  };
  EXPECT_EQ(taken("wlan0", {prefix("2001:db8:64::/96"), prefix("2001:db8:65::/96")}), "2001:db8:64::/96");
  EXPECT_EQ(taken("wwan0", {prefix("2001:db8:64::/96")}), "none") << "another network's";
  EXPECT_EQ(taken("wlan0", {}), "none");
  // By IPv6 routes of the tunnel nothing must go elsewhere, whatever a router claims.
  EXPECT_EQ(taken("wlan0", {prefix("2001:db8:aa64::/96")}), "none");
  EXPECT_EQ(taken("wlan0", {prefix("2001:db8:bb::/48")}), "none");
  EXPECT_EQ(taken("wlan0", {prefix("2001:db8::/32"), prefix("2001:db8:64::/96")}), "2001:db8:64::/96");
  EXPECT_EQ(taken("wlan0", {prefix("2001:db8:1::/64")}), "none") << "an address of the device is in it";
}

TEST(DeviceState, TheBestDefaultRouteIsOfALinkThatIsUp) {
  NetworkView f = laptop();
  f.routes.erase(f.routes.begin());
  EXPECT_EQ(primary_link(f, {}), 2u);
  f.links[1].up = false;
  EXPECT_EQ(primary_link(f, {}), 3u);
  f.links[2].up = false;
  EXPECT_EQ(primary_link(f, {}), 0u);
  EXPECT_EQ(device_state(f, {}, {}).primary_interface, "");
}

TEST(DeviceState, ARouteOfALinkThatIsNotThereIsNone) {
  NetworkView f;
  f.routes = {{prefix("0.0.0.0/0"), 5, std::nullopt, 0}};
  EXPECT_EQ(primary_link(f, {}), 0u);
}

TEST(DeviceState, IPv6CountsAfterIPv4) {
  NetworkView f = laptop();
  f.routes = {{prefix("0.0.0.0/0"), 3, std::nullopt, 700}, {prefix("::/0"), 2, std::nullopt, 1}};
  EXPECT_EQ(primary_link(f, {}), 3u);
  f.routes.erase(f.routes.begin());
  EXPECT_EQ(primary_link(f, {}), 2u);
}

TEST(DeviceState, TellsInterfacesRoutesAndTunnels) {
  const TunnelLife life = on("tun0");
  const NamedTunnel t{"T", &life};
  const Resolvers resolvers{
      {"wlan0", {{"192.168.1.1", "fe80::1%wlan0"}, {"corp.example"}, address("192.168.1.1"), "Corp"}}};
  const policy::DeviceState s = device_state(laptop(), resolvers, {&t, 1});
  EXPECT_EQ(s.primary_interface, "wlan0");
  ASSERT_EQ(s.interfaces.size(), 4u);
  // Addresses on the loopback are the device's own, never an on-link prefix.
  EXPECT_THAT(s.interfaces[0].addresses,
              testing::ElementsAre(testing::Pair(address("127.0.0.1"), 32), testing::Pair(address("10.7.0.1"), 32)));
  EXPECT_EQ(s.interfaces[1].ssid, "Corp");
  EXPECT_THAT(s.interfaces[1].dns_servers, testing::ElementsAre(address("192.168.1.1")));
  EXPECT_EQ(s.interfaces[1].dns_server_texts.size(), 2u);
  EXPECT_EQ(s.interfaces[1].dhcp_server, address("192.168.1.1"));
  ASSERT_EQ(s.system_routes.size(), 1u);  // neither the default routes nor the tunnel's
  EXPECT_EQ(s.system_routes[0].interface, "wlan0");
  ASSERT_EQ(s.tunnels.size(), 1u);
  EXPECT_EQ(s.tunnels[0].status, policy::TunnelStatus::connected);
  EXPECT_EQ(s.tunnels[0].included_routes.size(), 1u);
}

TEST(DeviceState, TypesThatTheKernelDoesNotKnowAreNetworkManagers) {
  ResolverFacts said;
  const auto type = [&](InterfaceType kernel, InterfaceType told) {
    NetworkView f = laptop();
    f.links[2].type = kernel;
    said.type = told;
    return device_state(f, {{"wwan0", said}}, {}).interfaces[2].type;
  };
  EXPECT_EQ(type(InterfaceType::other, InterfaceType::ethernet), InterfaceType::ethernet);
  EXPECT_EQ(type(InterfaceType::ethernet, InterfaceType::cellular), InterfaceType::cellular) << "a modem's";
  EXPECT_EQ(type(InterfaceType::cellular, InterfaceType::ethernet), InterfaceType::cellular);
  EXPECT_EQ(type(InterfaceType::wifi, InterfaceType::cellular), InterfaceType::wifi);
  EXPECT_EQ(device_state(laptop(), {{"wwan0", ResolverFacts{}}}, {}).interfaces[2].type, InterfaceType::cellular);
}

TEST(Demands, AlwaysOnKeepsUpWhatHasItsInterface) {
  test::PolicyMaker maker;
  maker.always_on_tunnel("A", 1);
  maker.always_on_tunnel("B", 2);
  const policy::Policy policy = maker.make();
  NetworkView f = laptop();
  EXPECT_THAT(demands(policy, device_state(f, {}, {})), testing::ElementsAre(true, true));
  f.links.erase(f.links.begin() + 2);
  EXPECT_THAT(demands(policy, device_state(f, {}, {})), testing::ElementsAre(true, false));
}

TEST(NetworkName, IsAnotherWhereTheNetworkIsAndNotWhereAnAddressIs) {
  NetworkView f = laptop();
  const auto name = [&](const Resolvers& resolvers = {}) { return network_name(f, device_state(f, resolvers, {})); };
  f.routes.erase(f.routes.begin());
  const std::string before = name();
  f.addresses.push_back({2, address("2001:db8::7"), 64});
  EXPECT_EQ(name(), before);
  EXPECT_NE(name({{"wlan0", {{}, {}, {}, "Corp"}}}), before);
  EXPECT_NE(name({{"wlan0", {{"192.168.1.1"}, {}, {}, ""}}}), before);
  ResolverFacts advertised;
  advertised.dns_servers = {"192.168.1.1"};
  advertised.search_domains = {"corp.example"};
  advertised.advertised_servers = advertised.advertised_domains = true;
  EXPECT_EQ(name({{"wlan0", advertised}}), before) << "any host on the link may have said so";
  const policy::DeviceState state = device_state(f, {{"wlan0", advertised}}, {});
  EXPECT_TRUE(state.interfaces[1].search_domains.empty() && state.interfaces[1].dns_server_texts.empty());
  EXPECT_EQ(state.interfaces[1].dns_servers.size(), 1u);
  f.routes[1].gateway = address("192.168.1.2");
  EXPECT_NE(name(), before);
  f.links[1].up = false;
  EXPECT_NE(name(), before);
  f.links[2].up = false;
  EXPECT_EQ(name(), "");
}

TEST(Underlay, IsThePrimaryInterfaceOrOneOfTheTunnelsType) {
  test::PolicyMaker maker;
  maker.always_on_tunnel("A", 0);
  maker.always_on_tunnel("W", 1);
  maker.always_on_tunnel("C", 2);
  const policy::Policy policy = maker.make();
  NetworkView f = laptop();
  f.routes.erase(f.routes.begin());
  policy::DeviceState s = device_state(f, {}, {});
  EXPECT_EQ(underlay(policy, 0, f, s), "wlan0");
  EXPECT_EQ(underlay(policy, 1, f, s), "wlan0");
  EXPECT_EQ(underlay(policy, 2, f, s), "wwan0");
  f.links[2].up = false;
  EXPECT_EQ(underlay(policy, 2, f, device_state(f, {}, {})), "");
  f.links[1].up = false;
  EXPECT_EQ(underlay(policy, 0, f, device_state(f, {}, {})), "");
}

}  // namespace
}  // namespace vpn::agent
