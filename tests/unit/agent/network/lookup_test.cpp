#include "agent/network/lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "agent/network/resolvers.h"
#include "agent/network/sysctls.h"

namespace vpn::agent {
namespace {

using Bytes = std::vector<unsigned char>;

// An answer to our question, written by hand: the question again, then records that point at its name.
Bytes answer(Bytes query, std::vector<std::pair<std::uint8_t, Bytes>> records, unsigned char code = 0) {
  query[2] = 0x81;
  query[3] = static_cast<unsigned char>(0x80 | code);
  query[7] = static_cast<unsigned char>(records.size());
  for (const auto& [type, data] : records) {
    const Bytes head{0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, static_cast<unsigned char>(data.size())};
    query.insert(query.end(), head.begin(), head.end());
    query.insert(query.end(), data.begin(), data.end());
  }
  return query;
}

const Bytes v4{203, 0, 113, 5};

TEST(Lookup, QueriesAndAnswers) {
  const Bytes query = dns_query("vpn.example.com", false, 0x1234);
  ASSERT_FALSE(query.empty());
  EXPECT_EQ(query[0], 0x12);
  const Bytes reply = answer(query, {{5, {1, 'a', 0}}, {1, v4}});  // by way of another name
  const auto found = dns_answer(reply, "VPN.example.com", false, 0x1234);
  ASSERT_TRUE(found);
  EXPECT_THAT(*found, testing::ElementsAre(*policy::Address::parse("203.0.113.5")));
  EXPECT_TRUE(dns_query(std::string(300, 'a'), false, 1).empty());
}

TEST(Lookup, WhatIsNoAnswerToOurQuestion) {
  const Bytes query = dns_query("vpn.example.com", false, 0x1234);
  const Bytes reply = answer(query, {{1, v4}});
  EXPECT_FALSE(dns_answer(reply, "vpn.example.com", false, 0x1235));
  EXPECT_FALSE(dns_answer(reply, "vpn.example.org", false, 0x1234));
  EXPECT_FALSE(dns_answer(reply, "vpn.example.com", true, 0x1234));
  EXPECT_FALSE(dns_answer(query, "vpn.example.com", false, 0x1234));
  Bytes cut = reply;
  cut[2] |= 2;  // truncated: TCP would be needed
  EXPECT_FALSE(dns_answer(cut, "vpn.example.com", false, 0x1234));
  const auto nobody = dns_answer(answer(query, {}, 3), "vpn.example.com", false, 0x1234);
  ASSERT_TRUE(nobody);
  EXPECT_TRUE(nobody->empty());
  EXPECT_TRUE(dns_answer(answer(query, {{1, {1, 2, 3}}}), "vpn.example.com", false, 0x1234)->empty());
}

TEST(Lookup, WhateverTheBytes) {
  const Bytes reply = answer(dns_query("vpn.example.com", false, 7), {{5, {1, 'a', 0}}, {1, v4}});
  for (std::size_t size = 0; size < reply.size(); ++size) dns_answer({reply.data(), size}, "vpn.example.com", false, 7);
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    Bytes changed = reply;
    for (int n = 0; n < 3; ++n) changed[random() % changed.size()] = static_cast<unsigned char>(random());
    const auto found = dns_answer(changed, "vpn.example.com", false, 7);
    EXPECT_LE(found ? found->size() : 0u, 16u);
  }
}

TEST(Resolvers, ResolvConf) {
  const auto facts = parse_resolv_conf(
      "# made by hand\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.168.1.1\nnameserver fe80::1%wlan0\n"
      "search corp.example lan\noptions edns0\nnameserver\n");
  EXPECT_THAT(facts.dns_servers, testing::ElementsAre("192.168.1.1", "fe80::1"));
  EXPECT_THAT(facts.search_domains, testing::ElementsAre("corp.example", "lan"));
}

TEST(Resolvers, Networkd) {
  const auto facts = parse_networkd(
      "# private\nDNS=192.168.1.1#dns.example [2001:db8::1]:53%3\nDOMAINS=corp.example\nSSID=Corp\n"
      "CAPTIVE_PORTAL=https://portal.example/api\n",
      "SERVER_ADDRESS=192.168.1.254\nADDRESS=192.168.1.20\n");
  EXPECT_THAT(facts.dns_servers, testing::ElementsAre("192.168.1.1", "2001:db8::1"));
  EXPECT_EQ(facts.ssid, "Corp");
  EXPECT_EQ(facts.captive_portal, "https://portal.example/api");
  EXPECT_EQ(facts.dhcp_server, policy::Address::parse("192.168.1.254"));
  EXPECT_EQ(parse_networkd(std::string(100000, '\n') + "DNS=1.1.1.1", "SERVER_ADDRESS=x"), ResolverFacts());
}

TEST(Resolvers, Dhclient) {
  constexpr std::string_view leases = R"(default-duid "x";
lease {
  interface "wlan0";
  fixed-address 192.168.1.20;
  option domain-name-servers 192.168.1.9;
}
lease {
  interface "wlan0";
  fixed-address 192.168.1.20;
  option dhcp-server-identifier 192.168.1.254;
  option domain-name-servers 192.168.1.1, 192.168.1.2;
  option domain-name "lan";
  option domain-search "corp.example.com.", "lan.";
  option v4-captive-portal "https://portal.example/api";
}
lease {
  interface "wlan0";
  fixed-address 10.0.0.7;
  option domain-name-servers 10.0.0.1;
}
lease {
  interface "eth0";
  fixed-address 192.168.1.20;
  option domain-name-servers 10.9.9.9;
}
lease {
  interface "wlan0";
  fixed-address 192.168.1.20;
)";
  const policy::Address own = *policy::Address::parse("192.168.1.20");
  const auto facts = parse_dhclient(leases, "wlan0", {&own, 1});
  EXPECT_THAT(facts.dns_servers, testing::ElementsAre("192.168.1.1", "192.168.1.2"));
  EXPECT_THAT(facts.search_domains, testing::ElementsAre("corp.example.com.", "lan."));
  EXPECT_EQ(facts.dhcp_server, policy::Address::parse("192.168.1.254"));
  EXPECT_EQ(facts.captive_portal, "https://portal.example/api");
  EXPECT_EQ(parse_dhclient(leases, "wlan0", {}), ResolverFacts()) << "a lease that has ended";
  EXPECT_EQ(parse_dhclient(leases, "wwan0", {&own, 1}), ResolverFacts());
  EXPECT_EQ(parse_dhclient(std::string(100000, '{'), "wlan0", {&own, 1}), ResolverFacts());
}

TEST(Resolvers, OfInterfaces) {
  const std::string root = testing::TempDir() + "/resolvers-" + std::to_string(::getpid());
  std::filesystem::create_directories(root + "/run/systemd/netif/links");
  std::filesystem::create_directories(root + "/etc");
  std::ofstream(root + "/run/systemd/netif/links/3") << "DNS=10.0.0.1\n";
  std::ofstream(root + "/etc/resolv.conf") << "nameserver 192.168.1.1\n";
  NetworkView view;
  view.links.resize(2);
  view.links[0].index = 2;
  view.links[0].name = "wlan0";
  view.links[1].index = 3;
  view.links[1].name = "wwan0";
  const Resolvers all = read_resolvers(view, 2, root);
  EXPECT_THAT(all.at("wlan0").dns_servers, testing::ElementsAre("192.168.1.1"));
  EXPECT_THAT(all.at("wwan0").dns_servers, testing::ElementsAre("10.0.0.1"));
  std::filesystem::remove_all(root);
}

TEST(Sysctls, AreSetAndPutBack) {
  const std::string root = testing::TempDir() + "/sysctls-" + std::to_string(::getpid());
  for (const Sysctl& s : needed_sysctls()) {
    const auto path = std::filesystem::path(root) / s.name;
    if (s.name.starts_with("ipv6")) continue;  // a kernel without IPv6
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "9\n";
  }
  const auto before = set_sysctls(root);
  ASSERT_TRUE(before) << before.error().what;
  EXPECT_THAT(*before, testing::HasSubstr("ipv4/conf/all/arp_ignore=9\n"));
  EXPECT_EQ(before->find("ipv6"), std::string::npos);
  std::string value;
  std::getline(std::ifstream(root + "/ipv4/conf/all/src_valid_mark"), value);
  EXPECT_EQ(value[0], '1');
  restore_sysctls(root, *before + "../../etc/passwd=x\nnonsense\n");
  std::getline(std::ifstream(root + "/ipv4/conf/all/src_valid_mark"), value);
  EXPECT_EQ(value[0], '9');
  std::filesystem::remove_all(root);
}

TEST(Sysctls, MakeReversePathFilteringLooseWhereItIsStrict) {
  const std::string root = testing::TempDir() + "/reverse-path-" + std::to_string(::getpid());
  const auto file = [&](const std::string& name) { return root + "/ipv4/conf/" + name + "/rp_filter"; };
  const auto value = [&](const std::string& name) {
    std::string out;
    std::getline(std::ifstream(file(name)), out);
    return out[0];
  };
  for (const auto& [name, own] : {std::pair("all", "0"), {"tun0", "1"}, {"tun1", "0"}, {"eth0", "1"}}) {
    std::filesystem::create_directories(std::filesystem::path(file(name)).parent_path());
    std::ofstream(file(name)) << own << "\n";
  }
  loosen_reverse_path(root, {"tun0", "tun1", "gone0"});
  EXPECT_EQ(value("tun0"), '2');
  EXPECT_EQ(value("tun1"), '0');
  EXPECT_EQ(value("eth0"), '1');
  std::ofstream(file("all")) << "1\n";
  loosen_reverse_path(root, {"tun1"});
  EXPECT_EQ(value("tun1"), '2');
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace vpn::agent
