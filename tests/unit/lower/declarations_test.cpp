// Payloads and declarations that say the same give the same policy but for provenance; so do the forms of a property
// list.
#include "lowering.h"

namespace vpn::lower {
namespace {

using model::flag;
using model::list;
using model::plist;
using model::profile;
using model::Profiles;
using model::text;
using model::vpn_payload;
using testing::ElementsAre;

constexpr const char* asset =
    R"({"Type": "com.apple.asset.credential.userpassword", "Identifier": "account", "ServerToken": "1",
  "Payload": {"UserName": "jo", "Password": "horse"}})";
constexpr const char* shared =
    R"({"Type": "com.apple.asset.credential.userpassword", "Identifier": "shared", "ServerToken": "1",
  "Payload": {"Password": "secret"}})";

/// The body as text, without what may differ: files and places.
std::string without_provenance(const policy::Policy& policy) {
  std::string out;
  const fb::Policy& body = policy.body();
  const auto add = [&](const flatbuffers::String* s) { out += (s == nullptr ? std::string("-") : s->str()) + "|"; };
  const auto settings = [&](const flatbuffers::Vector<flatbuffers::Offset<fb::Setting>>* list) {
    for (std::uint32_t i = 0; list != nullptr && i < list->size(); ++i) {
      add(list->Get(i)->key());
      add(list->Get(i)->value());
      out += list->Get(i)->secret() == policy::none ? "" : "secret|";
    }
  };
  const auto association = [&](const fb::SecurityAssociation& sa) {
    add(sa.encryption());
    add(sa.integrity());
    out += std::to_string(sa.dh_group()) + "/" + std::to_string(sa.lifetime_minutes()) + "|";
    for (std::uint32_t i = 0; sa.post_quantum() != nullptr && i < sa.post_quantum()->size(); ++i)
      out += std::to_string(sa.post_quantum()->Get(i)) + ",";
  };
  for (const fb::Tunnel* t : *body.tunnels()) {
    for (const auto* s : {t->id(), t->name(), t->subtype(), t->server(), t->provider_bundle()}) add(s);
    out += std::to_string(static_cast<int>(t->kind())) + std::to_string(static_cast<int>(t->provider())) +
           std::to_string(t->app_proxy()) + "/" + std::to_string(t->idle_seconds()) + "|";
    settings(t->settings());
    settings(t->proxies());
    if (const fb::Login* l = t->login()) {
      add(l->method());
      add(l->user());
      out += l->password() == policy::none ? "" : "secret|";
    }
    if (const fb::Ike* i = t->ike()) {
      for (const auto* s : {i->local_identifier(), i->remote_identifier(), i->authentication(), i->certificate_type(),
                            i->server_issuer(), i->server_name(), i->user(), i->dead_peer_detection(), i->tls_minimum(),
                            i->tls_maximum(), i->ppk_identifier()})
        add(s);
      for (const bool b :
           {i->extended_authentication(), i->perfect_forward_secrecy(), i->disable_mobike(), i->disable_redirect(),
            i->internal_subnets(), i->revocation_check(), i->fallback(), i->nat_keepalive_offload(),
            i->strict_algorithms(), i->ppk_mandatory(), i->post_quantum_fallback(), i->secret() != policy::none,
            i->password() != policy::none, i->ppk() != policy::none})
        out += b ? '1' : '0';
      out += std::to_string(i->mtu()) + "/" + std::to_string(i->nat_keepalive_seconds()) + "|";
      association(*i->ike_sa());
      association(*i->child_sa());
    }
    if (const fb::Dns* d = t->dns()) {
      for (const auto* s : {d->protocol(), d->server_url(), d->server_name(), d->domain_name()}) add(s);
      for (const auto& s : strings(d->servers())) out += s + ",";
      for (const auto& s : strings(d->search_domains())) out += s + ",";
      out += std::to_string(d->supplemental_default()) + std::to_string(d->supplemental_no_search()) + "|";
    }
  }
  for (std::uint32_t i = 0; body.devices() != nullptr && i < body.devices()->size(); ++i) {
    const fb::Device& d = *body.devices()->Get(i);
    for (const bool b : {d.include_all(), d.enforce_routes(), d.exclude_local(), d.exclude_cellular(), d.exclude_apns(),
                         d.exclude_device_communication(), d.override_primary()})
      out += b ? '1' : '0';
    if (d.on_demand() == nullptr) continue;
    out += std::to_string(d.on_demand()->enabled()) + std::to_string(d.on_demand()->user_override_disabled());
    for (const fb::OnDemandRule* r : *d.on_demand()->rules()) {
      out += "rule" + std::to_string(static_cast<int>(r->action())) + "," + std::to_string(r->interface_type());
      for (const auto& s : strings(r->ssids())) out += s + ",";
    }
  }
  if (const fb::AlwaysOn* a = body.always_on()) {
    out += "always-on" + std::to_string(a->user_toggle()) + std::to_string(a->captive_websheet()) +
           std::to_string(a->captive_all());
    for (const fb::AlwaysOnTunnel* t : *a->tunnels()) out += std::to_string(t->interfaces());
    for (const fb::ServiceException* s : *a->services())
      out += std::to_string(s->service()) + std::to_string(static_cast<int>(s->action()));
  }
  for (std::uint32_t i = 0; i < policy.apps().size(); ++i) {
    const fb::App& app = *body.apps()->Get(i);
    out += std::string(policy.apps().name(i)) + (app.exception_any() == policy::none ? "" : "any") +
           (app.exception_udp() == policy::none ? "" : "udp") + (app.captive_plugin() == policy::none ? "" : "plugin") +
           "|";
  }
  for (const auto& s : strings(body.servers())) out += s + ",";
  policy.domains().for_each([&](std::string_view name, auto whole, auto below) {
    out += std::string(name) + std::to_string(whole.size()) + std::to_string(below.size()) + "|";
  });
  return out + std::to_string(body.secret_count());
}

const std::string sa = text("EncryptionAlgorithm", "AES-256-GCM") + flag("DiffieHellmanGroup", 20) +
                       "<key>PostQuantumKeyExchangeMethods</key><array><integer>36</integer></array>";
constexpr const char* json_sa =
    R"({"EncryptionAlgorithm": "AES-256-GCM", "DiffieHellmanGroup": 20, "PostQuantumKeyExchangeMethods": [36]})";

TEST(Forms, Ikev2) {
  const Profiles payload(profile(vpn_payload(
      "IKEv2",
      text("RemoteAddress", "vpn.example.com") + text("LocalIdentifier", "me") + text("RemoteIdentifier", "it") +
          text("AuthenticationMethod", "SharedSecret") + text("SharedSecret", "secret") +
          flag("ExtendedAuthEnabled", 1) + text("AuthName", "jo") + text("AuthPassword", "horse") +
          text("ServerCertificateCommonName", "cn") + text("TLSMinimumVersion", "1.2") + flag("IncludeAllNetworks", 1) +
          flag("ExcludeAPNs", 0) + flag("OnDemandEnabled", 1) + flag("OnDemandUserOverrideDisabled", 1) +
          "<key>OnDemandRules</key><array><dict>" + text("Action", "Connect") + list("SSIDMatch", {"a", "b"}) +
          text("InterfaceTypeMatch", "WiFi") + "</dict></array>" + flag("DisconnectOnIdle", 1) +
          flag("DisconnectOnIdleTimer", 60) + text("DeadPeerDetectionRate", "High") + flag("EnablePFS", 1) +
          flag("NATKeepAliveOffloadEnable", 0) + text("PPKIdentifier", "p") + "<key>PPK</key><data>aGk=</data>" +
          flag("PPKMandatory", 0) + flag("AllowPostQuantumKeyExchangeFallback", 1) +
          flag("EnforceStrictAlgorithmSelection", 1) + text("ProviderType", "app-proxy") +
          "<key>IKESecurityAssociationParameters</key><dict>" + sa + "</dict>",
      text("UserDefinedName", "Corp") + "<key>DNS</key><dict>" + text("DNSProtocol", "TLS") +
          text("ServerName", "dns.example") + list("ServerAddresses", {"10.0.0.1"}) +
          list("SupplementalMatchDomains", {"", "corp.example"}) + flag("SupplementalMatchDomainsNoSearch", 1) +
          "</dict><key>Proxies</key><dict>" + flag("HTTPEnable", 1) + text("HTTPProxy", "proxy.example") +
          flag("HTTPPort", 8080) + text("HTTPProxyUsername", "jo") + text("HTTPProxyPassword", "horse") +
          flag("ProxyAutoDiscoveryEnable", 0) + "</dict>")));
  Profiles declaration;
  declaration.add(
      std::string(
          R"({"Type": "com.apple.configuration.network.vpn.ikev2", "Identifier": "0C6E1B1E-0000-4000-8000-000000000001", "ServerToken": "1",
   "Payload": {"VisibleName": "Corp", "HostName": "vpn.example.com", "LocalIdentifier": "me", "RemoteIdentifier": "it",
    "Authentication": {"Method": "SharedSecret", "CredentialsAssetReference": "shared",
      "ExtendedAuth": {"Enabled": true, "CredentialsAssetReference": "account", "ServerCertificateCommonName": "cn", "TLSMinimumVersion": "1.2"}},
    "NetworkRouting": {"IncludeAllNetworks": true, "ExcludeAPNs": false},
    "OnDemand": {"Enabled": true, "DisableUserOverride": true, "Rules": [{"Action": "Connect", "SSIDMatch": ["a", "b"], "InterfaceTypeMatch": "WiFi"}]},
    "Idle": {"Disconnect": true, "Timer": 60, "DeadPeerDetectionRate": "High"}, "EnablePFS": true, "EnableNATKeepAliveOffload": false,
    "PostQuantumKeyExchange": {"PPK": "aGk=", "PPKIdentifier": "p", "PPKMandatory": false, "AllowFallback": true},
    "EnforceStrictAlgorithmSelection": true, "Provider": {"Type": "app-proxy"}, "IKESecurityAssociationParameters": )") +
          json_sa + R"(,
    "DNS": {"Protocol": "TLS", "ServerName": "dns.example", "ServerAddresses": ["10.0.0.1"], "SupplementalMatchDomains": ["", "corp.example"], "SupplementalMatchDomainsNoSearch": true},
    "Proxies": {"AutoDiscoveryEnable": false, "Protocol": {"HTTP": {"Enable": true, "HostName": "proxy.example", "Port": 8080}, "CredentialsAssetReference": "proxy"}}}})",
      "vpn.json");
  declaration.add(asset, "account.json");
  declaration.add(shared, "shared.json");
  std::string proxy = asset;
  proxy.replace(proxy.find("\"account\""), 9, "\"proxy\"");
  declaration.add(proxy, "proxy.json");
  const std::string xml = without_provenance(compile(payload));
  const policy::Policy declared = compile(declaration);
  EXPECT_EQ(without_provenance(declared), xml);
  EXPECT_EQ(source(declared, declared.body().devices()->Get(0)->exclude_apns_source()).substr(0, 9), "vpn.json:");
}

TEST(Forms, AlwaysOn) {
  const auto tunnel = [](std::string_view host, std::string_view interface) {
    return "<dict>" + text("ProtocolType", "IKEv2") + list("Interfaces", {interface}) + text("RemoteAddress", host) +
           text("SharedSecret", "secret") + "</dict>";
  };
  const Profiles payload(profile(vpn_payload(
      "AlwaysOn",
      flag("AllowCaptiveWebSheet", 1) + "<key>ServiceExceptions</key><array><dict>" + text("ServiceName", "AirPrint") +
          text("Action", "Allow") + "</dict></array><key>ApplicationExceptions</key><array><dict>" +
          text("BundleIdentifier", "com.example.a") + list("LimitToProtocols", {"UDP"}) +
          "</dict></array><key>TunnelConfigurations</key><array>" + tunnel("a.example", "Cellular") +
          tunnel("b.example", "WiFi") + "</array>",
      text("UserDefinedName", "Always"))));
  Profiles declaration;
  declaration.add(
      R"({"Type": "com.apple.configuration.network.vpn.always-on", "Identifier": "0C6E1B1E-0000-4000-8000-000000000001", "ServerToken": "1",
    "Payload": {"VisibleName": "Always", "AllowCaptiveWebSheet": true, "ServiceExceptions": [{"ServiceName": "AirPrint", "Action": "Allow"}],
     "ApplicationExceptions": [{"BundleIdentifier": "com.example.a", "LimitToProtocols": ["UDP"]}],
     "TunnelConfigurations": [
       {"ProtocolType": "IKEv2", "Interfaces": ["Cellular"], "IKEV2": {"HostName": "a.example", "Authentication": {"Method": "SharedSecret", "CredentialsAssetReference": "shared"}}},
       {"ProtocolType": "IKEv2", "Interfaces": ["WiFi"], "IKEV2": {"HostName": "b.example", "Authentication": {"Method": "SharedSecret", "CredentialsAssetReference": "shared"}}}]}})");
  declaration.add(shared);
  const policy::Policy declared = compile(declaration);
  EXPECT_EQ(without_provenance(declared), without_provenance(compile(payload)));
  EXPECT_THAT(source(declared, declared.body().always_on()->tunnels()->Get(1)->source()),
              testing::EndsWith("Payload.TunnelConfigurations[1]"));
}

TEST(Forms, PlugInAndIpsec) {
  const Profiles payload(profile(
      vpn_payload("VPN",
                  text("RemoteAddress", "gate.example") + text("AuthName", "jo") + text("Password", "horse") +
                      text("ProviderType", "app-proxy") + flag("EnforceRoutes", 1),
                  text("UserDefinedName", "Plug") + text("VPNSubType", "com.example.vpn") +
                      "<key>VendorConfig</key><dict>" + text("Realm", "R") +
                      "<key>deep</key><dict><key>on</key><true/></dict></dict>") +
      vpn_payload(
          "IPSec",
          text("RemoteAddress", "old.example") + text("LocalIdentifier", "group") + text("SharedSecret", "secret") +
              flag("XAuthEnabled", 1) + text("XAuthName", "jo") + text("XAuthPassword", "horse"),
          text("UserDefinedName", "Old") + "<key>IPv4</key><dict>" + flag("OverridePrimary", 1) + "</dict>", "two")));
  Profiles declaration;
  declaration.add(
      R"([{"Type": "com.apple.configuration.network.vpn.vpn-plugin", "Identifier": "0C6E1B1E-0000-4000-8000-000000000001", "ServerToken": "1",
    "Payload": {"VisibleName": "Plug", "HostName": "gate.example", "SubType": "com.example.vpn", "VendorConfig": {"Realm": "R", "deep": {"on": true}},
     "Authentication": {"Method": "Password", "CredentialsAssetReference": "account"}, "Provider": {"Type": "app-proxy"}, "NetworkRouting": {"EnforceRoutes": true}}},
   {"Type": "com.apple.configuration.network.vpn.ipsec", "Identifier": "TWO", "ServerToken": "1",
    "Payload": {"VisibleName": "Old", "HostName": "old.example", "OverridePrimary": true,
     "Authentication": {"Method": "SharedSecret", "LocalIdentifier": "group", "CredentialsAssetReference": "shared", "XAuth": {"Enabled": true, "CredentialsAssetReference": "account"}}}}])");
  declaration.add(asset);
  declaration.add(shared);
  const std::string xml = without_provenance(compile(payload));
  EXPECT_EQ(without_provenance(compile(declaration)), xml);
}

TEST(Declarations, AnAssetToBeFetchedIsAnIdentity) {
  Profiles p;
  p.add(
      R"({"Type": "com.apple.configuration.network.vpn.ikev2", "Identifier": "com.example.vpn", "Payload": {"HostName": "a",
    "Authentication": {"Method": "Certificate", "IdentityAssetReference": "id", "ExtendedAuth": {"Enabled": true, "CredentialsAssetReference": "up"}}}})");
  p.add(
      R"({"Type": "com.apple.asset.credential.identity", "Identifier": "id", "Payload": {"Reference": {"DataURL": "https://mdm.example/id"}}})");
  p.add(
      R"({"Type": "com.apple.asset.credential.userpassword", "Identifier": "up", "Payload": {"Reference": {"DataURL": "https://mdm.example/up"}}})");
  const policy::Policy policy = compile(p);
  const fb::Ike& ike = *policy.body().tunnels()->Get(0)->ike();
  ASSERT_EQ(policy.body().identities()->size(), 2u);
  EXPECT_EQ(policy.body().identities()->Get(ike.certificate())->uuid()->str(), "id");
  EXPECT_EQ(policy.body().identities()->Get(ike.credentials())->kind()->str(), "userpassword");
  EXPECT_EQ(policy.body().identities()->Get(ike.certificate())->settings()->Get(0)->key()->str(), "Reference.DataURL");
  EXPECT_EQ(policy.body().tunnels()->Get(0)->id()->str(), "com.example.vpn");
}

}  // namespace
}  // namespace vpn::lower
