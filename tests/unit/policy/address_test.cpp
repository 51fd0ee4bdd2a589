#include "policy/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/policy/random.h"

namespace vpn::policy {
namespace {

Address address(std::string_view text) {
  const auto a = Address::parse(text);
  EXPECT_TRUE(a) << text;
  return a.value_or(Address{});
}

Prefix prefix(std::string_view text) {
  const auto p = Prefix::parse(text);
  EXPECT_TRUE(p) << text;
  return p.value_or(Prefix{});
}

TEST(Address, ReadsDottedQuads) {
  EXPECT_EQ(address("0.0.0.0"), Address::from_v4(0));
  EXPECT_EQ(address("192.168.1.20"), Address::from_v4(0xc0a80114));
  EXPECT_EQ(address("255.255.255.255"), Address::from_v4(0xffffffff));
}

TEST(Address, ReadsEveryFormOfRfc4291) {
  EXPECT_EQ(address("2001:db8:0:0:8:800:200c:417a"), Address::from_v6(0x20010db800000000, 0x00080800200c417a));
  EXPECT_EQ(address("2001:DB8::8:800:200C:417A"), Address::from_v6(0x20010db800000000, 0x00080800200c417a));
  EXPECT_EQ(address("::"), Address::from_v6(0, 0));
  EXPECT_EQ(address("::1"), Address::from_v6(0, 1));
  EXPECT_EQ(address("fe80::"), Address::from_v6(0xfe80000000000000, 0));
  EXPECT_EQ(address("::ffff:203.0.113.5"), Address::from_v6(0, 0xffffcb007105));
  EXPECT_EQ(address("64:ff9b::203.0.113.5"), Address::from_v6(0x0064ff9b00000000, 0xcb007105));
  EXPECT_EQ(address("1:2:3:4:5:6:1.2.3.4"), Address::from_v6(0x0001000200030004, 0x0005000601020304));
  EXPECT_EQ(address("1:2:3:4:5:6:7::"), Address::from_v6(0x0001000200030004, 0x0005000600070000));
}

TEST(Address, RefusesEverythingElse) {
  const std::vector<std::string> wrong{"",
                                       " ",
                                       "1",
                                       "1.2.3",
                                       "1.2.3.4.5",
                                       "1.2.3.256",
                                       "01.2.3.4",
                                       "1.2.3.04",
                                       "1.2.3.4 ",
                                       " 1.2.3.4",
                                       "1.2.3.",
                                       ".1.2.3",
                                       "1..2.3",
                                       "0x1.2.3.4",
                                       "1.2.3.4/8",
                                       "-1.2.3.4",
                                       "+1.2.3.4",
                                       "1.2.3.0000",
                                       ":",
                                       ":::",
                                       "1:",
                                       ":1",
                                       "1:2:3:4:5:6:7",
                                       "1:2:3:4:5:6:7:8:9",
                                       "1:2:3:4:5:6:7:8::",
                                       "::1:2:3:4:5:6:7:8",
                                       "1::2::3",
                                       "12345::",
                                       "g::",
                                       "::1%eth0",
                                       "[::1]",
                                       "1:2:3:4:5:6:7:",
                                       ":1:2:3:4:5:6:7",
                                       "::1.2.3",
                                       "::1.2.3.4:5",
                                       "1:2:3:4:5:6:7:1.2.3.4",
                                       "::01.2.3.4",
                                       "1:::2",
                                       "::g",
                                       "1.2.3.4::",
                                       "2001:db8::1 ",
                                       "::ffff:1.2.3.256"};
  for (const auto& text : wrong) EXPECT_FALSE(Address::parse(text)) << '"' << text << '"';
  EXPECT_FALSE(Address::parse(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(Address::parse(std::string_view("::1\0", 4)));
}

TEST(Address, PrintsAsRfc5952) {
  for (const std::string text : {"0.0.0.0", "10.20.30.40", "255.255.255.255", "::", "::1", "1::", "2001:db8::1",
                                 "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1", "2001:db8::1:0:0:1", "fe80::1:2:3:4",
                                 "::ffff:192.0.2.1", "64:ff9b::c000:201", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:0:8"})
    EXPECT_EQ(address(text).to_string(), text);
  EXPECT_EQ(address("2001:0DB8:0000:0000:0000:0000:0002:0001").to_string(), "2001:db8::2:1");
  EXPECT_EQ(address("0:0:1:0:0:1:0:0").to_string(), "::1:0:0:1:0:0");
}

TEST(Address, AgreesWithTheSystemOnRandomTexts) {
  test::Random random;
  const std::string alphabet = "0123456789abcdefF:::....%/ ";
  for (int i = 0; i < 200000; ++i) {
    std::string text;
    if (random.chance(50)) {  // damage a good one
      in6_addr raw{};
      for (auto& byte : raw.s6_addr) byte = static_cast<std::uint8_t>(random.chance(50) ? 0 : random.bits());
      char buffer[INET6_ADDRSTRLEN];
      text = random.chance(70) ? inet_ntop(AF_INET6, &raw, buffer, sizeof buffer)
                               : inet_ntop(AF_INET, &raw, buffer, sizeof buffer);
      if (random.chance(60)) text[random.below(text.size())] = random.pick(alphabet);
      if (random.chance(20)) text.insert(random.below(text.size()), 1, random.pick(alphabet));
    } else {
      for (std::uint64_t n = random.below(20); n > 0; --n) text += random.pick(alphabet);
    }
    in6_addr six{};
    in_addr four{};
    const auto mine = Address::parse(text);
    const bool is_six = inet_pton(AF_INET6, text.c_str(), &six) == 1;
    const bool is_four = inet_pton(AF_INET, text.c_str(), &four) == 1;
    ASSERT_EQ(mine.has_value(), is_six || is_four) << text;
    if (!mine) continue;
    ASSERT_EQ(mine->v6, is_six) << text;
    if (is_four) {
      ASSERT_EQ(mine->v4(), ntohl(four.s_addr)) << text;
    }
    if (is_six) {
      std::uint64_t words[2] = {0, 0};
      for (unsigned k = 0; k < 16; ++k) words[k / 8] = words[k / 8] << 8 | six.s6_addr[k];
      ASSERT_EQ(mine->high, words[0]) << text;
      ASSERT_EQ(mine->low, words[1]) << text;
    }
    ASSERT_EQ(address(mine->to_string()), *mine) << text;
  }
}

TEST(Prefix, ReadsLengthsAndClearsHostBits) {
  EXPECT_EQ(prefix("10.1.2.3/8").to_string(), "10.0.0.0/8");
  EXPECT_EQ(prefix("10.1.2.3").to_string(), "10.1.2.3/32");
  EXPECT_EQ(prefix("0.0.0.0/0").length, 0);
  EXPECT_EQ(prefix("255.255.255.255/1").to_string(), "128.0.0.0/1");
  EXPECT_EQ(prefix("2001:db8:ffff::1/33").to_string(), "2001:db8:8000::/33");
  EXPECT_EQ(prefix("2001:db8::ffff/113").to_string(), "2001:db8::8000/113");
  EXPECT_EQ(prefix("::1").length, 128);
  EXPECT_EQ(prefix("::/0").to_string(), "::/0");
  for (const std::string text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/-1",
                                 "10.0.0.0/8 ", "10.0.0.0/8/8", "::/129", "::/1280", "10.0.0/8", "::1%lo/64"})
    EXPECT_FALSE(Prefix::parse(text)) << text;
}

TEST(Prefix, ContainsAndLastAgreeWithComparison) {
  test::Random random;
  for (int i = 0; i < 100000; ++i) {
    const bool v6 = random.chance(50);
    const Address a = v6 ? Address::from_v6(random.bits(), random.bits())
                         : Address::from_v4(static_cast<std::uint32_t>(random.bits()));
    const Prefix p = Prefix::of(a, static_cast<std::uint8_t>(random.below(v6 ? 129 : 33)));
    EXPECT_TRUE(p.contains(a));
    EXPECT_TRUE(p.contains(p.last()));
    EXPECT_TRUE(p.contains(Prefix::of(a, static_cast<std::uint8_t>(std::min(p.length + 3, v6 ? 128 : 32)))));
    Address other = a;
    (v6 && random.chance(50) ? other.high : other.low) ^= std::uint64_t{1} << random.below(v6 ? 64 : 32);
    EXPECT_EQ(p.contains(other), other >= p.first() && other <= p.last()) << p.to_string() << ' ' << other.to_string();
  }
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(address("::1")));
  EXPECT_FALSE(prefix("::/0").contains(address("1.2.3.4")));
  EXPECT_FALSE(prefix("10.0.0.0/9").contains(prefix("10.0.0.0/8")));
  EXPECT_EQ(prefix("10.0.0.0/8").last(), address("10.255.255.255"));
  EXPECT_EQ(Prefix::of(address("10.0.0.1"), 200).length, 32);
}

TEST(Embedded, MappedAndWellKnownNat64AreTheIPv4AddressInThem) {
  EXPECT_EQ(embedded(address("::ffff:10.1.2.3")), address("10.1.2.3"));
  EXPECT_EQ(embedded(address("64:ff9b::10.1.2.3")), address("10.1.2.3"));
  EXPECT_EQ(embedded(address("10.1.2.3")), address("10.1.2.3"));
  for (const std::string text :
       {"::10.1.2.3", "64:ff9b:1::10.1.2.3", "64:ff9b::1:10.1.2.3", "::fffe:10.1.2.3", "2001:db8::1"})
    EXPECT_EQ(embedded(address(text)), address(text)) << text;
}

// The table of RFC 6052 section 2.4: 192.0.2.33 under prefixes of every length.
TEST(Embedded, NetworkPrefixesOfEveryLengthOfRfc6052) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"2001:db8::/32", "2001:db8:c000:221::"},
      {"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
      {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
      {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
      {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
      {"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"}};
  for (const auto& [network, text] : rows) {
    const Prefix nat64 = prefix(network);
    EXPECT_EQ(embedded(address(text), &nat64), address("192.0.2.33")) << text;
    EXPECT_EQ(embedded(address(text)), address(text));
    EXPECT_EQ(embedded(prefix(network), &nat64), prefix("0.0.0.0/0")) << network;
    EXPECT_EQ(embedded(prefix(text), &nat64), prefix("192.0.2.33/32")) << text;
    EXPECT_EQ(embedded(address("64:ff9b::1.2.3.4"), &nat64), address("1.2.3.4"));  // the well-known one stays
  }
  Prefix odd = prefix("2001:db8::/44");  // no length of RFC 6052: not a translation prefix
  EXPECT_EQ(embedded(address("2001:db8::1"), &odd), address("2001:db8::1"));
}

TEST(Embedded, ReservedOctetAndSuffixCannotHideTheAddress) {
  const Prefix nat64 = prefix("2001:db8::/32");
  EXPECT_EQ(embedded(address("2001:db8:c000:221:ff00::7"), &nat64), address("192.0.2.33"));
}

TEST(Embedded, PrefixesWithinTranslationPrefixes) {
  EXPECT_EQ(embedded(prefix("::ffff:10.0.0.0/104")), prefix("10.0.0.0/8"));
  EXPECT_EQ(embedded(prefix("64:ff9b::/96")), prefix("0.0.0.0/0"));
  EXPECT_EQ(embedded(prefix("::/0")), prefix("::/0"));
  EXPECT_EQ(embedded(prefix("10.0.0.0/8")), prefix("10.0.0.0/8"));
  const Prefix short_one = prefix("2001:db8:100::/40");
  EXPECT_EQ(embedded(prefix("2001:db8:1c0:2::/64"), &short_one), prefix("192.0.2.0/24"));
  EXPECT_EQ(embedded(prefix("2001:db8:1c0:2:20::/75"), &short_one), prefix("192.0.2.32/27"));
  EXPECT_EQ(embedded(prefix("2001:db8:1c0::/48"), &short_one), prefix("192.0.0.0/8"));
  EXPECT_EQ(embedded(prefix("2001:db8::/32"), &short_one), prefix("2001:db8::/32"));
}

TEST(Private, OnlyPrefixesWithinThePrivateRanges) {
  for (const std::string text : {"10.0.0.0/8", "10.255.255.255", "172.16.0.0/12", "172.31.0.0/16", "192.168.1.0/24",
                                 "169.254.0.0/16", "fc00::/7", "fd12::/48", "fe80::1", "febf::/16"})
    EXPECT_TRUE(is_private(prefix(text))) << text;
  for (const std::string text :
       {"8.0.0.0/7", "0.0.0.0/0", "172.32.0.0/16", "172.0.0.0/8", "192.168.0.0/15", "11.0.0.0/8", "169.255.0.0/16",
        "fe00::/9", "fec0::/10", "::/0", "2001:db8::/32", "::ffff:10.0.0.0/104"})
    EXPECT_FALSE(is_private(prefix(text))) << text;
}

}  // namespace
}  // namespace vpn::policy
