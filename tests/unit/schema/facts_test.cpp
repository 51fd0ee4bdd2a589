// Spot checks: facts that other parts rest on.
#include <algorithm>

#include "tests/unit/schema/schema_paths.h"

namespace vpn::schema {
namespace {

using document::Type;
using policy::Platform;

constexpr std::string_view vpn = "com.apple.vpn.managed";
constexpr std::string_view per_app = "com.apple.vpn.managed.applayer";

const Availability& on(Platform platform, std::string_view type, std::initializer_list<std::string_view> path) {
  const Key& key = key_at(type, path);
  const std::span<const Availability> list = key.platforms.empty() ? find_payload(type)->platforms : key.platforms;
  return list[static_cast<std::size_t>(platform)];
}

std::vector<std::string_view> values(const Key& key) { return {key.values.begin(), key.values.end()}; }

TEST(Facts, VpnTypes) {
  const Key& type = key_at(vpn, {"VPNType"});
  EXPECT_EQ(type.presence, Presence::required);
  EXPECT_EQ(values(type),
            (std::vector<std::string_view>{"VPN", "L2TP", "IPSec", "IKEv2", "AlwaysOn", "TransparentProxy", "PPTP"}));
  ASSERT_EQ(type.obsolete_values.size(), 1U);
  EXPECT_EQ(type.obsolete_values[0], "PPTP");
}

TEST(Facts, BlocksByVpnType) {
  const auto block = [](std::string_view key) {
    for (const Block& b : find_payload(vpn)->blocks) {
      if (b.key == key) return b;
    }
    ADD_FAILURE() << key;
    return Block{};
  };
  EXPECT_TRUE(block("IKEv2").is_required_by("IKEv2"));
  EXPECT_FALSE(block("IKEv2").read_by("AlwaysOn"));
  EXPECT_TRUE(block("PPP").is_required_by("L2TP"));
  EXPECT_TRUE(block("IPSec").read_by("L2TP"));
  EXPECT_FALSE(block("IPSec").is_required_by("L2TP"));
  EXPECT_TRUE(block("AlwaysOn").is_required_by("AlwaysOn"));
  EXPECT_TRUE(block("VPNSubType").is_required_by("TransparentProxy"));
  EXPECT_FALSE(block("VPNSubType").is_required_by("IKEv2"));
  EXPECT_EQ(find_payload(per_app)->blocks.size(), find_payload(vpn)->blocks.size());
}

TEST(Facts, AlwaysOnTunnelsHoldTheIkeKeysFlat) {
  const Key& tunnel = key_at(vpn, {"AlwaysOn", "TunnelConfigurations", "[]"});
  for (const Key& key : key_at(vpn, {"IKEv2"}).keys) EXPECT_NE(tunnel.find(key.name), nullptr) << key.name;
  EXPECT_NE(tunnel.find("ProtocolType"), nullptr);
  EXPECT_NE(tunnel.find("Interfaces"), nullptr);
  EXPECT_EQ(tunnel.find("IKEv2"), nullptr);
  EXPECT_EQ(key_at(vpn, {"AlwaysOn", "TunnelConfigurations"}).min_items, 1U);
}

TEST(Facts, PerAppPayloadHasEveryVpnKey) {
  const Payload& app = *find_payload(per_app);
  for (const Key& key : find_payload(vpn)->root.keys) EXPECT_NE(app.root.find(key.name), nullptr) << key.name;
  EXPECT_EQ(find_payload(vpn)->root.find("VPNUUID"), nullptr);
}

TEST(Facts, KeysThatWorkUnpublished) {
  for (const auto& path : std::initializer_list<std::initializer_list<std::string_view>>{
           {"VPN", "RemoteAddress"},
           {"VPN", "AuthName"},
           {"VPN", "AuthPassword"},
           {"VPN", "OnDemandMatchAppEnabled"},
           {"TransparentProxy", "RemoteAddress"},
           {"IKEv2", "EnforceStrictAlgorithmSelection"},
           {"IKEv2", "AllowPostQuantumKeyExchangeFallback"},
           {"IKEv2", "ChildSecurityAssociationParameters", "PostQuantumKeyExchangeMethods"}})
    EXPECT_FALSE(key_at(vpn, path).published);
  EXPECT_TRUE(key_at(vpn, {"VendorConfig"}).free_form);
  EXPECT_TRUE(key_at(vpn, {"IKEv2", "RemoteAddress"}).published);
}

TEST(Facts, WhatIsOnlyAWarningWhenMissing) {
  EXPECT_EQ(key_at(vpn, {"IKEv2", "LocalIdentifier"}).missing_severity, Severity::warning);
  EXPECT_EQ(key_at(vpn, {"UserDefinedName"}).missing_severity, Severity::warning);
  EXPECT_EQ(key_at("Configuration", {"PayloadVersion"}).missing_severity, Severity::error);
  EXPECT_EQ(key_at(vpn, {"IKEv2", "RemoteAddress"}).missing_severity, Severity::error);
}

TEST(Facts, VersionsAndPlatforms) {
  EXPECT_EQ(on(Platform::ios, vpn, {"IKEv2", "IncludeAllNetworks"}).since, (Version{14, 0, 0}));
  EXPECT_EQ(on(Platform::macos, vpn, {"IKEv2", "IncludeAllNetworks"}).since, (Version{10, 15, 0}));
  EXPECT_FALSE(on(Platform::tvos, vpn, {"IKEv2", "IncludeAllNetworks"}).available);
  EXPECT_EQ(on(Platform::ios, vpn, {"VPN", "ExcludeDeviceCommunication"}).since, (Version{17, 4, 0}));
  EXPECT_FALSE(on(Platform::macos, vpn, {"AlwaysOn"}).available);
  EXPECT_FALSE(on(Platform::macos, vpn, {"AlwaysOn", "TunnelConfigurations", "[]", "MTU"}).available)
      << "never more available than the dictionary around it";
  EXPECT_TRUE(on(Platform::ios, vpn, {"AlwaysOn", "UIToggleEnabled"}).supervised);
  EXPECT_FALSE(on(Platform::ios, vpn, {"IKEv2"}).supervised);
  EXPECT_EQ(on(Platform::ios, per_app, {"MailDomains"}).deprecated, (Version{13, 4, 0}));
  EXPECT_EQ(on(Platform::macos, "com.apple.vpn.managed.appmapping", {"AppLayerVPNMapping", "[]", "MatchTools"}).since,
            (Version{10, 15, 4}));
  EXPECT_FALSE(on(Platform::ios, "com.apple.vpn.managed.appmapping", {}).available);
  for_each_payload([](const Payload& payload) {
    EXPECT_TRUE(payload.platforms[static_cast<std::size_t>(Platform::linux)].available) << payload.type;
  });
}

TEST(Facts, RangesAndDefaults) {
  const Key& mtu = key_at(vpn, {"IKEv2", "MTU"});
  EXPECT_EQ(mtu.min, 1280);
  EXPECT_EQ(mtu.max, 1400);
  EXPECT_EQ(mtu.default_value, "1280");
  EXPECT_EQ(key_at(vpn, {"VPN", "ExcludeAPNs"}).default_value, "1");
  EXPECT_EQ(key_at(vpn, {"VPN", "ExcludeLocalNetworks"}).default_value, "") << "depends on the platform";
  EXPECT_EQ(key_at(vpn, {"IKEv2", "IKESecurityAssociationParameters", "DiffieHellmanGroup"}).default_value, "14");
  EXPECT_TRUE(key_at(vpn, {"VPN", "IncludeAllNetworks"}).flag);
  EXPECT_EQ(key_at(vpn, {"IPSec", "PromptForVPNPIN"}).types, mask(Type::boolean));
}

TEST(Facts, SecretsAndReferences) {
  for (const auto& path :
       std::initializer_list<std::initializer_list<std::string_view>>{{"IKEv2", "SharedSecret"},
                                                                      {"IKEv2", "AuthPassword"},
                                                                      {"IKEv2", "PPK"},
                                                                      {"IPSec", "SharedSecret"},
                                                                      {"IPSec", "XAuthPassword"},
                                                                      {"PPP", "AuthPassword"},
                                                                      {"VPN", "Password"},
                                                                      {"Proxies", "HTTPProxyPassword"}})
    EXPECT_TRUE(key_at(vpn, path).secret);
  EXPECT_TRUE(key_at("com.apple.security.pkcs12", {"PayloadContent"}).secret);
  EXPECT_FALSE(key_at("com.apple.security.root", {"PayloadContent"}).secret);
  EXPECT_EQ(key_at(vpn, {"IKEv2", "PayloadCertificateUUID"}).reference, Reference::identity);
  EXPECT_EQ(key_at("com.apple.vpn.managed.appmapping", {"AppLayerVPNMapping", "[]", "VPNUUID"}).reference,
            Reference::per_app_vpn);
  EXPECT_EQ(key_at("com.apple.configuration.network.vpn.ikev2", {"Payload", "Authentication", "IdentityAssetReference"})
                .reference,
            Reference::identity_asset);
}

TEST(Facts, Declarations) {
  constexpr std::string_view always_on = "com.apple.configuration.network.vpn.always-on";
  EXPECT_TRUE(find_payload(always_on)->is_declaration);
  EXPECT_FALSE(find_payload(always_on)->multiple);
  const Key& tunnel = key_at(always_on, {"Payload", "TunnelConfigurations", "[]"});
  EXPECT_NE(tunnel.find("IKEV2"), nullptr);
  EXPECT_EQ(tunnel.find("RemoteAddress"), nullptr);
  EXPECT_EQ(key_at(always_on, {"Payload", "UIToggleEnabled"}).types, mask(Type::boolean));
  EXPECT_EQ(on(Platform::ios, always_on, {}).since, (Version{27, 0, 0}));
  for (const std::string_view kind : {"ikev2", "ipsec", "vpn-plugin"})
    EXPECT_NE(find_payload("com.apple.configuration.network.vpn." + std::string(kind)), nullptr) << kind;
  for (const std::string_view kind : {"identity", "certificate", "userpassword", "scep", "acme"})
    EXPECT_NE(find_payload("com.apple.asset.credential." + std::string(kind)), nullptr) << kind;
}

TEST(Facts, ForeignPayloads) {
  for (const std::string_view type : {"com.apple.wifi.managed", "com.apple.mail.managed", "com.apple.applicationaccess",
                                      "com.apple.dnsSettings.managed", "com.apple.relay.managed"})
    EXPECT_TRUE(is_foreign_payload(type)) << type;
}

TEST(Facts, S2_Services) {
  const auto select = [](policy::Service service) {
    std::vector<ServiceSelector> list;
    for (const ServiceSelector& s : services()) {
      if (s.service == service) list.push_back(s);
    }
    return list;
  };
  const auto airprint = select(policy::Service::airprint);
  ASSERT_EQ(airprint.size(), 2U);
  EXPECT_EQ(airprint[0].protocol, 17);
  EXPECT_EQ(airprint[0].ports[0], 5353);
  EXPECT_EQ(airprint[1].protocol, 6);
  EXPECT_EQ(airprint[1].ports[0], 631);
  EXPECT_TRUE(airprint[1].local_only);
  for (const ServiceSelector& s : airprint) EXPECT_EQ(s.role, 0U) << "a role alone makes no airprint";
  const auto apns = select(policy::Service::apns);
  ASSERT_EQ(apns.size(), 1U);
  EXPECT_EQ(apns[0].prefixes.size(), 9U);
  EXPECT_EQ(std::vector<std::uint16_t>(apns[0].ports.begin(), apns[0].ports.end()),
            (std::vector<std::uint16_t>{5223, 2197, 443}));
  EXPECT_EQ(apns[0].role, 0U);
  const auto cellular = select(policy::Service::cellular_services);
  ASSERT_EQ(cellular.size(), 2U);
  for (const ServiceSelector& s : cellular) {
    EXPECT_EQ(s.role, policy::bit(policy::Role::cellular_services));
    EXPECT_NE(s.protocol, 0);
  }
  for (const auto& [service, role] : {std::pair{policy::Service::voicemail, policy::Role::voicemail},
                                      {policy::Service::device_communication, policy::Role::device_communication},
                                      {policy::Service::companion, policy::Role::companion},
                                      {policy::Service::cellular_only, policy::Role::cellular_only}}) {
    const auto list = select(service);
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].role, policy::bit(role));
    EXPECT_EQ(list[0].protocol, 0);
    EXPECT_TRUE(list[0].ports.empty() && list[0].prefixes.empty());
  }
}

TEST(Facts, KnownApps) {
  const auto roles = [](std::string_view identifier) {
    for (const KnownApp& app : known_apps()) {
      if (app.identifier == identifier) return app.roles;
    }
    return 0U;
  };
  EXPECT_EQ(roles("com.apple.mobilesafari"), policy::bit(policy::Role::browser));
  EXPECT_EQ(roles("org.mozilla.firefox"), policy::bit(policy::Role::browser));
  EXPECT_NE(roles("org.mozilla.thunderbird") & policy::bit(policy::Role::mail), 0U);
  EXPECT_EQ(roles("com.apple.WebSheet"), policy::bit(policy::Role::captive_websheet));
  EXPECT_FALSE(captive_probes().empty());
}

}  // namespace
}  // namespace vpn::schema
