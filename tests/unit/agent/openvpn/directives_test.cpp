#include "agent/tunnel/openvpn/directives.h"

#include <gtest/gtest.h>

#include <string>

namespace vpn::agent::openvpn {
namespace {

const std::string pem = "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n";

TEST(Directives, OfKeysBecomeLines) {
  const auto d = read_directives({{"client", "NOARGS"},
                                  {"dev", "tun"},
                                  {"proto", "udp"},
                                  {"remote.1", "OVPN.example.com 1194"},
                                  {"remote.2", "192.0.2.1 443 tcp"},
                                  {"cipher", "AES-256-GCM"},
                                  {"ca", pem},
                                  {"verb", "3"},
                                  {"vpn-on-demand", "1"}});
  ASSERT_TRUE(d) << d.error().what;
  ASSERT_EQ(d->remotes.size(), 2u);
  EXPECT_EQ(d->remotes[0].host, "ovpn.example.com");
  EXPECT_FALSE(d->remotes[0].tcp);
  EXPECT_EQ(d->remotes[1].port, 443);
  EXPECT_TRUE(d->remotes[1].tcp);
  EXPECT_EQ(std::string_view(d->text),
            "client\ncipher AES-256-GCM\n<ca>\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n</ca>\n");
  EXPECT_TRUE(d->has_authority);
  EXPECT_FALSE(d->has_certificate);
}

TEST(Directives, OfAFileBecomeTheSame) {
  const auto d = read_directives({{"ovpn",
                                   "# office\r\nclient\r\ndev tun0\r\nport 443\nproto tcp-client\nremote a.example\n"
                                   "remote b.example 1194 udp4\nauth-user-pass\n<cert>\n-----BEGIN CERTIFICATE-----\n"
                                   "BB\n-----END CERTIFICATE-----\n</cert>\nkey-direction 1\n"}});
  ASSERT_TRUE(d) << d.error().what << d.error().where;
  ASSERT_EQ(d->remotes.size(), 2u);
  EXPECT_TRUE(d->remotes[0].tcp);
  EXPECT_EQ(d->remotes[0].port, 443);
  EXPECT_FALSE(d->remotes[1].tcp);
  EXPECT_TRUE(d->asks_login);
  EXPECT_TRUE(d->has_certificate);
  EXPECT_NE(std::string_view(d->text).find("key-direction 1\n"), std::string_view::npos);
}

TEST(Directives, NeverRunNorReadAnything) {
  for (const auto& [key, value] :
       std::vector<Setting>{{"up", "/bin/sh"},
                            {"script-security", "2"},
                            {"plugin", "x.so"},
                            {"config", "up /bin/sh\n"},
                            {"management", "127.0.0.1 7505"},
                            {"log", "/etc/passwd"},
                            {"ca", "/etc/ssl/ca.pem"},
                            {"auth-user-pass", "/etc/shadow"},
                            {"cipher", "AES-256-GCM\nup /bin/sh"},
                            {"tls-crypt", "-----BEGIN x</tls-crypt>\nup /bin/sh\n<tls-crypt>"},
                            {"ovpn", "ca /etc/ssl/ca.pem\n"},
                            {"ovpn", "<connection>\n</connection>\n"},
                            {"ovpn", "<ca>\n-----BEGIN x\n"},
                            {"dev", "tap"},
                            {"allow-compression", "yes"},
                            {"comp-lzo", "NOARGS"}}) {
    const auto d = read_directives({{"remote", "a.example"}, {key, value}});
    EXPECT_FALSE(d) << key << " " << value;
  }
}

TEST(Directives, RefuseWhatIsNoServer) {
  for (const char* bad : {"", "a b", "a 0", "a 65536", "a 1 sctp", "a 1 udp x", "a;b", "\"a\"", "a$b"})
    EXPECT_FALSE(read_directives({{"remote", bad}})) << bad;
  EXPECT_FALSE(read_directives({}));
  EXPECT_TRUE(read_directives({{"remote", "2001:db8::1 1194 udp6"}}));
}

TEST(Directives, ErrorsShowNoSecret) {
  const std::string secret = "s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret";
  for (const Setting& s : std::vector<Setting>{{"key", secret}, {secret, "x"}, {"remote", "a x"}}) {
    const auto d = read_directives({s});
    ASSERT_FALSE(d);
    EXPECT_EQ((d.error().what + d.error().where + d.error().help).find("s3cret"), std::string::npos);
  }
}

}  // namespace
}  // namespace vpn::agent::openvpn
