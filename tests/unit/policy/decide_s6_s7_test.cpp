// S6 enforced routes, S7 routes, S8, and the order among several device-wide VPNs.
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::InterfaceType;
using policy::TunnelStatus;

class Routes : public testing::Test {
 protected:
  std::string says(const policy::Flow& flow) { return test::says(maker.make(), state, flow); }
  std::string to(std::string_view address) { return says(F("tcp", address, 443)); }
  PolicyMaker maker;
  S state = on_wifi();
};

// --- S6 ---

constexpr std::string_view enforced = "tunnel S6.b D @ D.EnforceRoutes";
constexpr std::string_view excluded = "direct S6.b @ D.EnforceRoutes";

class S6 : public Routes {
 protected:
  S6() {
    maker.device("D").enforce_routes = true;
    state.up("D", "utun0").includes({"10.0.0.0/8", "2001:db8::/32"}).excludes({"10.9.0.0/16"});
  }
  made::DeviceT& d() { return *maker.body.devices[0]; }
};

TEST_F(S6, IncludedIsTunnelExcludedIsDirect) {
  EXPECT_EQ(to("10.1.2.3"), enforced);
  EXPECT_EQ(to("2001:db8::1"), enforced);
  EXPECT_EQ(to("10.9.1.1"), excluded);
  EXPECT_EQ(to("203.0.113.80"), "system S8");
}

TEST_F(S6, OverridesSystemRoutesAndScope) {
  state.system_route("10.1.0.0/16");
  EXPECT_EQ(to("10.1.2.3"), enforced);
  EXPECT_EQ(says(F("tcp", "10.1.2.3", 443).bound("wlan0")), enforced);
  EXPECT_EQ(says(F("tcp", "10.9.1.1", 443).bound("wlan0")), excluded);
}

TEST_F(S6, SettingsAreInPlaceWhileConnectedOrReasserting) {
  state.tunnels[0].status = TunnelStatus::reasserting;
  EXPECT_EQ(to("10.1.2.3"), "drop S6.b D @ D.EnforceRoutes");
  EXPECT_EQ(to("10.9.1.1"), excluded);
  for (const auto status :
       {TunnelStatus::invalid, TunnelStatus::disconnected, TunnelStatus::connecting, TunnelStatus::disconnecting}) {
    state.tunnels[0].status = status;
    EXPECT_EQ(to("10.1.2.3"), "system S8") << to_string(status);
  }
}

TEST_F(S6, VoidUnderIncludeAllNetworks) {
  // The reader refuses a policy that has both; an IncludeAllNetworks that is not engaged leaves nothing behind.
  d().enforce_routes = false;
  d().include_all = true;
  state.tunnels[0].status = TunnelStatus::disconnected;
  EXPECT_EQ(to("10.1.2.3"), "system S8");
}

class S6a : public S6 {};

TEST_F(S6a, LocalDestinationGoesOnToS7) {
  d().exclude_local = true;
  state.interface("eth0", InterfaceType::ethernet, {"10.10.0.7/16"});
  EXPECT_EQ(to("10.10.1.1"), "system S7 @ D") << "the article's example: on-link beats 10.0.0.0/8";
  EXPECT_EQ(to("10.11.1.1"), enforced);
}

TEST_F(S6a, WithoutExcludeLocalNetworksTheRouteWins) {
  state.interface("eth0", InterfaceType::ethernet, {"10.10.0.7/16"});
  EXPECT_EQ(to("10.10.1.1"), enforced);
}

TEST_F(S6a, LookupsAreNotLocal) {
  d().exclude_local = true;
  state.interface("eth0", InterfaceType::ethernet, {"10.10.0.7/16"});
  EXPECT_EQ(says(F("udp", "10.10.0.1", 53)), enforced);
}

TEST_F(S6a, GoesOnToS7PastTheOtherVpnsS6) {
  d().exclude_local = true;
  maker.device("E").enforce_routes = true;
  state.interface("eth0", InterfaceType::ethernet, {"10.10.0.7/16"});
  state.up("E", "utun1").includes({"10.10.0.0/17"});
  EXPECT_EQ(to("10.10.1.1"), "system S7 @ D") << "D comes first: S6.a goes on to S7, whose first VPN says system";
  EXPECT_EQ(says(F("tcp", "10.10.1.1", 443).by("forwarded")), "system S7 @ D");
}

TEST_F(S6a, AnEarlierVpnsS6StillDecides) {
  maker = PolicyMaker();
  maker.device("E").enforce_routes = true;
  maker.device("D").enforce_routes = true;
  maker.body.devices[1]->exclude_local = true;
  state.interface("eth0", InterfaceType::ethernet, {"10.10.0.7/16"});
  state.up("E", "utun1").includes({"10.10.0.0/17"});
  EXPECT_EQ(to("10.10.1.1"), "tunnel S6.b E @ E.EnforceRoutes");
}

class S6b : public S6 {};

TEST_F(S6b, LongestMatchDecides) {
  state.includes({"10.9.7.0/24"}).excludes({"10.9.7.128/25"});
  EXPECT_EQ(to("10.9.6.1"), excluded);
  EXPECT_EQ(to("10.9.7.1"), enforced);
  EXPECT_EQ(to("10.9.7.129"), excluded);
}

TEST_F(S6b, EqualLengthExcludedWins) {  // ours
  state.excludes({"10.0.0.0/8"});
  EXPECT_EQ(to("10.1.2.3"), excluded);
}

TEST_F(S6b, DefaultRoutesAreLeftOut) {
  state.includes({"0.0.0.0/0", "::/0"});
  EXPECT_EQ(to("203.0.113.80"), "tunnel S7 D @ D") << "no match in S6; S7 counts the default route";
  EXPECT_EQ(to("2001:db9::1"), "tunnel S7 D @ D");
  state.includes({"128.0.0.0/1"});
  EXPECT_EQ(to("203.0.113.80"), enforced) << "half of the world is no default route";
}

TEST_F(S6b, ExcludedDefaultRouteIsLeftOut) {
  state.excludes({"0.0.0.0/0"});
  EXPECT_EQ(to("203.0.113.80"), "system S7 @ D");
  EXPECT_EQ(to("10.1.2.3"), enforced);
}

TEST_F(S6b, OverridePrimaryAddsOnlyDefaultRoutes) {
  d().override_primary = true;
  EXPECT_EQ(to("203.0.113.80"), "tunnel S7 D @ D");
  EXPECT_EQ(to("10.1.2.3"), enforced);
}

TEST_F(S6b, NoMatchGoesOnToTheNextVpn) {
  maker.device("E").enforce_routes = true;
  state.up("E", "utun1").includes({"203.0.113.0/24", "10.0.0.0/8"});
  EXPECT_EQ(to("203.0.113.80"), "tunnel S6.b E @ E.EnforceRoutes");
  EXPECT_EQ(to("10.1.2.3"), enforced) << "the first VPN's S6 comes first";
  EXPECT_EQ(to("10.9.1.1"), excluded);
}

TEST_F(S6b, S6OfEveryVpnComesBeforeS7OfAny) {
  maker = PolicyMaker();
  maker.device("E");
  maker.device("D").enforce_routes = true;
  state.up("E", "utun1").includes({"0.0.0.0/0", "10.1.0.0/16"});
  EXPECT_EQ(to("10.1.2.3"), enforced);
  EXPECT_EQ(to("203.0.113.80"), "tunnel S7 E @ E");
}

TEST_F(S6b, AppProxyDropsWhatItCannotCarry) {
  maker = PolicyMaker();
  maker.device("D", true).enforce_routes = true;
  EXPECT_EQ(to("10.1.2.3"), "proxy S6.b D @ D.EnforceRoutes");
  EXPECT_EQ(says(F("udp", "10.1.2.3", 443)), "proxy S6.b D @ D.EnforceRoutes");
  EXPECT_EQ(says(F("icmp", "10.1.2.3")), "drop S6.b D @ D.EnforceRoutes");
  EXPECT_EQ(says(F("icmp", "10.9.1.1")), excluded);
  state.tunnels[0].status = TunnelStatus::reasserting;
  EXPECT_EQ(to("10.1.2.3"), "drop S6.b D @ D.EnforceRoutes");
}

TEST_F(S6b, ForwardedAndUnattributedMeetIt) {
  for (const char* who : {"forwarded", "unattributed"}) {
    EXPECT_EQ(says(F("tcp", "10.1.2.3", 443).by(who)), enforced);
    EXPECT_EQ(says(F("tcp", "10.9.1.1", 443).by(who)), excluded);
  }
}

TEST_F(S6b, EmbeddedDestinationsMeetIPv4Routes) {
  EXPECT_EQ(to("::ffff:10.1.2.3"), enforced);
  EXPECT_EQ(to("64:ff9b::10.1.2.3"), enforced);
  EXPECT_EQ(to("64:ff9b::10.9.2.3"), excluded);
}

// --- S7 ---

class S7 : public Routes {
 protected:
  S7() {
    maker.device("D");
    state.up("D", "utun0").includes({"10.0.0.0/8"}).excludes({"10.9.0.0/16"});
  }
};

TEST_F(S7, IncludedIsTunnelExcludedIsSystem) {
  EXPECT_EQ(to("10.1.2.3"), "tunnel S7 D @ D");
  EXPECT_EQ(to("10.9.1.1"), "system S7 @ D");
  EXPECT_EQ(to("203.0.113.80"), "system S8") << "no match goes on";
}

TEST_F(S7, OnlyConnected) {
  for (const auto status : {TunnelStatus::invalid, TunnelStatus::disconnected, TunnelStatus::connecting,
                            TunnelStatus::reasserting, TunnelStatus::disconnecting}) {
    state.tunnels[0].status = status;
    EXPECT_EQ(to("10.1.2.3"), "system S8") << to_string(status);
  }
}

TEST_F(S7, LongestMatchOverSystemIncludedAndExcluded) {
  state.system_route("10.1.0.0/16").includes({"10.1.7.0/24"}).excludes({"10.1.7.128/25"});
  EXPECT_EQ(to("10.1.6.1"), "system S7 @ D");
  EXPECT_EQ(to("10.1.7.1"), "tunnel S7 D @ D");
  EXPECT_EQ(to("10.1.7.129"), "system S7 @ D");
}

TEST_F(S7, EqualLengthSystemBeforeExcludedBeforeIncluded) {
  state.includes({"10.9.0.0/16", "10.2.0.0/16"}).system_route("10.2.0.0/16");
  EXPECT_EQ(to("10.9.1.1"), "system S7 @ D");
  EXPECT_EQ(to("10.2.1.1"), "system S7 @ D");
}

TEST_F(S7, OnLinkPrefixesAreSystemRoutes) {
  state.includes({"192.168.0.0/16"});
  EXPECT_EQ(to("192.168.1.50"), "system S7 @ D");
  EXPECT_EQ(to("192.168.2.50"), "tunnel S7 D @ D");
  state.includes({"192.168.1.0/25"});
  EXPECT_EQ(to("192.168.1.50"), "tunnel S7 D @ D") << "more specific than the on-link /24";
}

TEST_F(S7, PublicOnLinkIsASystemRouteToo) {
  state.interface("eth0", InterfaceType::ethernet, {"203.0.113.7/24"}).includes({"0.0.0.0/0"});
  EXPECT_EQ(to("203.0.113.80"), "system S7 @ D");
  EXPECT_EQ(to("198.51.100.1"), "tunnel S7 D @ D");
}

TEST_F(S7, OnLinkOfATunnelIsNone) {
  state.interface("utun0", InterfaceType::other, {"10.8.0.2/24"});
  EXPECT_EQ(to("10.8.0.1"), "tunnel S7 D @ D");
}

TEST_F(S7, BuiltInSystemRoutes) {
  state.includes({"0.0.0.0/0", "::/0"});
  for (const char* a : {"169.254.1.1", "fe80::9", "224.0.0.9", "239.255.0.1", "255.255.255.255", "ff0e::9"})
    EXPECT_EQ(to(a), "system S7 @ D") << a;
  EXPECT_EQ(to("240.0.0.1"), "tunnel S7 D @ D");
  EXPECT_EQ(to("fec0::1"), "tunnel S7 D @ D");
}

TEST_F(S7, DefaultRouteTakesWhatNoMoreSpecificRuleTakes) {
  state.includes({"0.0.0.0/0"});
  EXPECT_EQ(to("203.0.113.80"), "tunnel S7 D @ D");
  EXPECT_EQ(to("10.9.1.1"), "system S7 @ D");
  EXPECT_EQ(to("2001:db8::1"), "system S8") << "the other family";
}

TEST_F(S7, SystemDefaultRoutesDoNotCount) {
  state.system_route("0.0.0.0/0").system_route("::/0").includes({"0.0.0.0/0"});
  EXPECT_EQ(to("203.0.113.80"), "tunnel S7 D @ D");
  EXPECT_EQ(to("2001:db8::1"), "system S8");
}

TEST_F(S7, ScopedFlowIsSystemWhateverTheRoutes) {
  EXPECT_EQ(says(F("tcp", "10.1.2.3", 443).bound("wlan0")), "system S7 @ D");
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).bound("wlan0")), "system S7 @ D");
  EXPECT_EQ(says(F("tcp", "10.1.2.3", 443).bound("utun0")), "system S7 @ D");
  state.tunnels[0].status = TunnelStatus::connecting;
  EXPECT_EQ(says(F("tcp", "10.1.2.3", 443).bound("wlan0")), "system S8");
}

TEST_F(S7, NextVpnWhenNothingMatches) {
  maker.device("E");
  state.up("E", "utun1").includes({"0.0.0.0/0"});
  EXPECT_EQ(to("203.0.113.80"), "tunnel S7 E @ E");
  EXPECT_EQ(to("10.1.2.3"), "tunnel S7 D @ D");
  EXPECT_EQ(to("10.9.1.1"), "system S7 @ D") << "excluded by the first is decided";
}

TEST_F(S7, OrderDecidesNotTheLengthOfRoutes) {
  maker.device("E");
  state.up("E", "utun1").includes({"10.1.2.0/24"});
  EXPECT_EQ(to("10.1.2.3"), "tunnel S7 D @ D");
}

TEST_F(S7, OverridePrimaryAddsDefaultRoutes) {
  maker.body.devices[0]->override_primary = true;
  EXPECT_EQ(to("203.0.113.80"), "tunnel S7 D @ D");
  EXPECT_EQ(to("2001:db8::1"), "tunnel S7 D @ D");
  EXPECT_EQ(to("10.9.1.1"), "system S7 @ D");
  EXPECT_EQ(to("192.168.1.50"), "system S7 @ D");
}

TEST_F(S7, WithoutIncludedRoutesNothingIsTaken) {
  state.tunnels[0].included_routes.clear();
  state.tunnels[0].excluded_routes.clear();
  EXPECT_EQ(to("10.1.2.3"), "system S8");
  EXPECT_EQ(to("192.168.1.50"), "system S7 @ D") << "on-link";
}

TEST_F(S7, AppProxyAndTransparentProxy) {
  maker = PolicyMaker();
  maker.device("D", true);
  EXPECT_EQ(to("10.1.2.3"), "proxy S7 D @ D");
  EXPECT_EQ(says(F("udp", "10.1.2.3", 443)), "proxy S7 D @ D");
  EXPECT_EQ(says(F("icmp", "10.1.2.3")), "system S7 @ D");
  EXPECT_EQ(says(F("sctp", "10.1.2.3")), "system S7 @ D");
}

TEST_F(S7, IncludeAllNetworksNeverComesHere) {
  maker.body.devices[0]->include_all = true;
  state.tunnels[0].status = TunnelStatus::invalid;
  EXPECT_EQ(to("10.1.2.3"), "system S8");
}

TEST_F(S7, EmbeddedDestinationsMeetIPv4Routes) {
  EXPECT_EQ(to("::ffff:10.1.2.3"), "tunnel S7 D @ D");
  EXPECT_EQ(to("64:ff9b::10.9.2.3"), "system S7 @ D");
  state.includes({"::/0"});
  EXPECT_EQ(to("64:ff9b::203.0.113.7"), "system S8") << "an IPv6 default route is none for an embedded IPv4 address";
}

TEST_F(S7, NetworksOwnNat64Prefix) {
  state.nat64_prefix("2001:db8:64::/96");
  EXPECT_EQ(to("2001:db8:64::10.1.2.3"), "tunnel S7 D @ D");
  state.nat64_prefix("2001:db8:64::/64");  // RFC 6052, 2.2: bits 64 to 71 are zero
  EXPECT_EQ(to("2001:db8:64:0:a:102:300:0"), "tunnel S7 D @ D");
}

TEST_F(S7, PrefixesAreTakenAsWritten) {
  // Were 64:ff9b::/96 read as 0.0.0.0/0, excluding the translator's range would exclude all of IPv4.
  state.includes({"0.0.0.0/0"}).excludes({"64:ff9b::/96", "::ffff:0:0/96"});
  EXPECT_EQ(to("203.0.113.80"), "tunnel S7 D @ D");
  EXPECT_EQ(to("64:ff9b::203.0.113.80"), "tunnel S7 D @ D");
}

// --- S8 ---

class S8 : public Routes {};

TEST_F(S8, EmptyPolicyGovernsNothing) {
  for (const char* who : {"other", "com.example.app", "unattributed", "forwarded"})
    EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).by(who)), "system S8") << who;
  state = S();
  EXPECT_EQ(to("203.0.113.80"), "system S8");
  EXPECT_EQ(to("192.168.1.50"), "system S8");
}

TEST_F(S8, StateMayNameTunnelsThatThePolicyLacks) {
  state.up("stranger", "utun0").includes({"0.0.0.0/0"});
  EXPECT_EQ(to("203.0.113.80"), "system S8");
}

}  // namespace
}  // namespace vpn::test
