#include "agent/control/network_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::agent {
namespace {

NetworkView two_links() {
  NetworkView out;
  for (const char* name : {"wlan0", "eth0"}) {
    Link link;
    link.index = static_cast<std::uint32_t>(out.links.size()) + 2;
    link.name = name;
    out.links.push_back(link);
  }
  return out;
}

ResolverFacts facts(const std::string& server, const std::string& search, const std::string& ssid) {
  ResolverFacts out;
  out.dns_servers = {server};
  out.search_domains = {search};
  out.ssid = ssid;
  return out;
}

TEST(KnownNetworks, TheConfigurationIsInPlaceOfFiles) {
  ResolverFacts file = facts("192.0.2.1", "file.example", "File");
  file.dhcp_server = policy::Address::parse("192.0.2.9");
  const std::vector<ResolverOverride> configured{{"wlan*", facts("192.0.2.2", "admin.example", "Admin")}};
  const Resolvers out = known_networks(two_links(), {{"wlan0", file}, {"eth0", file}}, {}, {}, configured, {});
  EXPECT_EQ(out.at("wlan0").ssid, "Admin");
  EXPECT_EQ(out.at("wlan0").dhcp_server, file.dhcp_server);
  EXPECT_EQ(out.at("eth0"), file);
}

TEST(KnownNetworks, ATypeIsKeptBesideAConfiguredNetwork) {
  ResolverFacts said;
  said.type = policy::InterfaceType::cellular;
  const std::vector<ResolverOverride> configured{{"wlan*", facts("192.0.2.2", "admin.example", "Admin")}};
  const Resolvers out = known_networks(two_links(), {}, {{"wlan0", said}}, {}, configured, {});
  EXPECT_EQ(out.at("wlan0").type, policy::InterfaceType::cellular);
  EXPECT_EQ(out.at("wlan0").search_domains.size(), 1u);
}

TEST(KnownNetworks, RoutersTellWhatNobodyElseDoes) {
  ResolverFacts router = facts("2001:db8::53", "router.example", "");
  router.captive_portal = "https://portal.example/";
  router.nat64 = {*policy::Prefix::parse("2001:db8:64::/96")};
  const ResolverFacts file = facts("192.0.2.1", "file.example", "");
  Resolvers out = known_networks(two_links(), {{"eth0", file}}, {}, {{2, router}, {3, router}, {9, router}}, {}, {});
  EXPECT_EQ(out.at("wlan0").dns_servers, router.dns_servers);
  EXPECT_TRUE(out.at("wlan0").advertised_servers && out.at("wlan0").advertised_domains);
  EXPECT_FALSE(out.at("eth0").advertised_servers || out.at("eth0").advertised_domains);
  EXPECT_EQ(out.at("eth0").dns_servers, file.dns_servers);
  EXPECT_EQ(out.at("eth0").search_domains, file.search_domains);
  EXPECT_EQ(out.at("eth0").captive_portal, router.captive_portal);
  EXPECT_EQ(out.size(), 2u) << "no interface, no network";
  const std::vector<ResolverOverride> configured{{"wlan0", facts("192.0.2.2", "admin.example", "")}};
  out = known_networks(two_links(), {}, {}, {{2, router}}, configured, {});
  EXPECT_EQ(out.at("wlan0").captive_portal, "");
  EXPECT_THAT(out.at("wlan0").dns_servers, testing::ElementsAre("192.0.2.2"));
  EXPECT_EQ(out.at("wlan0").nat64, router.nat64);
}

TEST(KnownNetworks, NetworkManagerBeforeRouters) {
  ResolverFacts said;
  said.search_domains = {"corp.example"};
  const ResolverFacts router = facts("2001:db8::53", "router.example", "");
  const Resolvers out = known_networks(two_links(), {}, {{"wlan0", said}}, {{2, router}}, {}, {});
  EXPECT_EQ(out.at("wlan0").search_domains, said.search_domains);
  EXPECT_EQ(out.at("wlan0").dns_servers, router.dns_servers);
}

TEST(KnownNetworks, TheKernelKnowsTheNameBetterThanWhoConfiguresOne) {
  const std::vector<ResolverOverride> configured{{"wlan0", facts("192.0.2.2", "admin.example", "Admin")}};
  Resolvers out = known_networks(two_links(), {}, {}, {}, configured, {{2, "Guest"}});
  EXPECT_EQ(out.at("wlan0").ssid, "Guest");
  EXPECT_THAT(out.at("wlan0").search_domains, testing::ElementsAre("admin.example"));
  out = known_networks(two_links(), {}, {}, {}, configured, {{2, ""}});
  EXPECT_EQ(out.at("wlan0").ssid, "") << "in no network";
  out = known_networks(two_links(), {}, {}, {}, configured, {{3, "Other"}});
  EXPECT_EQ(out.at("wlan0").ssid, "Admin") << "no Wi-Fi that the kernel knows";
  EXPECT_EQ(out.at("eth0").ssid, "Other");
  EXPECT_TRUE(known_networks(two_links(), {}, {}, {}, {}, {{9, "Gone"}}).empty());
}

TEST(KnownNetworks, NetworkManagerRefinesWhatFilesSay) {
  const Resolvers files{{"wlan0", facts("192.0.2.1", "file.example", "File")}};
  ResolverFacts said;
  said.search_domains = {"corp.example"};
  Resolvers out = known_networks(two_links(), files, {{"wlan0", said}, {"gone0", said}}, {}, {}, {});
  EXPECT_THAT(out.at("wlan0").search_domains, testing::ElementsAre("corp.example"));
  EXPECT_EQ(out.at("wlan0").ssid, "File");
  EXPECT_EQ(out.at("wlan0").dns_servers, files.at("wlan0").dns_servers) << "the resolvers are the system's";
  EXPECT_FALSE(out.contains("gone0")) << "the kernel has no such interface";
  said.ssid = "Said";
  out = known_networks(two_links(), files, {{"wlan0", said}}, {}, {}, {{2, "Air"}});
  EXPECT_EQ(out.at("wlan0").ssid, "Air");
  out = known_networks(two_links(), files, {{"wlan0", said}}, {},
                       std::vector<ResolverOverride>{{"wlan0", facts("192.0.2.2", "admin.example", "Admin")}}, {});
  EXPECT_EQ(out.at("wlan0").ssid, "Admin");
}

}  // namespace
}  // namespace vpn::agent
