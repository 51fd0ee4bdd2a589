#include "agent/tunnel/wireguard/quick_config.h"

#include <gtest/gtest.h>

#include <string>

namespace vpn::agent::wireguard {
namespace {

const std::string key = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const std::string other = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

std::string text(const std::string& of_interface, const std::string& of_peer) {
  return "[Interface]\nPrivateKey = " + key + "\nAddress = 10.8.0.2/32\n" + of_interface +
         "\n[Peer]\nPublicKey = " + other + "\n" + of_peer + "\n";
}

TEST(QuickConfig, IsReadWhole) {
  const auto c = read_quick_config("# office\r\n[interface]\r\nprivatekey=" + key +
                                   "\r\nAddress = 10.8.0.2/32, 2001:db8:8::2/64\r\nDNS = 10.8.0.1, corp.example\r\n"
                                   "MTU = 1380\r\nListenPort = 7000\r\n\r\n[PEER]\r\nPublicKey = " +
                                   other + " # gateway\r\nPresharedKey = " + key +
                                   "\r\nEndpoint = WG.example.com:51820\r\nAllowedIPs = 0.0.0.0/0, ::/0\r\n"
                                   "PersistentKeepalive = 25\r\n");
  ASSERT_TRUE(c) << c.error().what;
  EXPECT_EQ(std::to_integer<int>(c->private_key.bytes[0]), 1);
  EXPECT_EQ(std::to_integer<int>(c->private_key.bytes[31]), 32);
  ASSERT_EQ(c->addresses.size(), 2u);
  EXPECT_EQ(c->addresses[1].first.to_string(), "2001:db8:8::2");
  EXPECT_EQ(c->addresses[1].second, 64);
  ASSERT_EQ(c->dns.servers.size(), 1u);
  EXPECT_EQ(c->dns.search_domains, std::vector<std::string>{"corp.example"});
  EXPECT_EQ(c->mtu, 1380u);
  EXPECT_EQ(c->listen_port, 7000);
  ASSERT_EQ(c->peers.size(), 1u);
  EXPECT_EQ(c->peers[0].host, "wg.example.com");
  EXPECT_EQ(c->peers[0].port, 51820);
  EXPECT_TRUE(c->peers[0].preshared_key);
  EXPECT_EQ(c->peers[0].allowed.size(), 2u);
  EXPECT_EQ(c->peers[0].keepalive, 25);
}

TEST(QuickConfig, EndpointsMayBeAddresses) {
  EXPECT_EQ(read_quick_config(text("", "Endpoint = [2001:db8::1]:51820"))->peers[0].host, "2001:db8::1");
  EXPECT_EQ(read_quick_config(text("", "Endpoint = 192.0.2.1:1"))->peers[0].host, "192.0.2.1");
  for (const char* bad : {"192.0.2.1", "host:0", "host:65536", ":51820", "[host]:51820", "host:5 1"})
    EXPECT_FALSE(read_quick_config(text("", std::string("Endpoint = ") + bad))) << bad;
}

TEST(QuickConfig, RefusesWhatTheAgentDoesNotDo) {
  for (const char* line : {"PostUp = iptables -F", "PreDown = x", "Table = off", "FwMark = 1", "SaveConfig = true"}) {
    const auto c = read_quick_config(text(line, ""));
    ASSERT_FALSE(c) << line;
    EXPECT_EQ(c.error().where, "WgQuickConfig, line 4, " + std::string(line, std::string(line).find(' ')));
  }
}

TEST(QuickConfig, SaysWhatIsMissing) {
  const std::string interface = "[Interface]\n", private_key = "PrivateKey = " + key + "\n";
  const std::string address = "Address = 10.8.0.2\n", peer = "[Peer]\n", public_key = "PublicKey = " + other + "\n";
  EXPECT_EQ(read_quick_config("").error().what, "[Interface] has no PrivateKey");
  EXPECT_EQ(read_quick_config(interface + private_key).error().what, "[Interface] has no Address");
  EXPECT_EQ(read_quick_config(interface + private_key + address).error().what, "there is no [Peer]");
  EXPECT_EQ(read_quick_config(interface + private_key + address + peer).error().what, "a [Peer] has no PublicKey");
  EXPECT_EQ(read_quick_config(interface + private_key + address + peer + public_key + peer + public_key).error().what,
            "two [Peer] have the same PublicKey");
  EXPECT_TRUE(read_quick_config(interface + private_key + address + peer + public_key));
}

TEST(QuickConfig, ErrorsNeverShowValues) {
  const auto c = read_quick_config("[Interface]\nPrivateKey = " + key + "x\n");
  ASSERT_FALSE(c);
  EXPECT_EQ((c.error().what + c.error().where + c.error().help).find("AQID"), std::string::npos);
  // A secret on a line of its own, or before the '=', is not shown either.
  for (const std::string& line : {key, "Secret" + key + " = 1"}) {
    const auto d = read_quick_config("[Interface]\n" + line + "\n");
    ASSERT_FALSE(d);
    EXPECT_EQ((d.error().what + d.error().where + d.error().help).find("AQID"), std::string::npos);
  }
}

TEST(QuickConfig, IsBounded) {
  EXPECT_FALSE(read_quick_config(std::string(2u << 20, '\n')));
  std::string many;
  for (int i = 0; i < 1025; ++i) many += "AllowedIPs = 10.0.0.0/8\n";
  EXPECT_FALSE(read_quick_config(text("", many)));
  std::string peers = text("", "");
  for (int i = 0; i < 64; ++i) peers += "[Peer]\n";
  EXPECT_FALSE(read_quick_config(peers));
}

TEST(Key, IsOneOf32Bytes) {
  EXPECT_TRUE(read_key(key));
  EXPECT_FALSE(read_key(""));
  EXPECT_FALSE(read_key(key.substr(1)));
  EXPECT_FALSE(read_key("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB="));  // bits behind the last byte
  EXPECT_FALSE(read_key("A-IDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="));
}

}  // namespace
}  // namespace vpn::agent::wireguard
