#include "agent/network/router_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <chrono>
#include <random>
#include <string_view>

#include "agent/network/router_table.h"
#include "netlink_message.h"

namespace vpn::agent {
namespace {

using std::chrono::seconds;
using RouterBytes = test::Bytes;
using FactKind = RouterFact::Kind;

RouterBytes from_text(std::string_view text) {
  const auto* p = reinterpret_cast<const std::byte*>(text.data());
  return {p, p + text.size()};
}

RouterBytes six(const char* text) {
  const auto a = *policy::Address::parse(text);
  RouterBytes out;
  for (const std::uint64_t half : {a.high, a.low})
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(half >> shift));
  return out;
}

RouterBytes joined(std::initializer_list<RouterBytes> parts) {
  RouterBytes out;
  for (const RouterBytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

// With its length, padded to eight bytes.
RouterBytes option(std::uint8_t type, const RouterBytes& content) {
  RouterBytes out{std::byte{type}, std::byte{0}};
  out.insert(out.end(), content.begin(), content.end());
  while (out.size() % 8 != 0) out.push_back(std::byte{0});
  out[1] = static_cast<std::byte>(out.size() / 8);
  return out;
}

RouterBytes advertised(const RouterBytes& options, std::uint8_t type = 134) {
  nduseroptmsg h{};
  h.nduseropt_family = AF_INET6;
  h.nduseropt_opts_len = static_cast<std::uint16_t>(options.size());
  h.nduseropt_ifindex = 3;
  h.nduseropt_icmp_type = type;
  return test::Message(RTM_NEWNDUSEROPT, h).raw(options).attribute(NDUSEROPT_SRCADDR, six("fe80::1")).bytes();
}

RouterFact fact(FactKind kind, const std::string& text, seconds lifetime) {
  RouterFact out;
  out.kind = kind;
  out.link = 3;
  out.router = *policy::Address::parse("fe80::1");
  out.text = text;
  out.lifetime = lifetime;
  if (kind == FactKind::nat64) out.nat64 = *policy::Prefix::parse(text);
  return out;
}

RouterBytes pref64(unsigned scaled_and_length, const char* prefix) {
  RouterBytes content{static_cast<std::byte>(scaled_and_length >> 8), static_cast<std::byte>(scaled_and_length & 0xff)};
  const RouterBytes whole = six(prefix);
  content.insert(content.end(), whole.begin(), whole.begin() + 12);
  return option(38, content);
}

const RouterBytes rdnss = option(25, joined({from_text({"\0\0\0\0\x07\x08", 6}), six("2001:db8::53"), six("fe80::1")}));
const RouterBytes dnssl = option(31, from_text({"\0\0\0\0\0\x3c\4Corp\7example\0\3lab\0", 24}));
const RouterBytes portal = option(37, from_text("https://portal.example/api"));

std::vector<RouterFact> told(const RouterBytes& options) { return read_router_options(advertised(options)).facts; }
std::uint32_t malformed(const RouterBytes& options) { return read_router_options(advertised(options)).malformed; }

TEST(RouterOptions, OfEveryKind) {
  const RouterNews news = read_router_options(advertised(joined({rdnss, dnssl, portal, pref64(600, "2001:db8:64::")})));
  EXPECT_EQ(news.malformed, 0u);
  EXPECT_THAT(news.facts,
              testing::ElementsAre(fact(FactKind::resolver, "2001:db8::53", seconds(1800)),
                                   fact(FactKind::resolver, "fe80::1", seconds(1800)),
                                   fact(FactKind::search_domain, "corp.example", seconds(60)),
                                   fact(FactKind::search_domain, "lab", seconds(60)),
                                   fact(FactKind::captive_portal, "https://portal.example/api", longest_portal),
                                   fact(FactKind::nat64, "2001:db8:64::/96", seconds(600))));
  EXPECT_TRUE(told(option(5, from_text("mtu--"))).empty()) << "others are passed over";
  EXPECT_TRUE(read_router_options(advertised(rdnss, 137)).facts.empty()) << "a redirection";
}

TEST(RouterOptions, Nat64PrefixesOfEachLength) {
  const std::array<const char*, 6> of_code{"2001:db8:6464:6464::6464:0:0/96",
                                           "2001:db8:6464:6464::/64",
                                           "2001:db8:6464:6400::/56",
                                           "2001:db8:6464::/48",
                                           "2001:db8:6400::/40",
                                           "2001:db8::/32"};
  for (unsigned code = 0; code < of_code.size(); ++code)
    EXPECT_THAT(
        told(pref64(800 + code, "2001:db8:6464:6464:0:6464::")),
        testing::ElementsAre(fact(FactKind::nat64, policy::Prefix::parse(of_code.at(code))->to_string(), seconds(800))))
        << code;
  EXPECT_EQ(told(pref64(0, "2001:db8:64::")).at(0).lifetime, seconds(0));
  EXPECT_EQ(told(pref64(0xfff8, "fd64::")).at(0).lifetime, seconds(65528));
  EXPECT_EQ(malformed(pref64(806, "2001:db8:64::")), 1u) << "a code that has no length";
  for (const char* other : {"::", "::ffff:0:0", "fe80::", "ff02::", "64:ff9b::", "4000::"})
    EXPECT_EQ(malformed(pref64(800, other)), 1u) << other;
  EXPECT_EQ(told(pref64(800, "64:ff9b:1::")).size(), 1u);
}

TEST(RouterOptions, WhatDoesNotHoldTogether) {
  EXPECT_EQ(malformed(option(25, from_text({"\0\0\0\0\0\1", 6}))), 1u) << "no resolver";
  EXPECT_EQ(malformed(option(25, joined({from_text({"\0\0\0\0\0\1", 6}), RouterBytes(8)}))), 1u) << "half of one";
  EXPECT_TRUE(
      told(option(25, joined({from_text({"\0\0\0\0\0\1", 6}), six("ff02::1"), six("::1"), six("::")}))).empty());
  const auto names = [](std::string_view bytes) {
    return option(31, joined({from_text({"\0\0\0\0\0\1", 6}), from_text(bytes)}));
  };
  EXPECT_EQ(malformed(names({"\3a b\0\0\0\0", 8})), 1u);
  EXPECT_EQ(malformed(names({"\3abc\xc0\0\0\0", 8})), 1u) << "a pointer";
  EXPECT_EQ(malformed(names("\7abcdefg")), 1u) << "a name without an end";
  std::string longest;
  for (int i = 0; i < 5; ++i) longest += "\x3f" + std::string(63, 'a');
  EXPECT_EQ(malformed(names(longest)), 1u);
  std::string many;
  for (int i = 0; i < 40; ++i) many += std::string("\1a\0", 3);
  EXPECT_EQ(told(names(many)).size(), 16u);
  EXPECT_EQ(malformed(option(37, {})), 1u);
  EXPECT_EQ(malformed(option(37, from_text("https://a\n.example/"))), 1u);
  RouterBytes broken = rdnss;
  broken[1] = std::byte{0};
  EXPECT_EQ(malformed(broken), 1u) << "an option without a length would never end";
  broken[1] = std::byte{200};
  EXPECT_EQ(malformed(broken), 1u);
  EXPECT_EQ(malformed(joined({option(31, from_text("?")), portal})), 1u);
  EXPECT_EQ(told(joined({option(31, from_text("?")), portal})).size(), 1u) << "what comes after counts";
}

// Cut at every byte, and with bytes changed: nothing is read outside (ASan), and what is told keeps its bounds.
TEST(RouterOptions, WhateverTheBytes) {
  const RouterBytes all = advertised(joined({rdnss, dnssl, portal, pref64(600, "2001:db8:64::")}));
  for (std::size_t size = 0; size < all.size(); ++size)
    EXPECT_TRUE(read_router_options(std::span(all).first(size)).facts.empty()) << size;
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    RouterBytes changed = all;
    for (int n = 0; n < 3; ++n) changed[random() % changed.size()] = static_cast<std::byte>(random());
    for (const RouterFact& f : read_router_options(changed).facts) {
      EXPECT_LE(f.text.size(), 255u * 8);
      EXPECT_LE(f.lifetime, longest_router_fact);
      EXPECT_NE(f.link, 0u);
    }
  }
}

class RouterTableTest : public testing::Test {
 protected:
  bool hear(FactKind kind, const std::string& text, seconds lifetime, const char* router = "fe80::1",
            std::uint32_t link = 3) {
    RouterFact f = fact(kind, text, lifetime);
    f.router = *policy::Address::parse(router);
    f.link = link;
    return table_.hear(f, now_);
  }
  RouterTable table_;
  RouterTable::Time now_{seconds(1000)};
};

TEST_F(RouterTableTest, HoldsWhatItHearsForItsTime) {
  EXPECT_TRUE(hear(FactKind::nat64, "2001:db8:64::/96", seconds(600)));
  EXPECT_TRUE(hear(FactKind::resolver, "2001:db8::53", seconds(60)));
  EXPECT_FALSE(hear(FactKind::resolver, "2001:db8::53", seconds(90))) << "again: for longer";
  EXPECT_THAT(table_.facts().at(3).nat64, testing::ElementsAre(*policy::Prefix::parse("2001:db8:64::/96")));
  EXPECT_EQ(table_.next_end(), now_ + seconds(90));
  EXPECT_FALSE(table_.expire(now_ + seconds(89)));
  EXPECT_TRUE(table_.expire(now_ + seconds(90)));
  EXPECT_TRUE(table_.facts().at(3).dns_servers.empty());
  EXPECT_FALSE(hear(FactKind::nat64, "2001:db8:64::/96", seconds(0), "fe80::2")) << "not by another router's word";
  EXPECT_TRUE(hear(FactKind::nat64, "2001:db8:64::/96", seconds(0)));
  EXPECT_TRUE(table_.facts().empty());
  EXPECT_FALSE(table_.next_end());
}

TEST_F(RouterTableTest, ForgetsANetworkWithItsLink) {
  hear(FactKind::search_domain, "corp.example", seconds(60));
  hear(FactKind::search_domain, "lab.example", seconds(60), "fe80::1", 4);
  EXPECT_TRUE(table_.forget(3));
  EXPECT_FALSE(table_.forget(3));
  EXPECT_EQ(table_.facts().size(), 1u);
  EXPECT_TRUE(table_.forget_all());
  EXPECT_FALSE(table_.forget_all());
}

TEST_F(RouterTableTest, BoundsWhatRoutersSay) {
  for (unsigned i = 0; i < 100; ++i) hear(FactKind::resolver, "2001:db8::" + std::to_string(i), seconds(60));
  EXPECT_EQ(table_.facts().at(3).dns_servers.size(), RouterTable::most_of_kind);
  EXPECT_TRUE(hear(FactKind::captive_portal, "https://one.example/", longest_portal));
  EXPECT_FALSE(hear(FactKind::captive_portal, "https://two.example/", longest_portal));
  EXPECT_FALSE(hear(FactKind::captive_portal, "https://two.example/", longest_portal, "fe80::2"));
  EXPECT_EQ(table_.facts().at(3).captive_portal, "https://one.example/");
  for (std::uint32_t link = 10; link < 3000; ++link)
    hear(FactKind::search_domain, "corp.example", seconds(60), "fe80::1", link);
  EXPECT_LE(table_.facts().size(), RouterTable::most);
}

TEST_F(RouterTableTest, TwoRoutersOneResolver) {
  EXPECT_TRUE(hear(FactKind::resolver, "2001:db8::53", seconds(60)));
  hear(FactKind::resolver, "2001:db8::53", seconds(120), "fe80::2");
  EXPECT_EQ(table_.facts().at(3).dns_servers.size(), 1u);
  table_.expire(now_ + seconds(60));
  EXPECT_EQ(table_.facts().at(3).dns_servers.size(), 1u) << "the other one still says so";
}

}  // namespace
}  // namespace vpn::agent
