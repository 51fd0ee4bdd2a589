// S0 loopback and S1 control plane. Every policy here drops all else (always-on, not connected), so that a verdict of
// S0 or S1 is no accident.
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::InterfaceType;
using policy::Role;
using policy::Service;

constexpr std::string_view dropped = "drop S3.e A#0 @ TunnelConfigurations[0]";

class Locked : public testing::Test {
 protected:
  Locked() {
    maker.always_on_tunnel("A#0");
    maker.services();
  }
  std::string says(const policy::Flow& flow) { return test::says(maker.make(), state, flow); }
  PolicyMaker maker;
  S state = on_wifi();
};

// --- S0 ---

class S0 : public Locked {};

TEST_F(S0, LoopbackIsSystem) {
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 80)), "system S0");
  EXPECT_EQ(says(F("udp", "127.255.255.254", 53)), "system S0");
  EXPECT_EQ(says(F("tcp", "::1", 80)), "system S0");
  EXPECT_EQ(says(F("tcp", "128.0.0.1", 80)), dropped);
  EXPECT_EQ(says(F("tcp", "::2", 80)), dropped);
}

TEST_F(S0, OwnAddressesAreSystem) {
  EXPECT_EQ(says(F("tcp", "192.168.1.20", 80)), "system S0");
  EXPECT_EQ(says(F("tcp", "fd00:1::20", 80)), "system S0");
  EXPECT_EQ(says(F("tcp", "192.168.1.21", 80)), dropped);
}

TEST_F(S0, OwnAddressOfTunnelInterfaceIsSystem) {
  state.interface("utun0", InterfaceType::other, {"10.8.0.2/24"}).up("B", "utun0");
  EXPECT_EQ(says(F("tcp", "10.8.0.2", 80)), "system S0");
}

TEST_F(S0, MappedLoopbackIsLoopback) {
  EXPECT_EQ(says(F("tcp", "::ffff:127.0.0.1", 80)), "system S0");
  EXPECT_EQ(says(F("tcp", "::ffff:192.168.1.20", 80)), "system S0");
}

TEST_F(S0, OwnAddressGivenAsMappedIsTheSame) {
  state.interface("eth0", InterfaceType::ethernet, {"::ffff:10.1.1.1/128"});
  EXPECT_EQ(says(F("tcp", "10.1.1.1", 80)), "system S0");
}

TEST_F(S0, ScopedToPhysicalInterfaceIsDrop) {
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 80).bound("wlan0")), "drop S0");
  EXPECT_EQ(says(F("tcp", "192.168.1.20", 80).bound("wlan0")), "drop S0");
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 80).bound("eth9")), "drop S0") << "an interface that is not known either";
}

TEST_F(S0, ScopedToLoopbackOrTunnelIsSystem) {
  state.tunnel("A#0", policy::TunnelStatus::connecting, "utun0");
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 80).bound("lo")), "system S0");
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 80).bound("utun0")), "system S0");
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 80).bound("lo0")), "system S0") << "its name on Apple's systems";
}

TEST_F(S0, AnyOwner) {
  for (const char* who : {"unattributed", "forwarded", "other", "com.example.app"})
    EXPECT_EQ(says(F("tcp", "127.0.0.1", 80).by(who)), "system S0") << who;
}

TEST_F(S0, ComesBeforeS1) { EXPECT_EQ(says(F("udp", "127.0.0.1", 67).from_port(68).user(0)), "system S0"); }

TEST_F(S0, BootingDeviceHasLoopback) {
  state = S();
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 80)), "system S0");
}

// --- S1.a ---

class S1a : public Locked {
 protected:
  static F dhcp4(std::string_view to) { return F("udp", to, 67).from_port(68).user(0); }
  static F dhcp6(std::string_view to) { return F("udp", to, 547).from_port(546).user(0); }
};

TEST_F(S1a, Dhcp4ToBroadcastOnLinkAndLeaseServer) {
  state.lease_of("203.0.113.9");
  EXPECT_EQ(says(dhcp4("255.255.255.255")), "direct S1.a");
  EXPECT_EQ(says(dhcp4("192.168.1.1")), "direct S1.a");
  EXPECT_EQ(says(dhcp4("203.0.113.9")), "direct S1.a");
  EXPECT_EQ(says(dhcp4("203.0.113.10")), dropped);
}

TEST_F(S1a, OnLinkOfAPublicOrWideNetworkCounts) {
  state.interface("eth0", InterfaceType::ethernet, {"198.51.100.7/24"});
  EXPECT_EQ(says(dhcp4("198.51.100.1")), "direct S1.a");
  EXPECT_EQ(says(F("tcp", "198.51.100.1", 80)), dropped);
}

TEST_F(S1a, OnLinkOfATunnelDoesNotCount) {
  state.interface("utun0", InterfaceType::other, {"10.8.0.2/24"}).up("B", "utun0");
  EXPECT_EQ(says(dhcp4("10.8.0.1")), dropped);
}

TEST_F(S1a, Dhcp6ToLinkLocalAndItsGroups) {
  EXPECT_EQ(says(dhcp6("fe80::1")), "direct S1.a");
  EXPECT_EQ(says(dhcp6("ff02::1:2")), "direct S1.a");
  EXPECT_EQ(says(dhcp6("ff05::1:3")), "direct S1.a");
  EXPECT_EQ(says(dhcp6("ff02::1:3")), dropped);
  EXPECT_EQ(says(dhcp6("fd00:1::1")), dropped) << "on-link does not count for DHCPv6";
}

TEST_F(S1a, Dhcp6ToTheLeaseServerDoesNotCount) {
  state.lease_of("2001:db8::67");
  EXPECT_EQ(says(dhcp6("2001:db8::67")), dropped);
}

TEST_F(S1a, PortsAndProtocolMustBeTheClients) {
  EXPECT_EQ(says(F("udp", "255.255.255.255", 67).from_port(1068).user(0)), dropped);
  EXPECT_EQ(says(F("udp", "255.255.255.255", 68).from_port(67).user(0)), dropped) << "a server's";
  EXPECT_EQ(says(F("tcp", "192.168.1.1", 67).from_port(68).user(0)), dropped);
  EXPECT_EQ(says(F("udp", "192.168.1.1", 547).from_port(546).user(0)), dropped) << "the other family's ports";
  EXPECT_EQ(says(F("udp", "fe80::1", 67).from_port(68).user(0)), dropped);
}

TEST_F(S1a, OnlyRootOrWithoutASocket) {
  EXPECT_EQ(says(dhcp4("192.168.1.1").user(1000)), dropped);
  EXPECT_EQ(says(dhcp4("192.168.1.1").user(1000).by("forwarded")), "direct S1.a");
  EXPECT_EQ(says(dhcp4("192.168.1.1").user(1000).by("unattributed")), dropped);
  EXPECT_EQ(says(dhcp4("192.168.1.1").by("unattributed")), "direct S1.a");
}

TEST_F(S1a, FlowWithoutUidCountsAsRoot) {
  policy::Flow flow = dhcp4("192.168.1.1");
  flow.uid = policy::Flow{}.uid;
  EXPECT_EQ(says(flow), "direct S1.a");
}

TEST_F(S1a, MappedAddressIsItsIPv4) { EXPECT_EQ(says(dhcp4("::ffff:192.168.1.1")), "direct S1.a"); }

TEST_F(S1a, AnswersAreAccepted) {
  EXPECT_EQ(says(dhcp4("192.168.1.1").in("wlan0")), "accept S1.a");
  EXPECT_EQ(says(dhcp6("fe80::1").in("wlan0")), "accept S1.a");
}

// --- S1.b ---

class S1b : public Locked {};

TEST_F(S1b, DiscoveryOut) {
  for (const int type : {133, 135, 136}) EXPECT_EQ(says(F("icmpv6", "ff02::2").type(type, 255)), "direct S1.b") << type;
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(134, 255)), dropped) << "routers advertise, this is none";
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(137, 255)), dropped) << "redirect";
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(128, 255)), dropped) << "echo";
}

TEST_F(S1b, DiscoveryIn) {
  for (const int type : {134, 135, 136})
    EXPECT_EQ(says(F("icmpv6", "fe80::1").type(type, 255).in("wlan0")), "accept S1.b") << type;
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(133, 255).in("wlan0")), dropped);
}

TEST_F(S1b, NeverRedirect) { EXPECT_EQ(says(F("icmpv6", "fe80::1").type(137, 255).in("wlan0")), dropped); }

TEST_F(S1b, DiscoveryNeedsHopLimit255) {
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(135, 254)), dropped);
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(135, 1)), dropped);
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(134, 64).in("wlan0")), dropped);
}

TEST_F(S1b, FlowWithoutHopLimitHasTheRightOne) {
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(135)), "direct S1.b");
  EXPECT_EQ(says(F("icmpv6", "ff02::16").type(143)), "direct S1.b");
  EXPECT_EQ(says(F("igmp", "224.0.0.22")), "direct S1.b");
}

TEST_F(S1b, DiscoveryNeedsAType) {
  EXPECT_EQ(says(F("icmpv6", "fe80::1")), dropped);
  policy::Flow flow = F("icmpv6", "fe80::1");
  flow.icmp_type = 135;  // but has_icmp_type is not set
  EXPECT_EQ(says(flow), dropped);
}

TEST_F(S1b, DiscoveryIsIPv6) {
  EXPECT_EQ(says(F("icmpv6", "203.0.113.7").type(135, 255)), dropped) << "protocol 58 inside IPv4 is a covert channel";
  EXPECT_EQ(says(F("icmpv6", "203.0.113.7").type(143, 1)), dropped);
  EXPECT_EQ(says(F("icmp", "203.0.113.7").type(135, 255)), dropped);
}

TEST_F(S1b, MembershipNeedsHopLimit1) {
  EXPECT_EQ(says(F("igmp", "224.0.0.22").hops(1)), "direct S1.b");
  EXPECT_EQ(says(F("igmp", "224.0.0.22").hops(2)), dropped);
  for (const int type : {130, 131, 132, 143}) {
    EXPECT_EQ(says(F("icmpv6", "ff02::16").type(type, 1)), "direct S1.b") << type;
    EXPECT_EQ(says(F("icmpv6", "ff02::16").type(type, 255)), dropped) << type;
  }
  EXPECT_EQ(says(F("icmpv6", "ff02::16").type(142, 1)), dropped);
}

TEST_F(S1b, MembershipIsOfItsFamily) { EXPECT_EQ(says(F("igmp", "2001:db8::1").hops(1)), dropped); }

TEST_F(S1b, KernelMade) {
  EXPECT_EQ(says(F("igmp", "224.0.0.22").hops(1).by("forwarded")), "direct S1.b");
  EXPECT_EQ(says(F("icmpv6", "ff02::2").type(133, 255).by("unattributed")), "direct S1.b");
}

// --- S1.c (ours: the provider and nobody else; CVE-2023-36673) ---

class S1c : public Locked {
 protected:
  S1c() {
    maker.device("D");
    state.tunnel("A#0", policy::TunnelStatus::connecting, "utun0").endpoint("203.0.113.5", "udp", 4500);
    state.tunnel("D", policy::TunnelStatus::disconnected).endpoint("203.0.113.6", "esp");
  }
};

TEST_F(S1c, ProviderToItsOwnEndpoint) {
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("A#0")), "direct S1.c");
  EXPECT_EQ(says(F("esp", "203.0.113.6").provider("D")), "direct S1.c");
}

TEST_F(S1c, WhateverTheStatus) {
  for (const auto status :
       {policy::TunnelStatus::invalid, policy::TunnelStatus::disconnected, policy::TunnelStatus::connecting,
        policy::TunnelStatus::connected, policy::TunnelStatus::reasserting, policy::TunnelStatus::disconnecting}) {
    state.tunnels[0].status = status;
    EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("A#0")), "direct S1.c") << to_string(status);
  }
}

TEST_F(S1c, NobodyElse) {
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500)), dropped);
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).user(0)), dropped) << "not even root";
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).by_agent()), dropped) << "not even the agent";
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("D")), dropped) << "another tunnel's provider";
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("nobody")), dropped);
}

TEST_F(S1c, AddressProtocolAndPortAllMatter) {
  EXPECT_EQ(says(F("udp", "203.0.113.4", 4500).provider("A#0")), dropped);
  EXPECT_EQ(says(F("tcp", "203.0.113.5", 4500).provider("A#0")), dropped);
  EXPECT_EQ(says(F("udp", "203.0.113.5", 500).provider("A#0")), dropped);
  EXPECT_EQ(says(F("udp", "203.0.113.5").provider("A#0")), dropped);
}

TEST_F(S1c, TunnelNamesAreComparedWithoutCase) {
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("a#0")), "direct S1.c");
  state.tunnels[0].id = "a#0";
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("A#0")), "direct S1.c");
}

TEST_F(S1c, KernelHalfHasNoSocket) {
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("A#0").by("forwarded")), "direct S1.c");
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("A#0").by("unattributed")), "direct S1.c");
}

TEST_F(S1c, MappedAndNat64EndpointsAreTheirIPv4) {
  EXPECT_EQ(says(F("udp", "::ffff:203.0.113.5", 4500).provider("A#0")), "direct S1.c");
  EXPECT_EQ(says(F("udp", "64:ff9b::203.0.113.5", 4500).provider("A#0")), "direct S1.c");
  state.nat64_prefix("2001:db8:64::/96").endpoint("2001:db8:64::203.0.113.8", "udp", 51820);
  EXPECT_EQ(says(F("udp", "203.0.113.8", 51820).provider("D")), "direct S1.c");
}

TEST_F(S1c, ReturnPacketsAreAcceptedOffTunnelOnly) {
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("A#0").in("wlan0")), "accept S1.c");
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("A#0").in("utun0")), "drop S1.c");
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).in("wlan0")), dropped);
}

// --- S1.d ---

class S1d : public Locked {
 protected:
  S1d() {
    maker.servers({"vpn.example.com"});
    state.interface("wwan0", InterfaceType::cellular, {"10.64.0.2/30"}).resolver("10.64.0.53");
  }
  static F lookup(std::string_view resolver) { return F("udp", resolver, 53).user(0).by_agent().to("vpn.example.com"); }
};

TEST_F(S1d, ToTheResolversOfTheInterfaceItLeavesBy) {
  EXPECT_EQ(says(lookup("192.168.1.1")), "direct S1.d") << "the primary interface's";
  EXPECT_EQ(says(lookup("10.64.0.53")), dropped) << "not the other's";
  EXPECT_EQ(says(lookup("10.64.0.53").bound("wwan0")), "direct S1.d");
  EXPECT_EQ(says(lookup("192.168.1.1").bound("wwan0")), dropped);
  EXPECT_EQ(says(lookup("9.9.9.9")), dropped);
}

TEST_F(S1d, OnlyTheAgentAndOnlyServerNames) {
  F other = lookup("192.168.1.1");
  other.agent = false;
  EXPECT_EQ(says(other), dropped);
  EXPECT_EQ(says(lookup("192.168.1.1").to("www.vpn.example.com")), dropped);
  EXPECT_EQ(says(lookup("192.168.1.1").to("")), dropped);
}

TEST_F(S1d, NamesAreNormalised) { EXPECT_EQ(says(lookup("192.168.1.1").to("VPN.Example.COM.")), "direct S1.d"); }

TEST_F(S1d, DnsOverUdpAndTcp) {
  F tcp = lookup("192.168.1.1");
  tcp.protocol = 6;
  EXPECT_EQ(says(tcp), "direct S1.d");
  tcp.remote_port = 443;
  EXPECT_EQ(says(tcp), dropped);
  tcp.remote_port = 53;
  tcp.protocol = 132;
  EXPECT_EQ(says(tcp), dropped);
}

TEST_F(S1d, WithoutAPrimaryInterfaceOnlyScoped) {
  state.primary("");
  EXPECT_EQ(says(lookup("192.168.1.1")), "drop S3.d @ TunnelConfigurations");
  EXPECT_EQ(says(lookup("192.168.1.1").bound("wlan0")), "direct S1.d");
}

TEST_F(S1d, MappedResolver) { EXPECT_EQ(says(lookup("::ffff:192.168.1.1")), "direct S1.d"); }

TEST_F(S1d, AnswersAreAccepted) {
  EXPECT_EQ(says(lookup("192.168.1.1").in("wlan0")), "accept S1.d");
  EXPECT_EQ(says(lookup("10.64.0.53").bound("wwan0").in("wwan0")), dropped) << "scope apart: as if by the primary one";
}

// --- S1.e ---

class S1e : public Locked {};

TEST_F(S1e, CellularOnlyByServiceOrRole) {
  maker.app("com.carrier.ims", {Role::cellular_only});
  EXPECT_EQ(says(F("udp", "203.0.113.7", 5060).of(Service::cellular_only)), "direct S1.e");
  EXPECT_EQ(says(F("udp", "203.0.113.7", 5060).by("com.carrier.ims")), "direct S1.e");
  EXPECT_EQ(says(F("udp", "203.0.113.7", 5060)), dropped);
  EXPECT_EQ(says(F("udp", "203.0.113.7", 5060).spawned("com.carrier.ims")), dropped) << "helpers are not exempt";
}

TEST_F(S1e, NotWithoutAnApp) {
  for (const char* who : {"unattributed", "forwarded"})
    EXPECT_EQ(says(F("udp", "203.0.113.7", 5060).of(Service::cellular_only).by(who)), dropped) << who;
}

TEST_F(S1e, NamedServiceOverridesTheRole) {
  maker.app("com.carrier.ims", {Role::cellular_only});
  EXPECT_EQ(says(F("udp", "203.0.113.7", 5060).by("com.carrier.ims").of(Service::apns)), dropped);
}

// --- S1.f ---

class S1f : public Locked {
 protected:
  S1f() {
    maker.probe("probe.example.com", 443);
    maker.probe("192.0.2.53", 53);
    state.while_probing();
  }
  static F probe() { return F("tcp", "203.0.113.80", 443).user(0).by_agent().to("probe.example.com"); }
};

TEST_F(S1f, WhileProbing) {
  EXPECT_EQ(says(probe()), "direct S1.f");
  EXPECT_EQ(says(F("udp", "192.0.2.53", 53).user(0).by_agent().to("intern.example.com")), "direct S1.f");
}

TEST_F(S1f, OnlyWhileProbing) {
  state.probing = false;
  EXPECT_EQ(says(probe()), dropped);
}

TEST_F(S1f, OnlyTheAgent) {
  F other = probe();
  other.agent = false;
  EXPECT_EQ(says(other), dropped);
}

TEST_F(S1f, ThoseAddressesAndPortsOnly) {
  EXPECT_EQ(says(probe().to("other.example.com")), dropped);
  EXPECT_EQ(says(probe().to("www.probe.example.com")), dropped);
  EXPECT_EQ(says(probe().to("")), dropped);
  F port = probe();
  port.remote_port = 80;
  EXPECT_EQ(says(port), dropped);
  EXPECT_EQ(says(F("udp", "192.0.2.54", 53).user(0).by_agent()), dropped);
  EXPECT_EQ(says(F("udp", "192.0.2.53", 123).user(0).by_agent()), dropped);
}

TEST_F(S1f, TcpAndUdp) {
  F quic = probe();
  quic.protocol = 17;
  EXPECT_EQ(says(quic), "direct S1.f");
  quic.protocol = 132;
  EXPECT_EQ(says(quic), dropped);
}

TEST_F(S1f, MappedAndNat64Targets) {
  maker.probe("2001:db8:64::192.0.2.54", 53);
  state.nat64_prefix("2001:db8:64::/96");
  EXPECT_EQ(says(F("udp", "::ffff:192.0.2.53", 53).user(0).by_agent()), "direct S1.f");
  EXPECT_EQ(says(F("udp", "192.0.2.54", 53).user(0).by_agent()), "direct S1.f");
}

TEST_F(S1f, NotWithoutAnApp) { EXPECT_EQ(says(probe().by("unattributed")), dropped); }

// --- Order within S1 ---

TEST_F(Locked, S1ComesBeforeS3) {
  maker.service_exception(Service::cellular_only, true);
  EXPECT_EQ(says(F("udp", "203.0.113.7", 5060).of(Service::cellular_only)), "direct S1.e");
}

}  // namespace
}  // namespace vpn::test
