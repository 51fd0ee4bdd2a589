#include "agent/tunnel/strongswan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/strongswan/made_tunnel.h"

namespace vpn::agent::strongswan {
namespace {

using test::MadeIdentity;
using test::MadeTunnel;
using testing::HasSubstr;
using testing::Not;

constexpr const char* shared_secret_connection = R"(NAME {
  local_addrs = [ 192.0.2.10 ]
  remote_addrs = [ 192.0.2.1 ]
  version = 2
  mobike = yes
  fragmentation = yes
  send_cert = always
  keyingtries = 1
  dpd_delay = 600s
  rekey_time = 86400s
  reauth_time = 0s
  proposals = [ aes256-sha256-prfsha256-modp2048 ]
  vips = [ 0.0.0.0 :: ]
  local {
    auth = psk
    id = fqdn:device.example.com
  }
  remote {
    auth = psk
    id = fqdn:vpn.example.com
  }
  children {
    net {
      esp_proposals = [ aes256-sha256 ]
      remote_ts = [ 0.0.0.0/0 ::/0 ]
      rekey_time = 86400s
      dpd_action = clear
      close_action = none
      start_action = none
      updown = umask 077; printf '%s\n' "$PLUTO_VERB" $PLUTO_DNS4_1 $PLUTO_DNS4_2 $PLUTO_DNS4_3 $PLUTO_DNS4_4 $PLUTO_DNS6_1 $PLUTO_DNS6_2 $PLUTO_DNS6_3 $PLUTO_DNS6_4 >'/run/t/resolvers'
    }
  }
}
)";

TEST(Plan, OfASharedSecret) {
  MadeTunnel tunnel;
  tunnel.with_shared_secret();
  EXPECT_EQ(tunnel.connection(), shared_secret_connection);
  EXPECT_EQ(tunnel.credentials(), R"(load-shared:
id = vpn-ike
type = ike
data = shared
owners = [ fqdn:vpn.example.com ]
)");
}

TEST(Plan, OfAnIdentity) {
  const MadeIdentity device("device", "P-256"), root("Root", "P-256", true);
  MadeTunnel tunnel;
  tunnel.with_identity(device);
  tunnel.trust(root);
  const std::string certificate = std::to_string(device.der().size()), authority = std::to_string(root.der().size());
  EXPECT_THAT(
      tunnel.connection(),
      HasSubstr("  local {\n    auth = pubkey\n    id = fqdn:device.example.com\n    certs = [ <" + certificate +
                " bytes> ]\n  }\n  remote {\n    auth = pubkey\n"
                "    id = fqdn:vpn.example.com\n    revocation = relaxed\n    cacerts = [ <" +
                authority + " bytes> ]\n  }\n"));
  EXPECT_THAT(tunnel.credentials(), HasSubstr("load-cert:\ntype = X509\nflag = CA\ndata = <" + authority +
                                              " bytes>\nload-key:\ntype = any\ndata = <"));
}

TEST(Plan, OfAPassword) {
  const MadeIdentity root("Root", "P-256", true);
  MadeTunnel tunnel;
  tunnel.with_password();
  tunnel.trust(root);
  EXPECT_THAT(tunnel.connection(), HasSubstr("  local {\n    auth = eap-mschapv2\n    eap_id = keyid:#613d624063\n    "
                                             "id = fqdn:device.example.com\n  }\n"));
  EXPECT_THAT(tunnel.connection(), HasSubstr("  remote {\n    auth = pubkey\n"));
  EXPECT_THAT(tunnel.credentials(),
              HasSubstr("load-shared:\nid = vpn-eap\ntype = eap\ndata = password\nowners = [ keyid:#613d624063 ]\n"));
}

TEST(Plan, AsksForWhatTheProfileLeavesOut) {
  const MadeIdentity root("Root", "P-256", true);
  MadeTunnel tunnel;
  tunnel.with_password();
  tunnel.trust(root);
  EXPECT_FALSE(tunnel.plan()->asks_password || tunnel.plan()->asks_user);
  tunnel.ike().password = policy::none;
  EXPECT_TRUE(tunnel.plan()->asks_password && !tunnel.plan()->asks_user);
  EXPECT_THAT(tunnel.credentials(), Not(HasSubstr("vpn-eap")));
  tunnel.ike().user = "";
  ASSERT_TRUE(tunnel.plan()->asks_user);
  const std::string silent = tunnel.plan()->connection;
  const WipedBytes user = wiped("bob"), password = wiped("said");
  tunnel.settings.user = &user;
  tunnel.settings.password = &password;
  EXPECT_THAT(tunnel.connection(), HasSubstr("eap_id = keyid:#626f62\n"));
  EXPECT_THAT(tunnel.credentials(), HasSubstr("type = eap\ndata = said\nowners = [ keyid:#626f62 ]\n"));
  EXPECT_EQ(tunnel.plan()->connection, silent) << "an agent that starts again adopts it without asking";
}

TEST(Plan, ChoosesHowEapAuthenticates) {
  const MadeIdentity device("device"), root("Root", "P-256", true);
  MadeTunnel tunnel;
  tunnel.with_identity(device);
  tunnel.trust(root);
  tunnel.ike().extended_authentication = true;
  EXPECT_THAT(tunnel.connection(), HasSubstr("auth = eap-tls\n"));
  tunnel.ike().authentication = "None";
  EXPECT_THAT(tunnel.connection(), HasSubstr("auth = eap-tls\n"));
  tunnel.ike().user = "user";
  tunnel.ike().password = tunnel.secret("password");
  EXPECT_THAT(tunnel.connection(), HasSubstr("auth = eap-mschapv2\n"));
  tunnel.ike().authentication = "Certificate";
  EXPECT_THAT(tunnel.connection(), HasSubstr("auth = eap-tls\n"));
  tunnel.ike().authentication = "SharedSecret";
  tunnel.ike().secret = tunnel.secret("shared");
  EXPECT_THAT(tunnel.connection(), HasSubstr("  remote {\n    auth = psk\n"));
}

TEST(Plan, RefusesWhatItCannotDo) {
  const MadeIdentity device("device", "P-384"), root("Root", "P-256", true);
  struct Row {
    void (*change)(MadeTunnel&);
    const char* refusal;
  };
  const std::vector<Row> rows{
      {[](MadeTunnel& t) { t.ike().authentication = "Magic"; }, "AuthenticationMethod: method 'Magic' is unknown"},
      {[](MadeTunnel& t) { t.ike().remote_identifier = ""; }, "RemoteIdentifier: any server would do without it"},
      {[](MadeTunnel& t) { t.ike().remote_identifier = "*.example.com"; },
       "RemoteIdentifier: an identifier with a wildcard"},
      {[](MadeTunnel& t) { t.ike().local_identifier = "CN=*"; }, "LocalIdentifier: an identifier with a wildcard"},
      {[](MadeTunnel& t) { t.ike().certificate_type = "RSA"; },
       "CertificateType: the identity's key is not of type RSA"},
      {[](MadeTunnel& t) { t.ike().certificate = policy::none; }, "PayloadCertificateUUID: there is no identity"},
      {[](MadeTunnel& t) { t.ike().server_name = "other.example.com"; }, "ServerCertificateCommonName: charon cannot"},
      {[](MadeTunnel& t) { t.ike().dead_peer_detection = "Often"; }, "DeadPeerDetectionRate: rate 'Often'"},
      {[](MadeTunnel& t) { t.ike().ppk_identifier = "p"; }, "PPK: PPK is neither in the profile"},
      {[](MadeTunnel& t) { t.ike().authentication = "SharedSecret"; },
       "SharedSecret: SharedSecret is neither in the profile"},
      {[](MadeTunnel& t) {
         t.with_password();
         t.secrets.erase(2);
       },
       "AuthPassword: AuthPassword is neither in the profile"},
      {[](MadeTunnel& t) { t.maker.body.identities.pop_back(); }, "no certificate authority can vouch"},
      {[](MadeTunnel& t) { t.ike().ike_sa->encryption = "DES"; }, "DES protects nothing"},
      {[](MadeTunnel& t) {
         t.ike().extended_authentication = true;
         t.ike().tls_minimum = "0.9";
       },
       "no version of TLS"},
      {[](MadeTunnel& t) {
         t.ike().extended_authentication = true;
         t.ike().tls_minimum = "1.2";
         t.ike().tls_maximum = "1.1";
       },
       "above TLSMaximumVersion"},
  };
  for (const Row& row : rows) {
    MadeTunnel tunnel;
    tunnel.with_identity(device);
    tunnel.trust(root);
    ASSERT_TRUE(tunnel.plan());
    row.change(tunnel);
    EXPECT_THAT(tunnel.connection(), HasSubstr(row.refusal));
  }
  MadeTunnel none;
  none.tunnel().ike.reset();
  EXPECT_THAT(none.connection(), HasSubstr("no settings for IKEv2"));
}

class Ikev1Plan : public testing::Test {
 protected:
  Ikev1Plan() {
    tunnel_.tunnel().provider = test::made::Provider::ipsec;
    tunnel_.tunnel().server = "vpn.example.com";
    tunnel_.ike().remote_identifier = "";
    tunnel_.ike().local_identifier = "";
    tunnel_.ike().certificate_type = "RSA";  // what the compiler writes where there is no key for it
  }
  void with_xauth() {
    tunnel_.ike().extended_authentication = true;
    tunnel_.ike().user = "alice";
    tunnel_.ike().password = tunnel_.secret("password");
  }
  MadeTunnel tunnel_;
};

TEST_F(Ikev1Plan, OfAGroupsSecret) {
  tunnel_.with_shared_secret();
  EXPECT_THAT(tunnel_.connection(), HasSubstr("version = 1\n"));
  EXPECT_THAT(tunnel_.connection(), HasSubstr("aggressive = no\n")) << "no group: nothing asks for it";
  with_xauth();
  tunnel_.ike().local_identifier = "sales";
  const std::string connection = tunnel_.connection();
  EXPECT_THAT(connection, HasSubstr("aggressive = yes\n"));
  EXPECT_THAT(connection, HasSubstr("mobike = no\n"));
  EXPECT_THAT(connection, HasSubstr("vips = [ 0.0.0.0 ]\n"));
  EXPECT_THAT(connection, HasSubstr("  local {\n    auth = psk\n    id = keyid:#73616c6573\n  }\n"
                                    "  local-xauth {\n    auth = xauth\n    xauth_id = keyid:#616c696365\n  }\n"
                                    "  remote {\n    auth = psk\n    id = %any\n  }\n"));
  EXPECT_THAT(connection, HasSubstr("remote_ts = [ 0.0.0.0/0 ]\n"));
  EXPECT_EQ(tunnel_.credentials(),
            "load-shared:\nid = vpn-ike\ntype = ike\ndata = shared\n"
            "load-shared:\nid = vpn-xauth\ntype = xauth\ndata = password\n"
            "owners = [ keyid:#616c696365 ]\n");
  EXPECT_THAT(tunnel_.settings_file(), HasSubstr(" xauth-generic"));
}

TEST_F(Ikev1Plan, Hybrid) {
  const MadeIdentity root("Root", "RSA", true);
  tunnel_.trust(root);
  tunnel_.ike().authentication = "SharedSecret";
  tunnel_.ike().local_identifier = "sales[hybrid]";
  EXPECT_THAT(tunnel_.connection(), HasSubstr("XAuthEnabled: hybrid authentication is the user's alone"));
  with_xauth();
  EXPECT_THAT(tunnel_.connection(), HasSubstr("aggressive = no\n"));
  EXPECT_THAT(tunnel_.connection(), HasSubstr("  local {\n    auth = xauth\n    xauth_id = keyid:#616c696365\n"));
  EXPECT_THAT(tunnel_.connection(), HasSubstr("  remote {\n    auth = pubkey\n    id = fqdn:vpn.example.com\n"));
  EXPECT_THAT(tunnel_.connection(), Not(HasSubstr("local-xauth")));
}

TEST_F(Ikev1Plan, OfAnIdentity) {
  const MadeIdentity elliptic("device", "P-256"), device("device", "RSA"), root("Root", "RSA", true);
  tunnel_.trust(root);
  tunnel_.with_identity(elliptic);
  tunnel_.ike().authentication = "Certificate";
  EXPECT_THAT(tunnel_.connection(), HasSubstr("  local {\n    auth = pubkey\n    certs = "));
  with_xauth();
  EXPECT_THAT(tunnel_.connection(), HasSubstr("PayloadCertificateUUID: with XAuth the identity's key has to be RSA"));
  tunnel_.with_identity(device);
  EXPECT_THAT(tunnel_.connection(), HasSubstr("  local {\n    auth = pubkey\n    certs = "));
  EXPECT_THAT(tunnel_.connection(), HasSubstr("  local-xauth {\n"));
  tunnel_.tunnel().server = "";
  EXPECT_THAT(tunnel_.connection(), HasSubstr("RemoteAddress: any server would do without it"));
}

TEST_F(Ikev1Plan, AsksWhereThePayloadSaysSo) {
  tunnel_.with_shared_secret();
  with_xauth();
  EXPECT_FALSE(tunnel_.plan()->asks_password);
  tunnel_.ike().asks_pin = true;
  EXPECT_TRUE(tunnel_.plan()->asks_password && tunnel_.plan()->asks_pin);
  tunnel_.ike().asks_pin = false;
  tunnel_.ike().asks_always = true;
  EXPECT_TRUE(tunnel_.plan()->asks_password && tunnel_.plan()->asks_always);
  tunnel_.ike().authentication = "Magic";
  EXPECT_THAT(tunnel_.connection(), HasSubstr("AuthenticationMethod: method 'Magic' is unknown"));
}

TEST(Plan, RefusesWeakGroupsForAlwaysOnTunnels) {
  MadeTunnel tunnel(true);
  tunnel.with_shared_secret();
  EXPECT_TRUE(tunnel.plan());
  tunnel.ike().ike_sa->dh_group = 2;
  EXPECT_THAT(tunnel.connection(), HasSubstr("an always-on tunnel refuses Diffie-Hellman group 2"));
}

TEST(Plan, TranslatesTheRatesOfDeadPeerDetection) {
  MadeTunnel tunnel;
  tunnel.with_shared_secret();
  const std::vector<std::pair<const char*, const char*>> rates{
      {"None", "0s"}, {"Low", "1800s"}, {"Medium", "600s"}, {"High", "60s"}};
  for (const auto& [rate, delay] : rates) {
    tunnel.ike().dead_peer_detection = rate;
    EXPECT_THAT(tunnel.connection(), HasSubstr(std::string("dpd_delay = ") + delay + "\n"));
  }
  tunnel.settings.dead_peer_delay = std::chrono::seconds(5);
  EXPECT_THAT(tunnel.connection(), HasSubstr("dpd_delay = 5s\n"));
  tunnel.ike().dead_peer_detection = "None";
  EXPECT_THAT(tunnel.connection(), HasSubstr("dpd_delay = 0s\n"));
}

TEST(Plan, CarriesTheOtherKeys) {
  MadeTunnel tunnel;
  tunnel.with_shared_secret();
  tunnel.ike().disable_mobike = true;
  tunnel.ike().ike_sa->lifetime_minutes = 10;
  tunnel.ike().child_sa->lifetime_minutes = 20;
  tunnel.ike().ppk_identifier = "ppk";
  tunnel.ike().ppk = tunnel.secret("quantum");
  tunnel.ike().local_identifier = "";
  EXPECT_THAT(tunnel.connection(), HasSubstr("  mobike = no\n"));
  EXPECT_THAT(tunnel.connection(), HasSubstr("  rekey_time = 600s\n"));
  EXPECT_THAT(tunnel.connection(), HasSubstr("      rekey_time = 1200s\n"));
  EXPECT_THAT(tunnel.connection(), HasSubstr("  ppk_id = keyid:#70706b\n  ppk_required = no\n"));
  EXPECT_THAT(tunnel.connection(), HasSubstr("  local {\n    auth = psk\n  }\n"));
  EXPECT_THAT(tunnel.credentials(),
              HasSubstr("load-shared:\nid = vpn-ppk\ntype = ppk\ndata = quantum\nowners = [ keyid:#70706b ]\n"));
  tunnel.ike().ppk_mandatory = true;
  EXPECT_THAT(tunnel.connection(), HasSubstr("  ppk_required = yes\n"));
}

TEST(Plan, GivesTheKernelItsInterfaceAndMark) {
  MadeTunnel tunnel;
  tunnel.with_shared_secret();
  tunnel.settings.backend = EspBackend::kernel;
  tunnel.settings.if_id = 77;
  tunnel.settings.interface = "ike-1";
  tunnel.settings.outer_mark = 66;
  EXPECT_THAT(tunnel.connection(), HasSubstr("      if_id_in = 77\n      if_id_out = 77\n      set_mark_out = 66\n"));
  EXPECT_THAT(tunnel.settings_file(), HasSubstr(" kernel-netlink socket-default "));
  EXPECT_THAT(tunnel.settings_file(), HasSubstr("  install_virtual_ip_on = ike-1\n"));
  EXPECT_THAT(tunnel.settings_file(),
              Not(HasSubstr("load = random nonce openssl aes sha1 sha2 hmac mgf1 kdf gmp curve25519 drbg gcm chapoly "
                            "ml pem pkcs1 pkcs8 x509 pubkey constraints kernel-libipsec")));
}

TEST(Plan, TrustsTheSystemOnlyWhereTheProfileBringsNoAuthority) {
  const MadeIdentity device("device"), root("Root", "P-256", true), other("Other", "P-256", true);
  const auto der = other.der();
  const auto bytes = std::as_bytes(std::span(der));
  const std::vector<Authority> system{{Der(bytes.begin(), bytes.end()), "Other"}};
  MadeTunnel tunnel;
  tunnel.with_identity(device);
  tunnel.settings.system = &system;
  const std::string others = "data = <" + std::to_string(other.der().size()) + " bytes>";
  EXPECT_THAT(tunnel.credentials(), HasSubstr(others));
  EXPECT_THAT(tunnel.connection(), Not(HasSubstr("cacerts")));
  tunnel.trust(root);
  EXPECT_THAT(tunnel.credentials(), Not(HasSubstr(others + "\nload-cert")));
  EXPECT_THAT(tunnel.connection(), HasSubstr("cacerts = [ <" + std::to_string(root.der().size()) + " bytes> ]"));
}

TEST(Plan, TrustsTheIssuerThatTheProfileNames) {
  const MadeIdentity device("device"), first("First authority", "P-256", true), second("2nd", "P-256", true);
  MadeTunnel tunnel;
  tunnel.with_identity(device);
  tunnel.trust(first);
  tunnel.trust(second);
  const std::string one = " <" + std::to_string(first.der().size()) + " bytes>",
                    two = " <" + std::to_string(second.der().size()) + " bytes>";
  EXPECT_THAT(tunnel.connection(), HasSubstr("cacerts = [" + one + two + " ]"));
  tunnel.ike().server_issuer = "2nd";
  EXPECT_THAT(tunnel.connection(), HasSubstr("cacerts = [" + two + " ]"));
  tunnel.ike().server_issuer = "an intermediate one that only the server has";
  EXPECT_THAT(tunnel.connection(), HasSubstr("cacerts = [" + one + two + " ]"));
}

TEST(Plan, NamesAConnectionByItsSettingsNotByItsSecrets) {
  MadeTunnel tunnel;
  tunnel.with_shared_secret();
  const std::string name = tunnel.plan()->connection;
  EXPECT_EQ(name.size(), 20u);
  tunnel.secrets[0] = "another";
  EXPECT_EQ(tunnel.plan()->connection, name);
  tunnel.ike().disable_redirect = true;
  EXPECT_NE(tunnel.plan()->connection, name);
  tunnel.ike().disable_redirect = false;
  tunnel.ike().perfect_forward_secrecy = true;
  EXPECT_NE(tunnel.plan()->connection, name);
}

TEST(SettingsFile, HasNoSecretsAndNobodyElsesPlugins) {
  MadeTunnel tunnel;
  tunnel.with_shared_secret();
  const std::string file = tunnel.settings_file();
  EXPECT_EQ(file, R"(charon {
  load_modular = no
  load = random nonce openssl aes sha1 sha2 hmac mgf1 kdf gmp curve25519 drbg gcm chapoly ml pem pkcs1 pkcs8 x509 pubkey constraints kernel-libipsec kernel-netlink socket-default updown eap-identity eap-mschapv2 eap-tls vici
  port = 0
  port_nat_t = 0
  install_routes = no
  routing_table = 1986985984
  routing_table_prio = 2147483647
  install_virtual_ip = yes
  retransmit_timeout = 1.0
  retransmit_base = 2.0
  retransmit_limit = 8
  retransmit_tries = 5
  follow_redirects = yes
  keep_alive = 20s
  rsa_pss = no
  journal {
    default = -1
  }
  filelog {
    stderr {
      default = 1
      flush_line = yes
    }
  }
  plugins {
    vici {
      socket = "unix:///run/t/charon.vici"
    }
    kernel-netlink {
      fwmark = 0x766f0001
    }
    kernel-libipsec {
      allow_peer_ts = yes
    }
    updown {
      dns_handler = yes
    }
  }
}
)");
}

TEST(SettingsFile, FollowsThePayload) {
  const MadeIdentity device("device", "RSA"), root("Root", "P-256", true);
  MadeTunnel tunnel;
  tunnel.with_identity(device);
  tunnel.trust(root);
  tunnel.ike().certificate_type = "RSA-PSS";
  tunnel.ike().extended_authentication = true;
  tunnel.ike().disable_redirect = true;
  tunnel.ike().revocation_check = true;
  tunnel.ike().nat_keepalive_seconds = 110;
  const std::string file = tunnel.settings_file();
  for (const char* line : {"  follow_redirects = no\n", "  keep_alive = 110s\n", "  rsa_pss = yes\n",
                           " constraints revocation curl kernel-libipsec",
                           "  tls {\n    version_min = 1.0\n    version_max = 1.2\n  }\n"}) {
    EXPECT_THAT(file, HasSubstr(line));
  }
}

TEST(IdentityText, CannotBeTakenForAnotherKind) {
  EXPECT_EQ(*identity_text("vpn.example.com"), "fqdn:vpn.example.com");
  EXPECT_EQ(*identity_text("%any"), "fqdn:%any");
  EXPECT_EQ(*identity_text("keyid:00"), "fqdn:keyid:00");
  EXPECT_EQ(*identity_text("user@example.com"), "email:user@example.com");
  EXPECT_EQ(*identity_text("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(*identity_text("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(*identity_text("C=CH, O=Example, CN=vpn"), "C=CH, O=Example, CN=vpn");
  EXPECT_FALSE(identity_text("*.example.com"));
  EXPECT_FALSE(identity_text(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace vpn::agent::strongswan
