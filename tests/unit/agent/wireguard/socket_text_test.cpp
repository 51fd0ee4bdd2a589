#include <gtest/gtest.h>

#include <string>

#include "agent/tunnel/wireguard/device.h"

namespace vpn::agent::wireguard {
namespace {

const std::string hex_key(64, 'a');

QuickConfig made() {
  QuickConfig c;
  c.private_key.bytes.fill(std::byte{0xaa});
  c.addresses.emplace_back(policy::Address::from_v4(0x0a080002), 32);
  Peer peer;
  peer.public_key.bytes.fill(std::byte{0x0b});
  peer.host = "192.0.2.1";
  peer.port = 51820;
  peer.keepalive = 25;
  peer.allowed = {*policy::Prefix::parse("0.0.0.0/0"), *policy::Prefix::parse("::/0")};
  c.peers.push_back(peer);
  return c;
}

TEST(SocketText, SetsEverythingAndAsksForAHandshake) {
  const std::string text = set_text(made(), {{policy::Address::parse("2001:db8::1")}, 0});
  EXPECT_EQ(text.substr(0, 82), "set=1\nprivate_key=" + hex_key);
  EXPECT_NE(text.find("\nreplace_peers=true\npublic_key=0b0b"), std::string::npos);
  EXPECT_NE(text.find("\nendpoint=[2001:db8::1]:51820\n"), std::string::npos);
  EXPECT_NE(text.find("\nallowed_ip=0.0.0.0/0\nallowed_ip=::/0\n"), std::string::npos);
  // Off and on, which sends one at once; and then what is configured.
  const auto off = text.find("persistent_keepalive_interval=0\n"), on = text.find("persistent_keepalive_interval=1\n"),
             own = text.find("persistent_keepalive_interval=25\n");
  EXPECT_TRUE(off < on && on < own && own != std::string::npos) << text;
}

TEST(SocketText, APeerWithoutAnAddressHasNoEndpoint) {
  EXPECT_EQ(set_text(made(), {{std::nullopt}, 0}).find("endpoint="), std::string::npos);
}

TEST(SocketText, ReadsWhatTheProgramSays) {
  const auto s =
      read_answer("private_key=" + hex_key + "\nlisten_port=7\npublic_key=" + std::string(64, 'B') +
                  "\nendpoint=192.0.2.1:51820\nlast_handshake_time_sec=1700000000\n"
                  "last_handshake_time_nsec=5\nallowed_ip=0.0.0.0/0\npublic_key=" +
                  std::string(64, 'c') + "\nendpoint=[fe80::1%eth0]:1\nlast_handshake_time_sec=0\nerrno=0\n\n");
  ASSERT_TRUE(s) << s.error().what;
  EXPECT_EQ(std::to_integer<int>(s->private_key.bytes[0]), 0xaa);
  ASSERT_EQ(s->peers.size(), 2u);
  EXPECT_EQ(s->peers[0].address->to_string(), "192.0.2.1");
  EXPECT_EQ(s->peers[0].port, 51820);
  EXPECT_EQ(s->peers[0].handshake_ns, 1700000000000000005);
  EXPECT_EQ(s->peers[1].address->to_string(), "fe80::1");
  EXPECT_EQ(s->peers[1].handshake_ns, 0);
}

TEST(SocketText, RefusesWhatDoesNotHoldTogether) {
  for (const std::string& bad :
       {std::string(), std::string("errno=22\n\n"), std::string("errno=x\n\n"),
        std::string("public_key=1\nerrno=0\n\n"), "public_key=" + hex_key + "\nendpoint=nowhere\nerrno=0\n\n",
        "public_key=" + hex_key + "\nlast_handshake_time_sec=-1\nerrno=0\n\n", "private_key=" + hex_key + "\n"})
    EXPECT_FALSE(read_answer(bad)) << bad;
}

}  // namespace
}  // namespace vpn::agent::wireguard
