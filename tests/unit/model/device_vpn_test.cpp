// Device-wide VPNs: identifiers, defaults of each platform, blocks, values as meant, order.
#include "building.h"
#include "policy_generated.h"

namespace vpn::model {
namespace {

using policy::Platform;
using testing::ElementsAre;
using testing::IsEmpty;

Model one(std::string_view payloads, Platform platform = Platform::linux) {
  static std::vector<std::unique_ptr<Profiles>> kept;  // a model views its documents
  kept.push_back(std::make_unique<Profiles>(profile(payloads)));
  return kept.back()->build({platform, {}});
}

std::uint8_t provider(policy::fb::Provider p) { return static_cast<std::uint8_t>(p); }

TEST(DeviceVpn, IsNamedByItsPayloadUuidInUpperCase) {
  const Model m = one(vpn_payload("IKEv2", text("RemoteAddress", "vpn.example.com")));
  ASSERT_EQ(m.devices.size(), 1u);
  EXPECT_EQ(m.tunnels.at(m.devices[0].tunnel).id, "0C6E1B1E-0000-4000-8000-000000000001");
  EXPECT_EQ(m.tunnels[0].kind, Kind::device);
  EXPECT_EQ(m.tunnels[0].server, "vpn.example.com");
  EXPECT_EQ(where(m, m.devices[0].place), "profile-0.mobileconfig:6:1 PayloadContent[0]");
}

TEST(DeviceVpn, DefaultsAreThoseOfThePlatform) {
  for (const Platform platform : {Platform::ios, Platform::visionos, Platform::tvos, Platform::watchos}) {
    EXPECT_TRUE(one(vpn_payload("IKEv2", ""), platform).devices[0].exclude_local.value);
  }
  for (const Platform platform : {Platform::macos, Platform::linux}) {
    const Model m = one(vpn_payload("IKEv2", ""), platform);
    const Device& d = m.devices[0];
    EXPECT_FALSE(d.exclude_local.value);
    EXPECT_FALSE(d.exclude_local.present);
    EXPECT_EQ(where(m, d.exclude_local.place), "profile-0.mobileconfig:6:1 PayloadContent[0]");
    EXPECT_FALSE(d.include_all.value);
    EXPECT_FALSE(d.enforce_routes.value);
    EXPECT_TRUE(d.exclude_cellular.value);
    EXPECT_TRUE(d.exclude_apns.value);
    EXPECT_TRUE(d.exclude_device.value);
  }
}

TEST(DeviceVpn, KeysOfRoutingAreReadWithTheirPlaces) {
  const Model m = one(vpn_payload("VPN", flag("IncludeAllNetworks", 1) + "\n" + flag("ExcludeLocalNetworks", 1) +
                                             flag("ExcludeAPNs", 0) + flag("ExcludeCellularServices", 0) +
                                             flag("ExcludeDeviceCommunication", 0)));
  const Device& d = m.devices[0];
  EXPECT_TRUE(d.include_all.value);
  EXPECT_TRUE(d.exclude_local.value);
  EXPECT_FALSE(d.exclude_apns.value);
  EXPECT_FALSE(d.exclude_cellular.value);
  EXPECT_FALSE(d.exclude_device.value);
  EXPECT_EQ(where(m, d.exclude_local.place), "profile-0.mobileconfig:7:6 PayloadContent[0].VPN.ExcludeLocalNetworks");
}

TEST(DeviceVpn, ValuesAreAcceptedAsMeant) {
  const auto includes = [](std::string_view value) {
    return one(vpn_payload("VPN", "<key>IncludeAllNetworks</key>" + std::string(value))).devices[0].include_all.value;
  };
  EXPECT_TRUE(includes("<true/>"));
  EXPECT_TRUE(includes("<string>1</string>"));
  EXPECT_TRUE(includes("<real>1</real>"));
  EXPECT_TRUE(includes("<string>YES</string>"));
  EXPECT_FALSE(includes("<false/>"));
  EXPECT_FALSE(includes("<string>0</string>"));
  EXPECT_FALSE(includes("<string>maybe</string>"));
  EXPECT_FALSE(includes("<array/>"));
}

TEST(DeviceVpn, VpnTypeChoosesTheBlock) {
  const std::string other =
      "<key>IKEv2</key><dict>" + flag("IncludeAllNetworks", 1) + text("RemoteAddress", "wrong") + "</dict>";
  const Model m = one(vpn_payload("VPN", text("RemoteAddress", "right"), other));
  EXPECT_FALSE(m.devices[0].include_all.value);
  EXPECT_EQ(m.tunnels[0].server, "right");
  EXPECT_FALSE(m.tunnels[0].ike.has_value());
}

TEST(DeviceVpn, SubTypeChoosesTheProvider) {
  const auto of = [](std::string_view subtype) {
    return one(vpn_payload("VPN", "", text("VPNSubType", subtype))).tunnels[0].provider;
  };
  EXPECT_EQ(of("com.wireguard.ios"), provider(policy::fb::Provider::wireguard));
  EXPECT_EQ(of("net.openvpn.connect.app"), provider(policy::fb::Provider::openvpn));
  EXPECT_EQ(of("com.example.vpn"), provider(policy::fb::Provider::external));
  EXPECT_EQ(one(vpn_payload("IKEv2", "")).tunnels[0].provider, provider(policy::fb::Provider::ikev2));
  EXPECT_EQ(one(vpn_payload("IPSec", "")).tunnels[0].provider, provider(policy::fb::Provider::ipsec));
}

TEST(DeviceVpn, AppProxiesAreToldFromPacketTunnels) {
  EXPECT_FALSE(one(vpn_payload("VPN", "")).tunnels[0].app_proxy);
  EXPECT_TRUE(one(vpn_payload("VPN", text("ProviderType", "app-proxy"))).tunnels[0].app_proxy);
  EXPECT_TRUE(one(vpn_payload("TransparentProxy", "")).tunnels[0].app_proxy);
}

TEST(DeviceVpn, OverridePrimaryCountsForIpsecAndL2tpOnly) {
  const std::string ipv4 = "<key>IPv4</key><dict>" + flag("OverridePrimary", 1) + "</dict>";
  EXPECT_TRUE(one(vpn_payload("IPSec", "", ipv4)).devices[0].override_primary.value);
  const Model l2tp = one(vpn_payload("L2TP", "",
                                     ipv4 + "<key>PPP</key><dict>" + text("CommRemoteAddress", "l2tp.example.com") +
                                         text("AuthName", "jo") + text("AuthPassword", "pw") + "</dict>"));
  EXPECT_TRUE(l2tp.devices[0].override_primary.value);
  EXPECT_EQ(l2tp.tunnels[0].server, "l2tp.example.com");
  EXPECT_EQ(l2tp.tunnels[0].login->user, "jo");
  EXPECT_EQ(l2tp.secrets.at(l2tp.tunnels[0].login->password).text(), "pw");
  EXPECT_FALSE(one(vpn_payload("IKEv2", "", ipv4)).devices[0].override_primary.value);
}

TEST(DeviceVpn, AFlattenedPayloadIsRead) {
  const Profiles p(plist("<dict>" + text("PayloadType", "Configuration") + text("PayloadUUID", "abc") +
                         text("VPNType", "IKEv2") + "<key>IKEv2</key><dict>" + text("RemoteAddress", "a.example") +
                         "</dict></dict>"));
  const Model m = p.build();
  ASSERT_EQ(m.devices.size(), 1u);
  EXPECT_EQ(m.tunnels[0].id, "ABC");
  EXPECT_EQ(m.tunnels[0].server, "a.example");
}

TEST(DeviceVpn, TransparentProxiesAreOrderedAmongThemselves) {
  const auto proxy = [](std::string_view uuid, std::string_view order) {
    return vpn_payload("TransparentProxy", order, "", uuid);
  };
  const Model m = one(proxy("a", "") + vpn_payload("VPN", "", "", "b") + proxy("c", flag("Order", 7)) +
                      proxy("d", "<key>Order</key><string>2</string>") + vpn_payload("IKEv2", "", "", "e") +
                      proxy("f", flag("Order", 7)));
  std::vector<std::string> order;
  for (const Device& d : m.devices) order.push_back(m.tunnels[d.tunnel].id);
  EXPECT_THAT(order, ElementsAre("D", "B", "C", "F", "E", "A"));
}

TEST(DeviceVpn, ProfilesComeInTheOrderGiven) {
  Profiles p;
  p.add(profile(vpn_payload("VPN", "", "", "b")));
  p.add(profile(vpn_payload("VPN", "", "", "a")));
  const Model m = p.build();
  ASSERT_EQ(m.devices.size(), 2u);
  EXPECT_EQ(m.tunnels[m.devices[0].tunnel].id, "B");
  EXPECT_EQ(where(m, m.devices[1].place), "profile-1.mobileconfig:6:1 PayloadContent[0]");
}

TEST(DeviceVpn, OnDemandRulesKeepOrderAndCriteria) {
  const Model m = one(vpn_payload(
      "IKEv2", flag("OnDemandEnabled", 1) + "<key>OnDemandRules</key><array><dict>" + text("Action", "Disconnect") +
                   list("SSIDMatch", {"Corp"}) + text("InterfaceTypeMatch", "WiFi") + list("DNSDomainMatch", {}) +
                   "</dict><dict>" + text("Action", "EvaluateConnection") + "<key>ActionParameters</key><array><dict>" +
                   list("Domains", {"a.example", "b.example"}) + text("DomainAction", "NeverConnect") +
                   "</dict></array></dict><dict>" + text("Action", "Connect") +
                   text("URLStringProbe", "https://p.example/") + "</dict></array>"));
  const OnDemand& o = m.devices[0].on_demand;
  EXPECT_TRUE(o.enabled);
  ASSERT_EQ(o.rules.size(), 3u);
  EXPECT_THAT(*o.rules[0].ssids, ElementsAre("Corp"));
  EXPECT_EQ(o.rules[0].interface_type, policy::InterfaceType::wifi);
  EXPECT_THAT(*o.rules[0].dns_domains, IsEmpty());
  EXPECT_FALSE(o.rules[0].dns_servers.has_value());
  ASSERT_EQ(o.rules[1].parameters.size(), 1u);
  EXPECT_TRUE(o.rules[1].parameters[0].never);
  EXPECT_EQ(o.rules[1].parameters[0].domains.array->size, 2u);
  EXPECT_THAT(where(m, o.rules[1].parameters[0].place), testing::EndsWith("OnDemandRules[1].ActionParameters[0]"));
  EXPECT_THAT(where(m, o.rules[2].place), testing::EndsWith("PayloadContent[0].IKEv2.OnDemandRules[2]"));
  EXPECT_EQ(o.rules[2].url_probe, "https://p.example/");
}

TEST(DeviceVpn, DomainListsFromBeforeTheRulesBecomeOneRule) {
  const Model m = one(vpn_payload(
      "VPN", list("OnDemandMatchDomainsOnRetry", {"a.example"}) + list("OnDemandMatchDomainsNever", {"b.a.example"})));
  const OnDemand& o = m.devices[0].on_demand;
  ASSERT_EQ(o.rules.size(), 1u);
  ASSERT_EQ(o.rules[0].parameters.size(), 2u);
  EXPECT_TRUE(o.rules[0].parameters[0].never);
  EXPECT_FALSE(o.rules[0].parameters[1].never);
}

TEST(DeviceVpn, PayloadsOfOtherTypesAreNoVpns) {
  const Model m = one("<dict>" + text("PayloadType", "com.apple.wifi.managed") + "</dict><string>none</string>");
  EXPECT_THAT(m.devices, IsEmpty());
  EXPECT_THAT(m.tunnels, IsEmpty());
}

}  // namespace
}  // namespace vpn::model
