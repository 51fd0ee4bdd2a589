// IKE, identities, DNS, proxies, settings; payloads and declarations that say the same give the same.
#include <openssl/evp.h>

#include "building.h"
#include "compiler/model/reader.h"
#include "policy_generated.h"

namespace vpn::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::string payload(std::string_view type, std::string_view uuid, std::string_view keys) {
  return "<dict>" + text("PayloadType", type) + text("PayloadUUID", uuid) + std::string(keys) + "</dict>";
}
std::string data(std::string_view key, std::string_view base64) {
  return "<key>" + std::string(key) + "</key><data>" + std::string(base64) + "</data>";
}

const Setting* setting(const std::vector<Setting>& settings, std::string_view key) {
  for (const Setting& s : settings) {
    if (s.key == key) return &s;
  }
  return nullptr;
}
std::string value(const std::vector<Setting>& settings, std::string_view key) {
  const Setting* s = setting(settings, key);
  return s == nullptr ? "absent" : s->secret != none ? "secret" : s->value;
}

TEST(Ike, DefaultsAreTheSchemas) {
  const Profiles p(profile(vpn_payload("IKEv2", "")));
  const Model m = p.build();
  const Ike& ike = *m.tunnels[0].ike;
  EXPECT_EQ(ike.dead_peer_detection, "Medium");
  EXPECT_EQ(ike.mtu, 1280u);
  EXPECT_EQ(ike.nat_keepalive_seconds, 20u);
  EXPECT_TRUE(ike.nat_keepalive_offload);
  EXPECT_TRUE(ike.ppk_mandatory);
  EXPECT_EQ(ike.tls_minimum, "1.0");
  EXPECT_EQ(ike.ike_sa.encryption, "AES-256");
  EXPECT_EQ(ike.ike_sa.dh_group, 14);
  EXPECT_EQ(ike.secret, none);
}

TEST(Ike, NoneWithoutEapIsTheSharedSecret) {
  const auto method = [](std::string_view keys) {
    const Profiles p(profile(vpn_payload("IKEv2", keys)));
    const Model m = p.build();
    return std::string(m.tunnels[0].ike->authentication);
  };
  EXPECT_EQ(method(text("AuthenticationMethod", "None")), "SharedSecret");
  EXPECT_EQ(method(text("AuthenticationMethod", "None") + flag("ExtendedAuthEnabled", 1)), "None");
  EXPECT_EQ(method(text("AuthenticationMethod", "Certificate")), "Certificate");
}

TEST(Ike, TheChildTakesTheParametersOfIkeUnlessItHasItsOwn) {
  const std::string ike_sa = "<key>IKESecurityAssociationParameters</key><dict>" +
                             text("EncryptionAlgorithm", "AES-256-GCM") +
                             "<key>DiffieHellmanGroup</key><string>20</string></dict>";
  const Profiles one(profile(vpn_payload("IKEv2", ike_sa)));
  EXPECT_EQ(one.build().tunnels[0].ike->child_sa.encryption, "AES-256-GCM");
  EXPECT_EQ(one.build().tunnels[0].ike->child_sa.dh_group, 20);
  const Profiles two(profile(vpn_payload("IKEv2", ike_sa + "<key>ChildSecurityAssociationParameters</key><dict>" +
                                                      flag("LifeTimeInMinutes", 60) + "</dict>")));
  EXPECT_EQ(two.build().tunnels[0].ike->child_sa.encryption, "AES-256");
  EXPECT_EQ(two.build().tunnels[0].ike->child_sa.lifetime_minutes, 60u);
}

TEST(Ike, ValuesOfOtherTypesAreReadAsMeant) {
  const Profiles p(
      profile(vpn_payload("IKEv2",
                          "<key>TLSMinimumVersion</key><real>1.2</real><key>MTU</key><string>1300</string>"
                          "<key>EnablePFS</key><true/><key>NATKeepAliveInterval</key><integer>-5</integer>" +
                              data("SharedSecret", "aGk="))));
  const Model m = p.build();
  const Ike& ike = *m.tunnels[0].ike;
  EXPECT_EQ(ike.tls_minimum, "1.2");
  EXPECT_EQ(ike.mtu, 1300u);
  EXPECT_TRUE(ike.perfect_forward_secrecy);
  EXPECT_EQ(ike.nat_keepalive_seconds, 20u);
  EXPECT_EQ(m.secrets.at(ike.secret).text(), "hi");
}

TEST(Identities, AreThoseThatAVpnRefersTo) {
  const Profiles p(
      profile(payload("com.apple.security.pkcs12", "u1", data("PayloadContent", "MDA=") + text("Password", "pw")) +
              payload("com.apple.security.pkcs12", "u2", data("PayloadContent", "MDE=")) +
              vpn_payload("IKEv2", text("PayloadCertificateUUID", "U1"))));
  const Model m = p.build();
  ASSERT_THAT(m.identities, SizeIs(1));
  EXPECT_EQ(m.tunnels[0].ike->certificate, 0u);
  EXPECT_EQ(m.identities[0].uuid, "U1");
  EXPECT_EQ(m.identities[0].kind, "pkcs12");
  EXPECT_EQ(m.secrets.at(m.identities[0].container).text(), "00");
  EXPECT_EQ(m.secrets.at(m.identities[0].password).text(), "pw");
}

TEST(Identities, OnlyWithinTheirProfile) {
  Profiles p;
  p.add(profile(payload("com.apple.security.pkcs12", "u1", data("PayloadContent", "MDA="))));
  p.add(profile(vpn_payload("IKEv2", text("PayloadCertificateUUID", "u1"))));
  EXPECT_EQ(p.build().tunnels[0].ike->certificate, none);
}

TEST(Identities, CertificatesAreKeptAsDer) {
  const std::string pem = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
  std::string base64(pem.size() * 2, '\0');
  base64.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                                         reinterpret_cast<const unsigned char*>(pem.data()),
                                                         static_cast<int>(pem.size()))));
  const Profiles p(profile(vpn_payload("IKEv2", "") +
                           payload("com.apple.security.root", "r", data("PayloadContent", "MAMCAQE=")) +
                           payload("com.apple.security.pem", "p", data("PayloadContent", base64)) +
                           payload("com.apple.security.pkcs1", "x", data("PayloadContent", "aGk="))));
  const Model m = p.build();
  ASSERT_THAT(m.identities, SizeIs(3));
  EXPECT_THAT(m.identities[0].certificate, ElementsAre(0x30, 3, 2, 1, 1));
  EXPECT_EQ(m.identities[1].certificate, m.identities[0].certificate);
  EXPECT_THAT(m.identities[2].certificate, IsEmpty());
}

TEST(Identities, EnrolmentIsSettingsWithItsChallengeSecret) {
  const Profiles p(profile(
      payload(
          "com.apple.security.scep", "s",
          "<key>PayloadContent</key><dict>" + text("URL", "https://scep.example/") + text("Challenge", "horse") +
              "<key>Subject</key><array><array><array><string>CN</string><string>me</string></array></array></array>" +
              flag("Keysize", 2048) + "</dict>") +
      payload(
          "com.apple.security.acme", "c",
          text("DirectoryURL", "https://acme.example/") + text("ClientIdentifier", "id") + "<key>Attest</key><true/>") +
      vpn_payload("IKEv2", text("PayloadCertificateUUID", "s")) +
      vpn_payload("IKEv2", text("PayloadCertificateUUID", "c"), "", "two")));
  const Model m = p.build();
  ASSERT_THAT(m.identities, SizeIs(2));
  const auto& scep = m.identities[0].settings;
  EXPECT_EQ(value(scep, "URL"), "https://scep.example/");
  EXPECT_EQ(value(scep, "Subject.0.0.1"), "me");
  EXPECT_EQ(value(scep, "Keysize"), "2048");
  EXPECT_EQ(value(scep, "Challenge"), "secret");
  const auto& acme = m.identities[1].settings;
  EXPECT_EQ(value(acme, "Attest"), "true");
  EXPECT_EQ(value(acme, "PayloadUUID"), "absent");
}

TEST(Settings, VendorConfigIsFlattened) {
  const Profiles p(
      profile(vpn_payload("VPN", "",
                          "<key>VendorConfig</key><dict>" + text("Realm", "CORP") + flag("Port", 443) +
                              "<key>On</key><true/><key>F</key><real>1.5</real>" + list("Hosts", {"a", "b"}) +
                              "<key>Sub</key><dict>" + text("Deep", "x") + text("user_password", "horse") + "</dict>" +
                              text("remark", "-----BEGIN PRIVATE KEY-----") + data("Blob", "aGk=") + text("psk", "") +
                              flag("TokenCard", 1) + flag("pin", 1234) + "</dict>")));
  const Model m = p.build();
  const auto& s = m.tunnels[0].settings;
  EXPECT_EQ(value(s, "Realm"), "CORP");
  EXPECT_EQ(value(s, "Port"), "443");
  EXPECT_EQ(value(s, "On"), "true");
  EXPECT_EQ(value(s, "F"), "1.5");
  EXPECT_EQ(value(s, "Hosts.1"), "b");
  EXPECT_EQ(value(s, "Sub.Deep"), "x");
  EXPECT_EQ(value(s, "Sub.user_password"), "secret");
  EXPECT_EQ(value(s, "remark"), "secret");
  EXPECT_EQ(value(s, "Blob"), "aGk=");
  EXPECT_EQ(value(s, "psk"), "");
  EXPECT_EQ(value(s, "TokenCard"), "1");
  EXPECT_EQ(value(s, "pin"), "secret");
}

TEST(Settings, IdleNeedsItsSwitch) {
  const auto idle = [](std::string_view keys) {
    const Profiles p(profile(vpn_payload("IKEv2", keys)));
    return p.build().tunnels[0].idle_seconds;
  };
  EXPECT_EQ(idle(flag("DisconnectOnIdleTimer", 90)), 0u);
  EXPECT_EQ(idle(flag("DisconnectOnIdle", 1) + flag("DisconnectOnIdleTimer", 90)), 90u);
}

TEST(Base64, IsDecodedOrRefused) {
  EXPECT_THAT(*decode_base64(" aG k=\n"), ElementsAre('h', 'i'));
  EXPECT_THAT(*decode_base64(""), IsEmpty());
  EXPECT_FALSE(decode_base64("aGk").has_value());
  EXPECT_FALSE(decode_base64("a$k=").has_value());
}

}  // namespace
}  // namespace vpn::model
