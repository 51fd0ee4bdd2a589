// Names one by one, and lists of them.
#include "compiler/lint/domain_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "compiler/lint/name_set.h"
#include "compiler/lint/suffix_filter.h"
#include "policy/domain_table.h"
#include "tests/unit/lint/support.h"

namespace vpn::lint::test {
namespace {

std::string list(std::string_view key, const std::vector<std::string>& names) {
  std::string out = "<key>" + std::string(key) + "</key><array>";
  for (const std::string& name : names) out += "<string>" + name + "</string>";
  return out + "</array>";
}

std::vector<std::string> codes(std::string_view place, std::string_view example) {
  std::vector<std::string> out;
  const Linted linted = lint_in(place, example);
  for (const findings::Finding& f : linted.all()) out.emplace_back(findings::info(f.code).name);
  return out;
}

struct Name {
  const char* text;
  const char* code;  ///< empty: fine
};

class Names : public testing::TestWithParam<Name> {};

TEST_P(Names, AreJudgedInALongListAsInAShortOne) {
  const auto [text, code] = GetParam();
  const auto wanted = *code == '\0' ? std::vector<std::string>{} : std::vector<std::string>{code};
  EXPECT_EQ(codes("applayer", list("SafariDomains", {text})), wanted);
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back("host" + std::to_string(i) + ".example.net");
  many.insert(many.begin() + 37, text);
  EXPECT_EQ(codes("applayer", list("SafariDomains", many)), wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Lint, Names,
    testing::Values(Name{"example.com", ""}, Name{"*.example.com", ""}, Name{"intranet", ""},
                    Name{"a_b.example.com", ""},
                    Name{"b\xc3\xbc"
                         "cher.example.com",
                         ""},
                    Name{"xn--bcher-kva.example.com", ""}, Name{"3.example.com", ""}, Name{"example.x1", ""},
                    Name{"Example.com", "unnormalised-domain"}, Name{"example.com.", "unnormalised-domain"},
                    Name{"", "invalid-domain"}, Name{".", "leading-dot"}, Name{".example.com", "leading-dot"},
                    Name{"*..example.com", "leading-dot"}, Name{"*", "misplaced-wildcard"},
                    Name{"*.*.example.com", "misplaced-wildcard"}, Name{"a*.example.com", "misplaced-wildcard"},
                    Name{"*example.com", "misplaced-wildcard"}, Name{"192.0.2.1", "address-as-domain"},
                    Name{"2001:db8::1", "address-as-domain"}, Name{"256.1.1.1", "address-as-domain"},
                    Name{"10.0.0.0/8", "url-as-domain"}, Name{"http://example.com", "url-as-domain"},
                    Name{"https://example.com/a b", "url-as-domain"}, Name{"example.com/a", "url-as-domain"},
                    Name{"example.com:443", "invalid-domain"}, Name{"exam ple.com", "invalid-domain"},
                    Name{"-a.example.com", "invalid-domain"}, Name{"a-.example.com", "invalid-domain"},
                    Name{"a..example.com", "invalid-domain"}, Name{"xn--a.example.com", "invalid-domain"}));

TEST(DomainList, WildcardsAreForListsThatUnderstandThem) {
  const auto dns = [](const char* key, const char* name) { return codes("DNS", list(key, {name})); };
  EXPECT_THAT(dns("SupplementalMatchDomains", ""), testing::IsEmpty());
  EXPECT_THAT(dns("SearchDomains", ""), testing::ElementsAre("invalid-domain"));
  EXPECT_THAT(dns("SearchDomains", "*.example.com"), testing::ElementsAre("misplaced-wildcard"));
}

TEST(DomainList, LabelsAndNamesHaveTheirLength) {
  const std::string label(63, 'a');
  EXPECT_THAT(codes("applayer", list("SafariDomains", {label + ".example.com"})), testing::IsEmpty());
  EXPECT_THAT(codes("applayer", list("SafariDomains", {label + "a.example.com"})),
              testing::ElementsAre("invalid-domain"));
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  EXPECT_THAT(codes("applayer", list("SafariDomains", {longest})), testing::IsEmpty());
  EXPECT_THAT(codes("applayer", list("SafariDomains", {longest + "c"})), testing::ElementsAre("invalid-domain"));
}

TEST(DomainList, RepetitionsAreFoundInAnyForm) {
  EXPECT_THAT(codes("applayer", list("SafariDomains", {"a.example.com", "b.example.com", "A.example.com."})),
              testing::ElementsAre("unnormalised-domain", "repeated-domain"));
  EXPECT_THAT(codes("applayer", list("SafariDomains", {"b\xc3\xbc"
                                                       "cher.example.com",
                                                       "xn--bcher-kva.example.com"})),
              testing::ElementsAre("repeated-domain"));
  EXPECT_THAT(codes("applayer", list("SafariDomains", {"example.com", "*.example.com"})), testing::IsEmpty());
  std::vector<std::string> many;
  for (int i = 0; i < 5000; ++i) many.push_back("h" + std::to_string(i % 4999) + ".example.com");
  const Linted linted = lint_in("applayer", list("SafariDomains", many));
  ASSERT_EQ(linted.all().size(), 1U);
  EXPECT_EQ(linted.all()[0].path, "PayloadContent[0].SafariDomains[4999]");
  ASSERT_EQ(linted.all()[0].related.size(), 1U);
}

TEST(DomainList, ManyFaultsOfAKindAreCounted) {
  const Linted linted = lint_in("applayer", list("SafariDomains", std::vector<std::string>(1000, "bad..name")));
  ASSERT_EQ(linted.all().size(), most_in_a_list + 1);
  EXPECT_EQ(linted.all()[0].message, "and 980 more like this in 'SafariDomains': a name that no host can have");
  EXPECT_EQ(Linted::underlined(linted.all()[0]), "SafariDomains");
}

TEST(DomainList, WideExclusions) {
  const auto excluded = [](const char* name) { return codes("applayer", list("ExcludedDomains", {name})); };
  EXPECT_THAT(excluded("com"), testing::ElementsAre("wide-exclusion"));
  EXPECT_THAT(excluded("*.co.uk"), testing::ElementsAre("wide-exclusion"));
  EXPECT_THAT(excluded("anything.ck"), testing::ElementsAre("wide-exclusion")) << "by the list's wildcard *.ck";
  EXPECT_THAT(excluded("www.ck"), testing::IsEmpty()) << "an exception of that";
  EXPECT_THAT(excluded("GITHUB.io"), testing::UnorderedElementsAre("unnormalised-domain", "wide-exclusion"));
  EXPECT_THAT(excluded("*"), testing::ElementsAre("wide-exclusion"));
  EXPECT_THAT(excluded("corp"), testing::IsEmpty()) << "no public suffix, but a name of the house";
  EXPECT_THAT(excluded("*.cdn.example.com"), testing::ElementsAre("wildcard-exclusion"));
  EXPECT_THAT(codes("applayer", list("SafariDomains", {"com"})), testing::IsEmpty()) << "includes, excludes nothing";
}

TEST(DomainList, AWideExclusionStandsForWhatFollowsFromIt) {
  EXPECT_THAT(codes("applayer", list("SafariDomains", {"wiki.example.com"}) + list("ExcludedDomains", {"com"})),
              testing::ElementsAre("wide-exclusion"));
}

TEST(DomainList, IncludedAndExcluded) {
  const auto both = [](const char* in, const char* out) {
    return codes("applayer", list("MailDomains", {in}) + list("ExcludedDomains", {out}));
  };
  using testing::ElementsAre;
  using testing::IsEmpty;
  EXPECT_THAT(both("a.example.com", "a.example.com"), ElementsAre("included-and-excluded"));
  EXPECT_THAT(both("A.example.com", "a.EXAMPLE.com"), testing::Contains("included-and-excluded"));
  EXPECT_THAT(both("a.example.com", "example.com"), ElementsAre("included-and-excluded"));
  EXPECT_THAT(both("*.a.example.com", "a.example.com"), ElementsAre("included-and-excluded"));
  EXPECT_THAT(both("a.example.com", "b.example.com"), IsEmpty());
  EXPECT_THAT(both("a.example.com", "xa.example.com"), IsEmpty());
  EXPECT_THAT(both("example.com", "a.example.com"), ElementsAre("carved-out"));
  EXPECT_THAT(both("a.example.com", "*.a.example.com"),
              testing::UnorderedElementsAre("wildcard-exclusion", "carved-out"));
  EXPECT_THAT(both("a.example.com", "*.example.com"), testing::Contains("included-and-excluded"));
}

TEST(SuffixFilter, LetsEverySuffixPass) {
  std::ifstream rules(VPN_PUBLIC_SUFFIX_LIST);
  ASSERT_TRUE(rules);
  std::size_t checked = 0;
  for (std::string line; std::getline(rules, line);) {
    line.resize(std::min(line.find_first_of(" \t\r"), line.size()));
    if (line.empty() || line.starts_with("//") || line.front() == '!') continue;
    if (line.starts_with("*.")) line.erase(0, 2);
    std::string storage;
    std::string_view name;
    ASSERT_EQ(policy::normalise_name(line, storage, name), policy::NameFault::none) << line;
    const std::string base(name);
    for (const std::string& suffix : {base, "anything." + base})
      EXPECT_TRUE(may_be_public_suffix(suffix) || !policy::is_public_suffix(suffix)) << suffix;
    ++checked;
  }
  EXPECT_GT(checked, 5000U);
}

TEST(SuffixFilter, HoldsBackNearlyAllElse) {
  int passed = 0;
  for (int i = 0; i < 100'000; ++i) passed += may_be_public_suffix("host" + std::to_string(i) + ".example.com") ? 1 : 0;
  EXPECT_LT(passed, 1000);
  for (const char* domain : {"example.com", "example.io", "example.de", "example.fr", "example.net", "example.org"})
    EXPECT_FALSE(may_be_public_suffix(domain)) << domain;
}

TEST(NameHash, DiffersByCaseOnlyWhereItShould) {
  EXPECT_EQ(hash_without_case("AbC-12@[`{"), hash_without_case("aBc-12@[`{"));
  EXPECT_NE(hash_without_case("a["), hash_without_case("A{"));
  EXPECT_NE(hash_of("a"), hash_of("A"));
  const std::string large(100, 'X');
  EXPECT_EQ(hash_without_case(large), hash_of(std::string(100, 'x')));
}

}  // namespace
}  // namespace vpn::lint::test
