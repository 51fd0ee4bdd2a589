// S2 services: seen through S3.b, where each service has an exception of its own.
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::Role;
using policy::Service;

constexpr Service all_services[] = {Service::voicemail,         Service::airprint,
                                    Service::cellular_services, Service::device_communication,
                                    Service::companion,         Service::apns};

class S2 : public testing::Test {
 protected:
  S2() {
    maker.always_on_tunnel("A#0");
    maker.services();
    for (const Service s : all_services) maker.service_exception(s, false);
  }
  /// Which of the services the exception that decided is for; empty: none.
  std::string service_of(const policy::Flow& flow) {
    const policy::Policy policy = maker.make();
    const policy::Decision d = decide(policy::Situation(policy, state), flow);
    if (d.rule != policy::Rule::S3b) return {};
    for (std::size_t i = 0; i < std::size(all_services); ++i)
      if (maker.body.always_on->services[i]->source == d.source) return std::string(to_string(all_services[i]));
    return "?";
  }
  PolicyMaker maker;
  S state = on_wifi();
};

TEST_F(S2, AirPrintIsMdns) {
  EXPECT_EQ(service_of(F("udp", "224.0.0.251", 5353)), "airprint");
  EXPECT_EQ(service_of(F("udp", "ff02::fb", 5353)), "airprint");
  EXPECT_EQ(service_of(F("tcp", "224.0.0.251", 5353)), "");
  EXPECT_EQ(service_of(F("udp", "224.0.0.251", 5354)), "");
  EXPECT_EQ(service_of(F("udp", "224.0.0.252", 5353)), "");
}

TEST_F(S2, AirPrintIsIppToLocalNetworks) {
  EXPECT_EQ(service_of(F("tcp", "192.168.1.50", 631)), "airprint");
  EXPECT_EQ(service_of(F("tcp", "fd00:1::50", 631)), "airprint");
  EXPECT_EQ(service_of(F("tcp", "203.0.113.50", 631)), "");
  EXPECT_EQ(service_of(F("udp", "192.168.1.50", 631)), "");
}

TEST_F(S2, ApnsAddressesAndPorts) {
  for (const char* to :
       {"17.249.1.1", "17.252.255.255", "17.57.144.1", "17.57.147.255", "17.188.128.1", "17.188.191.255", "17.188.20.1",
        "17.188.21.255", "2620:149:a44::1", "2403:300:a42::1", "2403:300:a51::1", "2a01:b740:a42::1"})
    EXPECT_EQ(service_of(F("tcp", to, 5223)), "apns") << to;
  for (const int port : {5223, 2197, 443}) EXPECT_EQ(service_of(F("tcp", "17.249.1.1", port)), "apns");
  EXPECT_EQ(service_of(F("tcp", "17.249.1.1", 80)), "");
  EXPECT_EQ(service_of(F("udp", "17.249.1.1", 5223)), "");
  for (const char* to : {"17.250.1.1", "17.57.148.1", "17.188.192.1", "17.188.22.1", "2620:149:a45::1"})
    EXPECT_EQ(service_of(F("tcp", to, 5223)), "") << to;
}

TEST_F(S2, ApnsThroughNat64) { EXPECT_EQ(service_of(F("tcp", "64:ff9b::17.249.1.1", 5223)), "apns"); }

TEST_F(S2, CellularServicesNeedRoleAndPort) {
  maker.app("com.carrier.mms", {Role::cellular_services});
  for (const int port : {500, 4500})
    EXPECT_EQ(service_of(F("udp", "203.0.113.7", port).by("com.carrier.mms")), "cellular-services") << port;
  for (const int port : {80, 443, 8080})
    EXPECT_EQ(service_of(F("tcp", "203.0.113.7", port).by("com.carrier.mms")), "cellular-services") << port;
  EXPECT_EQ(service_of(F("tcp", "203.0.113.7", 25).by("com.carrier.mms")), "");
  EXPECT_EQ(service_of(F("udp", "203.0.113.7", 443).by("com.carrier.mms")), "");
  EXPECT_EQ(service_of(F("udp", "203.0.113.7", 500)), "");
}

TEST_F(S2, SomeServicesAreTheRoleAlone) {
  maker.app("a.voicemail", {Role::voicemail});
  maker.app("a.device", {Role::device_communication});
  maker.app("a.companion", {Role::companion});
  EXPECT_EQ(service_of(F("udp", "203.0.113.7", 9).by("a.voicemail")), "voicemail");
  EXPECT_EQ(service_of(F("47", "203.0.113.7").by("a.device")), "device-communication");
  EXPECT_EQ(service_of(F("icmp", "203.0.113.7").by("a.companion")), "companion");
}

TEST_F(S2, TheOtherServicesAreNotTheRoleAlone) {
  maker.app("an.app", {Role::airprint, Role::apns, Role::cellular_services});
  EXPECT_EQ(service_of(F("udp", "203.0.113.7", 9).by("an.app")), "");
}

TEST_F(S2, OtherMeetsWhatNamesNoApp) {
  EXPECT_EQ(service_of(F("tcp", "17.249.1.1", 443).by("other")), "apns");
  EXPECT_EQ(service_of(F("tcp", "17.249.1.1", 443).by("com.nobody.knows")), "apns");
}

TEST_F(S2, ServiceOverridesWhatWouldBeFound) {
  EXPECT_EQ(service_of(F("tcp", "203.0.113.7", 9).of(Service::airprint)), "airprint");
  EXPECT_EQ(service_of(F("tcp", "17.249.1.1", 443).of(Service::voicemail)), "voicemail");
  EXPECT_EQ(service_of(F("tcp", "17.249.1.1", 443).of(Service::none)), "");
}

TEST_F(S2, ExceptionHoldsForTheAppsOwnSocketsOnly) {  // ours
  maker.app("a.voicemail", {Role::voicemail});
  EXPECT_EQ(service_of(F("tcp", "203.0.113.7", 443).spawned("a.voicemail")), "");
  EXPECT_EQ(service_of(F("tcp", "203.0.113.7", 443).by("a.tool").spawned("a.voicemail")), "");
}

TEST_F(S2, NeverWithoutAnApp) {
  for (const char* who : {"unattributed", "forwarded"}) {
    EXPECT_EQ(service_of(F("tcp", "17.249.1.1", 443).by(who)), "") << who;
    EXPECT_EQ(service_of(F("tcp", "203.0.113.7", 443).of(Service::voicemail).by(who)), "") << who;
  }
}

// --- "local networks" (Words), seen through IPP ---

class LocalNetworks : public S2 {
 protected:
  bool local(std::string_view to, int port = 631) { return service_of(F("tcp", to, port)) == "airprint"; }
};

TEST_F(LocalNetworks, WellKnownOnes) {
  for (const char* to : {"169.254.7.7", "fe80::7", "224.0.0.1", "224.0.0.255", "239.1.2.3", "255.255.255.255",
                         "ff01::1", "ff02::1", "ff03::1", "ff04::1", "ff05::1"})
    EXPECT_TRUE(local(to)) << to;
  for (const char* to : {"224.0.1.1", "238.1.1.1", "ff06::1", "ff0e::1", "ff12::1", "fec0::1", "10.0.0.1", "8.8.8.8"})
    EXPECT_FALSE(local(to)) << to;
}

TEST_F(LocalNetworks, OnLinkPrivatePrefixes) {
  state.interface("eth0", policy::InterfaceType::ethernet, {"10.20.0.7/16", "172.31.255.1/20", "fd12:3456::1/48"});
  EXPECT_TRUE(local("10.20.255.1"));
  EXPECT_FALSE(local("10.21.0.1"));
  EXPECT_TRUE(local("172.31.240.9"));
  EXPECT_TRUE(local("fd12:3456:0:ffff::1"));
}

TEST_F(LocalNetworks, PublicOnLinkNeverCounts) {  // ours; CVE-2023-36672
  state.interface("eth0", policy::InterfaceType::ethernet, {"198.51.100.7/24", "2001:db8:5::7/64", "172.32.0.1/24"});
  EXPECT_FALSE(local("198.51.100.8"));
  EXPECT_FALSE(local("2001:db8:5::8"));
  EXPECT_FALSE(local("172.32.0.2"));
}

TEST_F(LocalNetworks, WideOnLinkNeverCounts) {  // ours
  state.interface("eth0", policy::InterfaceType::ethernet, {"10.0.0.7/7", "fd00::7/31"});
  EXPECT_FALSE(local("10.0.0.8"));
  EXPECT_FALSE(local("fd00::8"));
  state = on_wifi();
  state.interface("eth0", policy::InterfaceType::ethernet, {"10.0.0.7/8", "fd00::7/32"});
  EXPECT_TRUE(local("10.255.0.8"));
  EXPECT_TRUE(local("fd00:0:1::8"));
}

TEST_F(LocalNetworks, PartlyPrivatePrefixNeverCounts) {  // ours
  state.interface("eth0", policy::InterfaceType::ethernet, {"172.16.0.1/11", "192.168.0.1/15"});
  EXPECT_FALSE(local("172.16.0.2"));
  EXPECT_FALSE(local("192.168.7.2"));
}

TEST_F(LocalNetworks, TunnelsOnLinkDoesNotCount) {
  state.interface("utun0", policy::InterfaceType::other, {"10.8.0.2/24"}).up("B", "utun0");
  EXPECT_FALSE(local("10.8.0.1"));
}

TEST_F(LocalNetworks, MappedAddressIsItsIPv4) {
  EXPECT_TRUE(local("::ffff:192.168.1.9"));
  EXPECT_FALSE(local("::ffff:203.0.113.9"));
}

TEST(LocalNetworksPorts, LookupsNeverCount) {  // ours
  PolicyMaker maker;
  made::DeviceT& d = maker.device("D");
  d.include_all = d.exclude_local = true;
  const policy::Policy policy = maker.make();
  const S state = on_wifi().up("D", "utun0");
  EXPECT_EQ(says(policy, state, F("udp", "192.168.1.1", 5353)), "direct S5.c @ D.ExcludeLocalNetworks");
  for (const int port : {53, 853}) {
    EXPECT_EQ(says(policy, state, F("udp", "192.168.1.1", port)), "tunnel S5.f D @ D.IncludeAllNetworks") << port;
    EXPECT_EQ(says(policy, state, F("tcp", "fe80::1", port)), "tunnel S5.f D @ D.IncludeAllNetworks") << port;
  }
}

}  // namespace
}  // namespace vpn::test
