#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "policy/domain_table.h"
#include "tests/unit/policy/random.h"

namespace vpn::policy {
namespace {

std::string normalised(std::string_view input) {
  std::string storage;
  std::string_view out;
  const NameFault fault = normalise_name(input, storage, out);
  return fault == NameFault::none ? std::string(out) : "fault " + std::to_string(static_cast<int>(fault));
}

NameFault fault(std::string_view input) {
  std::string storage;
  std::string_view out;
  return normalise_name(input, storage, out);
}

TEST(DomainName, NormalisedInputIsOnlyViewed) {
  for (const std::string name :
       {"example.com", "a", "_sip._tcp.example.com", "r3---sn-abc.example.com", "1.2.3.4", "a-b.c_d"}) {
    std::string storage = "untouched";
    std::string_view out;
    ASSERT_EQ(normalise_name(name, storage, out), NameFault::none) << name;
    EXPECT_EQ(out.data(), name.data());
    EXPECT_EQ(out, name);
    EXPECT_EQ(storage, "untouched");
  }
}

TEST(DomainName, TrailingDotAndCapitalsGo) {
  EXPECT_EQ(normalised("example.com."), "example.com");
  EXPECT_EQ(normalised("Example.COM."), "example.com");
  EXPECT_EQ(normalised("XN--BCHER-KVA.example"), "xn--bcher-kva.example");
}

TEST(DomainName, ULabelsBecomeALabels) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"b\u00fccher.example", "xn--bcher-kva.example"},
      {"B\u00dcCHER.example.", "xn--bcher-kva.example"},
      {"bu\u0308cher.example", "xn--bcher-kva.example"},                       // decomposed
      {"stra\u00dfe.example", "xn--strae-oqa.example"},                        // non-transitional: not "strasse"
      {"\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45\u3002com", "example.com"},  // full width
      {"example.com\u3002", "example.com"},
      {"\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444", "xn--e1afmkfd.xn--p1ai"}};
  for (const auto& [input, expected] : rows) EXPECT_EQ(normalised(input), expected) << input;
}

TEST(DomainName, FaultsAreTold) {
  EXPECT_EQ(fault(""), NameFault::empty);
  EXPECT_EQ(fault("."), NameFault::empty);
  EXPECT_EQ(fault("\u3002"), NameFault::empty);
  const std::vector<std::string> labels{"..",     ".com",   "a..b", "a.b..",
                                        "-a.com", "a-.com", "a.-",  std::string(64, 'a').append(".com")};
  for (const std::string& name : labels) EXPECT_EQ(fault(name), NameFault::bad_label) << name;
  for (const std::string name :
       {"a b", "*.example.com", "a/b", "exam\tple.com", "a,b", "user@example.com", "[::1]", "a:80"})
    EXPECT_EQ(fault(name), NameFault::bad_character) << name;
  EXPECT_EQ(fault(std::string_view("a\0b.com", 7)), NameFault::bad_character);
  EXPECT_EQ(fault("xn--\u00fc.example"), NameFault::not_idna);
  EXPECT_EQ(fault("xn--a.example"), NameFault::not_idna);  // decodes to nothing that is a U-label
  EXPECT_EQ(fault("\xff.example"), NameFault::not_idna);   // no UTF-8
  EXPECT_EQ(fault("\xc3"), NameFault::not_idna);
}

TEST(DomainName, LengthsAreThoseOfTheDns) {
  const std::string label(63, 'a');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
  EXPECT_EQ(normalised(longest), longest);
  EXPECT_EQ(normalised(longest + '.'), longest);
  EXPECT_EQ(fault('a' + longest.substr(0, 63) + longest.substr(63)), NameFault::bad_label);
  EXPECT_EQ(fault(longest + 'b'), NameFault::too_long);
  std::string unicode;
  for (int i = 0; i < 60; ++i) unicode += "\u00fc\u00f6\u00e4\u00df.";
  EXPECT_EQ(fault(unicode + "example"), NameFault::too_long);
  std::string huge;
  for (int i = 0; i < 100000; ++i) huge += "\u00fc.";
  EXPECT_EQ(fault(huge), NameFault::too_long);
}

/// The rules for names of ASCII letters, digits and separators, said directly.
bool well_formed(const std::string& name) {
  std::size_t begin = 0;
  for (std::size_t end = 0; end <= name.size(); ++end) {
    if (end < name.size() && name[end] != '.') continue;
    const std::string label = name.substr(begin, end - begin);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    begin = end + 1;
  }
  return name.size() <= 253;
}

TEST(DomainName, RandomNamesAreJudgedLabelByLabel) {
  test::Random random;
  const std::string usual = "abcxyz0189_", odd = "..-- /:@[`{}~\x7f\x01Az";
  for (int i = 0; i < 200000; ++i) {
    std::string name;
    for (std::uint64_t n = 1 + random.below(random.chance(10) ? 300 : 30); n > 0; --n)
      name += random.chance(80) ? random.pick(usual) : random.pick(std::string(".-"));
    if (random.chance(20)) name[random.below(name.size())] = random.pick(odd);
    if (name.find("xn--") != std::string::npos || name.back() == '.') continue;
    std::string expected = name;
    for (char& c : expected) c = c == 'A' ? 'a' : c;
    const bool characters = name.find_first_not_of("abcxyzA0189_-.") == std::string::npos;
    std::string storage;
    std::string_view out;
    const NameFault got = normalise_name(name, storage, out);
    ASSERT_EQ(got == NameFault::none, characters && well_formed(expected)) << name;
    ASSERT_EQ(got == NameFault::bad_character, !characters) << name;
    if (got == NameFault::none) {
      ASSERT_EQ(out, expected);
    }
  }
}

TEST(PublicSuffix, NamesUnderWhichAnybodyRegisters) {
  for (const std::string name :
       {"com", "co.uk", "com.br", "co.jp", "blogspot.com", "github.io", "xn--p1ai", "kawasaki.jp"})
    EXPECT_TRUE(is_public_suffix(name)) << name;
  for (const std::string name : {"example.com", "www.co.uk", "corp", "local", "", "b.example", "city.kawasaki.jp"})
    EXPECT_FALSE(is_public_suffix(name)) << name;
}

}  // namespace
}  // namespace vpn::policy
