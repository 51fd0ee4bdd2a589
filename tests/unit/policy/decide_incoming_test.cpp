// "Incoming packets": judged as the outgoing flow back to the sender would be.
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::InterfaceType;
using policy::Role;
using policy::Service;
using policy::TunnelStatus;

class Incoming : public testing::Test {
 protected:
  std::string says(const policy::Flow& flow) { return test::says(maker.make(), state, flow); }
  PolicyMaker maker;
  S state = on_wifi();
};

TEST_F(Incoming, TunnelAcceptsFromItsInterfaceAndNoOther) {  // CVE-2019-14899
  maker.always_on_tunnel("A#0");
  state.up("A#0", "utun0").up("stranger", "utun9");
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).in("utun0")), "accept S3.e A#0 @ TunnelConfigurations[0]");
  for (const char* interface : {"wlan0", "eth7", "utun9", "lo", ""})
    EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).in(interface)), "drop S3.e A#0 @ TunnelConfigurations[0]")
        << interface;
}

TEST_F(Incoming, TunnelWithoutAnInterfaceAcceptsNothing) {
  maker.always_on_tunnel("A#0");
  state.up("A#0", "");
  for (const char* interface : {"", "wlan0"})
    EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).in(interface)), "drop S3.e A#0 @ TunnelConfigurations[0]");
}

TEST_F(Incoming, TunnelThatIsDownDropsFromEverywhere) {
  maker.always_on_tunnel("A#0");
  state.tunnel("A#0", TunnelStatus::reasserting, "utun0");
  for (const char* interface : {"utun0", "wlan0"})
    EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).in(interface)), "drop S3.e A#0 @ TunnelConfigurations[0]");
}

TEST_F(Incoming, ProxyDrops) {  // what a proxy brings comes over loopback
  maker.device("P", true).include_all = true;
  state.up("P", "utun0");
  for (const char* interface : {"utun0", "wlan0"})
    EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).in(interface)), "drop S5.f P @ P.IncludeAllNetworks");
}

TEST_F(Incoming, DirectAcceptsFromAnyInterfaceButATunnels) {
  made::DeviceT& d = maker.device("D");
  d.include_all = d.exclude_local = true;
  state.up("D", "utun0");
  for (const char* interface : {"wlan0", "eth7"})
    EXPECT_EQ(says(F("tcp", "192.168.1.50", 80).in(interface)), "accept S5.c @ D.ExcludeLocalNetworks") << interface;
  EXPECT_EQ(says(F("tcp", "192.168.1.50", 80).in("utun0")), "drop S5.c @ D.ExcludeLocalNetworks");
}

TEST_F(Incoming, SystemIsAccepted) {
  maker.device("D");
  state.up("D", "utun0").includes({"10.0.0.0/8"}).excludes({"10.9.0.0/16"});
  for (const char* interface : {"wlan0", "utun0"}) {
    EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).in(interface)), "accept S8") << interface;
    EXPECT_EQ(says(F("tcp", "10.9.0.1", 443).in(interface)), "accept S7 @ D") << interface;
  }
}

TEST_F(Incoming, DropIsDropped) {
  maker.per_app("V");
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).by("unattributed").in("wlan0")), "drop S4 @ PerApp.V");
}

TEST_F(Incoming, WhetherItAnswersOrNot) {
  const std::uint32_t v = maker.per_app("V");
  maker.app("com.example.mail").governed.insert(v);
  state.up("V", "utun0");
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).by("com.example.mail").in("utun0")), "accept S4.e V @ PerApp.V");
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).by("com.example.mail").in("wlan0")), "drop S4.e V @ PerApp.V");
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).in("wlan0")), "accept S8");
}

TEST_F(Incoming, ScopeDoesNotMatter) {
  maker.device("D");
  state.up("D", "utun0").includes({"10.0.0.0/8"});
  EXPECT_EQ(says(F("tcp", "10.1.2.3", 443).bound("wlan0").in("utun0")), "accept S7 D @ D");
  EXPECT_EQ(says(F("tcp", "10.1.2.3", 443).bound("wlan0").in("wlan0")), "drop S7 D @ D");
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 443).bound("wlan0").in("lo")), "accept S0");
}

TEST_F(Incoming, LoopbackIsAccepted) {
  maker.always_on_tunnel("A#0");
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 443).in("lo")), "accept S0");
}

TEST_F(Incoming, EndpointToItsProviderIsOffTunnel) {
  maker.device("D").include_all = true;
  state.tunnel("D", TunnelStatus::connecting, "utun0").endpoint("203.0.113.5", "udp", 4500);
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("D").in("wlan0")), "accept S1.c");
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).provider("D").in("utun0")), "drop S1.c");
  EXPECT_EQ(says(F("udp", "203.0.113.5", 4500).in("wlan0")), "drop S5.f D @ D.IncludeAllNetworks");
}

TEST_F(Incoming, ConnectionsFromBeforeAreDroppedBothWays) {  // S5.f
  maker.device("D").include_all = true;
  state.tunnel("D", TunnelStatus::connecting, "utun0");
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).in("wlan0")), "drop S5.f D @ D.IncludeAllNetworks");
}

// --- Encapsulations ---

constexpr int encapsulations[] = {4, 41, 47, 94, 97, 98, 115, 137};

F protocol(int number) { return F(std::to_string(number), "203.0.113.9"); }

TEST_F(Incoming, EncapsulationsUnderS3) {
  maker.always_on_tunnel("A#0");
  state.up("A#0", "utun0");
  for (const int number : encapsulations) {
    EXPECT_EQ(says(protocol(number).in("wlan0")), "drop S3 @ AlwaysOn") << number;
    EXPECT_EQ(says(protocol(number).in("utun0")), "accept S3.e A#0 @ TunnelConfigurations[0]") << number;
  }
  EXPECT_EQ(says(protocol(50).in("wlan0")), "drop S3.e A#0 @ TunnelConfigurations[0]") << "ESP is judged by its flow";
}

TEST_F(Incoming, EncapsulationsUnderS3EvenFromExceptedSenders) {
  maker.always_on_tunnel("A#0");
  maker.app("com.example.mail").exception_any = maker.source("ApplicationExceptions[0]");
  state.tunnel("A#0", TunnelStatus::connecting).endpoint("203.0.113.9", "gre");
  EXPECT_EQ(says(F("gre", "203.0.113.9").by("com.example.mail").in("wlan0")), "drop S3 @ AlwaysOn");
  EXPECT_EQ(says(F("gre", "203.0.113.9").provider("A#0").in("wlan0")), "drop S3 @ AlwaysOn");
}

TEST_F(Incoming, EncapsulationsUnderAnEngagedS5) {
  maker.device("D").include_all = true;
  state.tunnel("D", TunnelStatus::connecting, "utun0");
  for (const int number : encapsulations)
    EXPECT_EQ(says(protocol(number).in("wlan0")), "drop S5 @ D.IncludeAllNetworks") << number;
  state.tunnels[0].status = TunnelStatus::disconnected;
  for (const int number : encapsulations) EXPECT_EQ(says(protocol(number).in("wlan0")), "accept S8") << number;
}

TEST_F(Incoming, EncapsulationsUnderAnEngagedSecondS5) {
  maker.device("C").include_all = true;
  maker.device("D").include_all = true;
  state.up("D", "utun0");
  EXPECT_EQ(says(protocol(47).in("wlan0")), "drop S5 @ D.IncludeAllNetworks");
}

TEST_F(Incoming, S3ComesBeforeS5ForEncapsulations) {
  maker.device("D").include_all = true;
  maker.always_on_tunnel("A#0");
  state.up("D", "utun0");
  EXPECT_EQ(says(protocol(47).in("wlan0")), "drop S3 @ AlwaysOn");
}

TEST_F(Incoming, OutgoingEncapsulationsAreOrdinaryFlows) {
  maker.always_on_tunnel("A#0");
  state.up("A#0", "utun0");
  EXPECT_EQ(says(protocol(47)), "tunnel S3.e A#0 @ TunnelConfigurations[0]");
}

// --- ICMP ---

class IncomingIcmp : public Incoming {
 protected:
  IncomingIcmp() {
    const std::uint32_t v = maker.per_app("V");
    maker.app("com.example.mail").governed.insert(v);
    made::DeviceT& d = maker.device("D");
    d.include_all = d.exclude_local = true;
    state.up("V", "utun0").up("D", "utun1");
  }
};

TEST_F(IncomingIcmp, ErrorIsAcceptedWithTheFlowItQuotes) {
  const F mail = F("tcp", "203.0.113.80", 443).by("com.example.mail");
  const F local = F("tcp", "192.168.1.50", 80);
  for (const int type : {3, 4, 11, 12}) {
    const F error = F("icmp", "198.51.100.1").type(type, 60);
    EXPECT_EQ(says(F(error).quotes(mail).in("utun0")), "accept S4.e V @ PerApp.V") << type;
    EXPECT_EQ(says(F(error).quotes(mail).in("utun1")), "drop S4.e V @ PerApp.V");
    EXPECT_EQ(says(F(error).quotes(local).in("wlan0")), "accept S5.c @ D.ExcludeLocalNetworks");
    EXPECT_EQ(says(F(error).quotes(local).in("utun1")), "drop S5.c @ D.ExcludeLocalNetworks");
  }
  for (const int type : {1, 2, 3, 4})
    EXPECT_EQ(says(F("icmpv6", "2001:db8::1").type(type, 60).quotes(mail).in("utun0")), "accept S4.e V @ PerApp.V");
}

TEST_F(IncomingIcmp, ErrorWithoutQuoteIsJudgedByItsSender) {
  EXPECT_EQ(says(F("icmp", "198.51.100.1").type(3, 60).in("utun1")), "accept S5.f D @ D.IncludeAllNetworks");
  EXPECT_EQ(says(F("icmp", "198.51.100.1").type(3, 60).in("wlan0")), "drop S5.f D @ D.IncludeAllNetworks");
}

TEST_F(IncomingIcmp, OnlyErrorsQuote) {
  const F local = F("tcp", "192.168.1.50", 80);
  EXPECT_EQ(says(F("icmp", "198.51.100.1").type(8, 60).quotes(local).in("wlan0")),
            "drop S5.f D @ D.IncludeAllNetworks");
  EXPECT_EQ(says(F("icmp", "198.51.100.1").quotes(local).in("wlan0")), "drop S5.f D @ D.IncludeAllNetworks");
  EXPECT_EQ(says(F("udp", "198.51.100.1", 9).type(3).quotes(local).in("wlan0")), "drop S5.f D @ D.IncludeAllNetworks");
}

TEST_F(IncomingIcmp, QuotedScopeDoesNotMatter) {
  maker = PolicyMaker();
  maker.device("D");
  state = on_wifi();
  state.up("D", "utun1").includes({"10.0.0.0/8"});
  const F scoped = F("tcp", "10.1.2.3", 443).bound("wlan0");
  EXPECT_EQ(says(F("icmp", "198.51.100.1").type(3).quotes(scoped).in("utun1")), "accept S7 D @ D");
}

TEST_F(IncomingIcmp, ErrorThatQuotesTheProvidersPacket) {
  state.endpoint("203.0.113.5", "udp", 4500);
  const F outer = F("udp", "203.0.113.5", 4500).provider("D");
  EXPECT_EQ(says(F("icmp", "198.51.100.1").type(3).quotes(outer).in("wlan0")), "accept S1.c");
}

TEST_F(IncomingIcmp, RedirectsNever) {
  EXPECT_EQ(says(F("icmp", "192.168.1.1").type(5, 64).in("wlan0")), "drop S5.c @ D.ExcludeLocalNetworks");
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(137, 255).in("wlan0")), "drop S5.c @ D.ExcludeLocalNetworks");
  maker = PolicyMaker();
  state = S();
  EXPECT_EQ(says(F("icmp", "192.168.1.1").type(5, 64).in("wlan0")), "drop S8");
  EXPECT_EQ(says(F("icmpv6", "fe80::1").type(137, 255).in("wlan0")), "drop S8");
  EXPECT_EQ(says(F("icmp", "192.168.1.1").type(137, 64).in("wlan0")), "accept S8");
}

TEST_F(IncomingIcmp, OutgoingFlowIgnoresItsQuote) {
  const F local = F("tcp", "192.168.1.50", 80);
  EXPECT_EQ(says(F("icmp", "198.51.100.1").type(3).quotes(local)), "tunnel S5.f D @ D.IncludeAllNetworks");
}

}  // namespace
}  // namespace vpn::test
