// The policy as a whole: what stands where, determinism, provenance, hosts, domains.
#include <algorithm>

#include "compiler/lower/hosts.h"
#include "lowering.h"

namespace vpn::lower {
namespace {

using model::flag;
using model::list;
using model::per_app_payload;
using model::profile;
using model::Profiles;
using model::text;
using model::vpn_payload;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::Pair;

std::vector<std::pair<std::string, int>> probes(const policy::Policy& policy) {
  std::vector<std::pair<std::string, int>> out;
  for (const fb::ProbeTarget* probe : *policy.body().probes()) out.emplace_back(probe->host()->str(), probe->port());
  return out;
}

const std::string rules = flag("OnDemandEnabled", 1) + "<key>OnDemandRules</key><array><dict>" +
                          text("Action", "Disconnect") + list("DNSDomainMatch", {"*.Corp.Example.", "bad..name"}) +
                          text("URLStringProbe", "http://probe.example:8080/x") + "</dict><dict>" +
                          text("Action", "EvaluateConnection") + "<key>ActionParameters</key><array><dict>" +
                          list("Domains", {"A.example"}) + text("DomainAction", "ConnectIfNeeded") +
                          list("RequiredDNSServers", {"10.0.0.53", "2001:DB8::0"}) +
                          text("RequiredURLStringProbe",
                               "https://user@B\xc3\xbc"
                               "cher.example/") +
                          "</dict></array></dict></array>";

TEST(Lower, SameInputSameBytes) {
  const Profiles p(
      profile(vpn_payload("VPN", rules) + per_app_payload("", list("ExcludedDomains", {"b.example", "a.example"}))));
  const Output one = must_lower(p.build());
  const Output two = must_lower(p.build());
  EXPECT_TRUE(std::equal(one.policy.begin(), one.policy.end(), two.policy.begin(), two.policy.end()));
  Options later;
  later.serial = 7;
  const Output three = must_lower(p.build(), later);
  EXPECT_FALSE(std::equal(one.policy.begin(), one.policy.end(), three.policy.begin(), three.policy.end()));
}

TEST(Lower, AnEmptyProfileGivesAnEmptyPolicy) {
  const policy::Policy policy = compile(Profiles(profile("")));
  EXPECT_EQ(policy.body().tunnels()->size(), 0u);
  EXPECT_EQ(policy.body().always_on(), nullptr);
  EXPECT_EQ(policy.apps().size(), 0u);
  EXPECT_EQ(policy.domains().size(), 0u);
  EXPECT_GT(policy.body().services()->size(), 0u);
}

TEST(Lower, HeaderSaysSerialAndVersion) {
  Options options;
  options.serial = 0x0102030405060708;
  const policy::Policy policy = compile(Profiles(profile("")), {}, options);
  EXPECT_EQ(policy.header().serial, 0x0102030405060708u);
  EXPECT_EQ(policy.header().format_version, 1);
  EXPECT_FALSE(policy.header().is_signed);
}

TEST(Lower, SourcesAreThereOnce) {
  const policy::Policy policy =
      compile(Profiles(profile(vpn_payload("VPN", flag("IncludeAllNetworks", 1) + "\n" + flag("ExcludeAPNs", 0)))));
  const fb::Device& d = *policy.body().devices()->Get(0);
  EXPECT_EQ(source(policy, d.source()), "profile-0.mobileconfig:6:1 PayloadContent[0]");
  EXPECT_EQ(d.exclude_local_source(), d.source());
  EXPECT_EQ(source(policy, d.exclude_apns_source()), "profile-0.mobileconfig:7:6 PayloadContent[0].VPN.ExcludeAPNs");
  std::vector<std::string> all;
  for (std::uint32_t i = 0; i < policy.body().sources()->size(); ++i) all.push_back(source(policy, i));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_THAT(strings(policy.body().files()), ElementsAre("profile-0.mobileconfig"));
}

TEST(Lower, IncludeAllNetworksVoidsEnforceRoutes) {
  const policy::Policy policy =
      compile(Profiles(profile(vpn_payload("VPN", flag("IncludeAllNetworks", 1) + flag("EnforceRoutes", 1)))));
  EXPECT_TRUE(policy.body().devices()->Get(0)->include_all());
  EXPECT_FALSE(policy.body().devices()->Get(0)->enforce_routes());
}

TEST(Lower, OnDemandRulesAreInTheFormTheyAreComparedIn) {
  const policy::Policy policy = compile(Profiles(profile(vpn_payload("VPN", rules))));
  const fb::OnDemandRule& first = *policy.body().devices()->Get(0)->on_demand()->rules()->Get(0);
  EXPECT_THAT(strings(first.dns_domains()), ElementsAre("*.corp.example"));
  EXPECT_EQ(first.interface_type(), 255);
  EXPECT_EQ(first.ssids(), nullptr);
  const fb::EvaluateParameter& parameter =
      *policy.body().devices()->Get(0)->on_demand()->rules()->Get(1)->parameters()->Get(0);
  EXPECT_FALSE(parameter.never());
  const auto c = policy.domains().lookup("x.a.example");
  EXPECT_THAT(policy.domains().lists(c), ElementsAre(parameter.domains()));
}

TEST(Lower, ProbesAreUrlsResolversAndCaptiveDetection) {
  const auto targets = probes(compile(Profiles(profile(vpn_payload("VPN", rules)))));
  EXPECT_THAT(targets, Contains(Pair("probe.example", 8080)));
  EXPECT_THAT(targets, Contains(Pair("xn--bcher-kva.example", 443)));
  EXPECT_THAT(targets, Contains(Pair("10.0.0.53", 53)));
  EXPECT_THAT(targets, Contains(Pair("2001:db8::", 53)));
  EXPECT_THAT(targets, Contains(Pair("captive.apple.com", 80)));
  EXPECT_TRUE(std::is_sorted(targets.begin(), targets.end()));
}

TEST(Lower, ServersAreTheNamesOfAllTunnels) {
  const policy::Policy policy = compile(
      Profiles(profile(vpn_payload("IKEv2", text("RemoteAddress", "VPN.Example.com."), "", "a") +
                       vpn_payload("IKEv2", text("RemoteAddress", "203.0.113.5"), "", "b") +
                       vpn_payload("VPN", text("RemoteAddress", "https://gate.example:8443/saml?x"), "", "c") +
                       vpn_payload("VPN", text("RemoteAddress", "wg"),
                                   text("VPNSubType", "com.wireguard.ios") + "<key>VendorConfig</key><dict>" +
                                       text("WgQuickConfig",
                                            "[Interface]\nPrivateKey = x\n[Peer]\nEndpoint = "
                                            "peer.example:51820\n[Peer]\nendpoint=[2001:db8::1]:1\n") +
                                       "</dict>",
                                   "d") +
                       vpn_payload("VPN", "",
                                   text("VPNSubType", "net.openvpn.connect.app") + "<key>VendorConfig</key><dict>" +
                                       text("remote", "ovpn.example 1194 udp") + "</dict>",
                                   "e"))));
  EXPECT_THAT(strings(policy.body().servers()),
              ElementsAre("gate.example", "ovpn.example", "peer.example", "vpn.example.com", "wg"));
}

TEST(Lower, DomainListsKeepKindOwnerAndCount) {
  const policy::Policy policy = compile(Profiles(profile(
      per_app_payload("", "", "v0") +
      per_app_payload(
          "", list("ExcludedDomains", {"*.a.example", "b.example", "b..c", "B.Example."}) + list("SafariDomains", {}),
          "v1"))));
  const auto* lists = policy.body().domain_lists();
  ASSERT_EQ(lists->size(), 2u);
  EXPECT_EQ(lists->Get(0)->kind(), fb::ListKind::excluded);
  EXPECT_EQ(lists->Get(0)->owner(), 1u);
  EXPECT_EQ(lists->Get(0)->count(), 3u);
  EXPECT_THAT(source(policy, lists->Get(0)->source()), testing::EndsWith("PayloadContent[1].ExcludedDomains"));
  EXPECT_EQ(policy.domains().lookup("a.example"), 0u);
  EXPECT_NE(policy.domains().lookup("x.a.example"), 0u);
  EXPECT_NE(policy.domains().lookup("b.example"), 0u);
}

TEST(Lower, TheEmptyNameMakesDnsTheDefault) {
  const auto dns = [](std::string_view domains) {
    return "<key>DNS</key><dict>" + text("DNSProtocol", "TLS") + list("ServerAddresses", {"10.0.0.1"}) +
           std::string(domains) + "</dict>";
  };
  const policy::Policy with =
      compile(Profiles(profile(vpn_payload("IKEv2", "", dns(list("SupplementalMatchDomains", {"", "corp.example"}))))));
  EXPECT_TRUE(with.body().tunnels()->Get(0)->dns()->supplemental_default());
  EXPECT_EQ(with.body().domain_lists()->Get(0)->count(), 1u);
  const policy::Policy without = compile(Profiles(profile(vpn_payload("IKEv2", "", dns("")))));
  EXPECT_EQ(without.body().tunnels()->Get(0)->dns()->supplemental(), policy::none);
  EXPECT_FALSE(without.body().tunnels()->Get(0)->dns()->supplemental_default());
}

TEST(Lower, TwoTunnelsOfOneNameAreRefusedWithBothPlaces) {
  const Profiles p(profile(vpn_payload("VPN", "", "", "aa") + "\n" + vpn_payload("IKEv2", "", "", "AA")));
  const model::Model m = p.build();
  const auto output = lower(m, {});
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().where, "profile-0.mobileconfig:7:1: PayloadContent[1]");
}

TEST(Lower, TooManyPerAppVpnsAreRefused) {
  std::string payloads;
  for (int i = 0; i < 1025; ++i) payloads += per_app_payload("", "", "v" + std::to_string(i));
  const Profiles p(profile(payloads));
  const model::Model m = p.build();
  EXPECT_FALSE(lower(m, {}).has_value());
}

TEST(Hosts, AreTakenApart) {
  const auto split = [](std::string_view text) {
    const HostPort h = split_host(text);
    return std::string(h.host) + " " + std::to_string(h.port);
  };
  EXPECT_EQ(split("a.example"), "a.example 0");
  EXPECT_EQ(split("a.example:500"), "a.example 500");
  EXPECT_EQ(split("HTTP://a.example"), "a.example 80");
  EXPECT_EQ(split("https://u:p@a.example:8443/x:y"), "a.example 8443");
  EXPECT_EQ(split("https://[2001:db8::1]/"), "2001:db8::1 443");
  EXPECT_EQ(split("[2001:db8::1]:51820"), "2001:db8::1 51820");
  EXPECT_EQ(split("2001:db8::1"), "2001:db8::1 0");
  EXPECT_EQ(split("ftp://a.example/"), "a.example 0");
  EXPECT_EQ(split("[2001:db8::1"), " 0");
  EXPECT_EQ(split("a.example:99999"), "a.example 0");
  EXPECT_EQ(split(""), " 0");
}

}  // namespace
}  // namespace vpn::lower
