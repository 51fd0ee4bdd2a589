#include "agent/tunnel/openvpn/environment.h"

#include <gtest/gtest.h>

#include <string>

namespace vpn::agent::openvpn {
namespace {

std::string environment(std::initializer_list<std::string> values) {
  std::string out;
  for (const std::string& value : values) out += value + std::string(1, '\0');
  return out;
}

TEST(Environment, SaysWhatTheServerHasAssigned) {
  const auto s = read_environment(
      environment({"dev=ov-0123456789ab", "ifconfig_local=10.8.0.2", "ifconfig_netmask=255.255.255.0",
                   "ifconfig_ipv6_local=fd00::2", "ifconfig_ipv6_netbits=64", "route_vpn_gateway=10.8.0.1",
                   "route_network_1=10.0.0.0", "route_netmask_1=255.0.0.0", "route_gateway_1=10.8.0.1",
                   "route_network_2=192.0.2.0", "route_netmask_2=255.255.255.0", "route_gateway_2=192.168.1.1",
                   "route_ipv6_network_1=2001:db8::/32", "foreign_option_1=dhcp-option DNS 10.8.0.1",
                   "foreign_option_2=dhcp-option DOMAIN corp.example", "tun_mtu=1400", "IGNORED"}));
  ASSERT_TRUE(s) << s.error().where;
  EXPECT_EQ(s->interface, "ov-0123456789ab");
  ASSERT_EQ(s->addresses.size(), 2u);
  EXPECT_EQ(s->addresses[0].second, 24);
  EXPECT_EQ(s->addresses[1].second, 64);
  ASSERT_EQ(s->included_routes.size(), 2u);
  EXPECT_EQ(s->included_routes[0].to_string(), "10.0.0.0/8");
  EXPECT_EQ(s->included_routes[1].to_string(), "2001:db8::/32");
  ASSERT_EQ(s->excluded_routes.size(), 1u);
  EXPECT_EQ(s->excluded_routes[0].to_string(), "192.0.2.0/24");
  ASSERT_EQ(s->dns.servers.size(), 1u);
  EXPECT_EQ(s->dns.search_domains, std::vector<std::string>{"corp.example"});
  EXPECT_EQ(s->mtu, 1400u);
}

TEST(Environment, ARouteByTheServersAddressIsTheTunnels) {
  const auto s = read_environment(environment(
      {"dev=a", "ifconfig_local=10.8.0.2", "ifconfig_netmask=255.255.255.0", "route_net_gateway=192.168.1.1",
       "route_network_1=10.0.0.0", "route_netmask_1=255.0.0.0", "route_gateway_1=10.8.0.1", "route_network_2=192.0.2.0",
       "route_netmask_2=255.255.255.0", "route_gateway_2=192.168.1.1"}));
  ASSERT_TRUE(s);
  ASSERT_EQ(s->included_routes.size(), 1u);
  EXPECT_EQ(s->included_routes[0].to_string(), "10.0.0.0/8");
  ASSERT_EQ(s->excluded_routes.size(), 1u);
  EXPECT_EQ(s->excluded_routes[0].to_string(), "192.0.2.0/24");
}

TEST(Environment, ADefaultRouteIsOneOfEachFamilyThatHasAnAddress) {
  const auto four = read_environment(environment({"dev=a", "ifconfig_local=10.8.0.2", "redirect_gateway=1"}));
  ASSERT_EQ(four->included_routes.size(), 1u);
  EXPECT_EQ(four->included_routes[0].to_string(), "0.0.0.0/0");
  const auto both = read_environment(
      environment({"dev=a", "ifconfig_local=10.8.0.2", "ifconfig_ipv6_local=fd00::2", "redirect_gateway=1"}));
  EXPECT_EQ(both->included_routes.size(), 2u);
}

TEST(Environment, RefusesWhatDoesNotHoldTogether) {
  const std::string dev = "dev=a", local = "ifconfig_local=10.8.0.2";
  EXPECT_TRUE(read_environment(environment({dev, local})));
  EXPECT_FALSE(read_environment(""));
  EXPECT_FALSE(read_environment(environment({dev})));
  EXPECT_FALSE(read_environment(environment({"dev=sixteencharacters", local})));
  for (const char* bad :
       {"ifconfig_netmask=255.0.255.0", "ifconfig_netmask=x", "ifconfig_ipv6_local=10.0.0.1",
        "ifconfig_ipv6_local=nowhere", "route_network_1=x", "route_ipv6_network_1=10.0.0.0/8", "tun_mtu=x"})
    EXPECT_FALSE(read_environment(environment({dev, local, bad}))) << bad;
}

}  // namespace
}  // namespace vpn::agent::openvpn
