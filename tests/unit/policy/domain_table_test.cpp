#include "policy/domain_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/policy/random.h"

namespace vpn::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Add {
  std::string name;
  std::uint32_t list = 0;
  bool below_only = false;
};

Result<std::vector<std::byte>> build(const std::vector<Add>& adds) {
  DomainTableBuilder builder;
  builder.reserve(adds.size());
  for (const Add& a : adds) builder.add(a.name, a.list, a.below_only);
  return builder.finish();
}

/// A table with the bytes behind it.
struct Table {
  explicit Table(const std::vector<Add>& adds) {
    auto built = build(adds);
    EXPECT_TRUE(built) << built.error().what;
    bytes = std::move(*built);
    auto opened = DomainTable::open(bytes);
    EXPECT_TRUE(opened) << opened.error().what;
    view = *opened;
  }
  std::vector<std::uint32_t> lists(std::string_view host) const {
    const auto found = view.lists(view.lookup(host));
    return {found.begin(), found.end()};
  }
  std::vector<std::byte> bytes;
  DomainTable view;
};

/// "Domain match", said directly.
std::vector<std::uint32_t> naive(const std::vector<Add>& adds, std::string_view host) {
  std::set<std::uint32_t> lists;
  for (const Add& a : adds) {
    const bool itself = host == a.name;
    const bool below = host.size() > a.name.size() && host.substr(host.size() - a.name.size()) == a.name &&
                       host[host.size() - a.name.size() - 1] == '.';
    if (below || (itself && !a.below_only)) lists.insert(a.list);
  }
  return {lists.begin(), lists.end()};
}

TEST(DomainTable, EmptyTablesMatchNothing) {
  const DomainTable none;
  EXPECT_EQ(none.lookup("example.com"), 0u);
  EXPECT_EQ(none.size(), 0u);
  EXPECT_EQ(none.class_count(), 1u);
  EXPECT_THAT(none.lists(0), IsEmpty());
  none.for_each([](auto, auto, auto) { FAIL(); });
  const auto built = build({});
  ASSERT_TRUE(built);
  EXPECT_THAT(*built, IsEmpty());
}

TEST(DomainTable, NamesHoldForThemselvesAndBelow) {
  const Table t({{"example.com", 3}});
  EXPECT_THAT(t.lists("example.com"), ElementsAre(3));
  EXPECT_THAT(t.lists("www.example.com"), ElementsAre(3));
  EXPECT_THAT(t.lists("a.b.c.example.com"), ElementsAre(3));
  for (const char* host : {"badexample.com", "com", "example.org", "xample.com", "e.com", "", ".",
                           "example.com.evil.org", "bad-example.com", "example.comm", "_example.com"})
    EXPECT_THAT(t.lists(host), IsEmpty()) << host;
}

TEST(DomainTable, WildcardsHoldOnlyBelow) {
  const Table t({{"example.com", 3, true}});
  EXPECT_THAT(t.lists("example.com"), IsEmpty());
  EXPECT_THAT(t.lists("www.example.com"), ElementsAre(3));
  EXPECT_THAT(t.lists("badexample.com"), IsEmpty());
}

TEST(DomainTable, AClassIsTheUnionOverAllEntriesThatHold) {
  const Table t({{"example.com", 1},
                 {"b.example.com", 2, true},
                 {"a.b.example.com", 3},
                 {"a.b.example.com", 1},
                 {"com", 9, true},
                 {"a-b.example.com", 4}});
  EXPECT_THAT(t.lists("example.com"), ElementsAre(1, 9));
  EXPECT_THAT(t.lists("b.example.com"), ElementsAre(1, 9));
  EXPECT_THAT(t.lists("c.b.example.com"), ElementsAre(1, 2, 9));
  EXPECT_THAT(t.lists("a.b.example.com"), ElementsAre(1, 2, 3, 9));
  EXPECT_THAT(t.lists("x.a.b.example.com"), ElementsAre(1, 2, 3, 9));
  EXPECT_THAT(t.lists("a-b.example.com"), ElementsAre(1, 4, 9));
  EXPECT_THAT(t.lists("other.com"), ElementsAre(9));
  EXPECT_THAT(t.lists("com"), IsEmpty());
}

TEST(DomainTable, NamesWithTheSameMembershipsShareAClass) {
  std::vector<Add> adds;
  for (int i = 0; i < 1000; ++i) adds.push_back({"host" + std::to_string(i) + ".example.net", 7});
  const Table t(adds);
  EXPECT_EQ(t.view.class_count(), 2u);
  EXPECT_EQ(t.view.lookup("host1.example.net"), t.view.lookup("x.host999.example.net"));
}

TEST(DomainTable, VisitsEveryEntryWithItsOwnLists) {
  const Table t({{"b.com", 1},
                 {"a.b.com", 2, true},
                 {"a.b.com", 5},
                 {"a.b.com", 5},
                 {"a.com", 3},
                 {"a.com", 1},
                 {"com", 4, true}});
  std::vector<std::string> seen;
  const auto text = [](std::span<const std::uint32_t> lists) {
    std::string out;
    for (const std::uint32_t l : lists) out += ' ' + std::to_string(l);
    return out;
  };
  t.view.for_each([&](std::string_view name, auto whole, auto below) {
    seen.push_back(std::string(name) + text(whole) + " *" + text(below));
  });
  EXPECT_THAT(seen, ElementsAre("com * 4", "a.com 1 3 *", "b.com 1 *", "a.b.com 5 * 2"));
  EXPECT_EQ(t.view.size(), 4u);
}

TEST(DomainTable, LongestNamesAndOddOnes) {
  const std::string label(63, 'a');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
  ASSERT_EQ(longest.size(), 253u);
  std::string deep = "a";
  while (deep.size() < 253) deep += ".a";
  std::vector<Add> adds{{longest, 1},
                        {deep, 2},
                        {longest.substr(1), 3},
                        {"x" + longest.substr(1), 4},
                        {"_sip._tcp.example.com", 5},
                        {"xn--bcher-kva.example", 6}};
  for (int i = 0; i < 20; ++i) adds.push_back({std::string(100 + static_cast<unsigned>(i), 'z') + ".long.example", 8});
  const Table t(adds);
  for (const Add& a : adds) EXPECT_EQ(t.lists(a.name), naive(adds, a.name)) << a.name;
  EXPECT_THAT(t.lists("b." + longest), IsEmpty());  // no host is that long
  EXPECT_THAT(t.lists(deep.substr(2)), IsEmpty());
  EXPECT_EQ(t.view.size(), adds.size());
}

TEST(DomainTable, LimitsAreErrors) {
  EXPECT_FALSE(build({{"", 0}}));
  EXPECT_FALSE(build({{std::string(254, 'a'), 0}}));
  EXPECT_FALSE(build({{"example.com", 65535}}));
  EXPECT_TRUE(build({{"example.com", 65534}}));
  // Memberships multiply down the tree: 10,000 lists on an ancestor, each of 5,000 names below it in one more.
  std::vector<Add> adds;
  for (std::uint32_t i = 0; i < 10000; ++i) adds.push_back({"example.com", i});
  for (std::uint32_t i = 0; i < 5000; ++i) adds.push_back({"h" + std::to_string(i) + ".example.com", 20000 + i});
  const auto built = build(adds);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::invalid_input);
}

TEST(DomainTable, BuilderIsEmptyAfterwards) {
  DomainTableBuilder builder;
  builder.add("example.com", 70000, false);
  EXPECT_FALSE(builder.finish());
  EXPECT_THAT(*builder.finish(), IsEmpty());
  builder.add("example.com", 1, false);
  EXPECT_EQ(*builder.finish(), *build({{"example.com", 1}}));
}

std::string random_name(test::Random& random, unsigned alphabet, const std::vector<Add>& others) {
  std::string name;
  if (!others.empty() && random.chance(60)) {
    name = random.pick(others).name;
    if (random.chance(30)) {
      const auto dot = name.find('.');
      if (dot != std::string::npos) return name.substr(dot + 1);
    }
    if (name.size() > 200) name = "a";
    name = (random.chance(80) ? "." : "") + name;
  }
  std::string label;
  for (std::uint64_t n = 1 + random.below(random.chance(5) ? 60 : 4); n > 0; --n)
    label += random.pick(std::string("abc-z_09mxyw").substr(0, alphabet));
  if (label.front() == '-') label.front() = 'a';
  if (label.back() == '-') label.back() = 'a';
  name = label + name;
  const auto dot = name.find('.');
  return (dot == std::string::npos ? name.size() : dot) <= 63 && name.size() <= 253 ? name : "a";
}

struct Shape {
  const char* name;
  unsigned adds, alphabet, lists;
};

class DomainTableAgainstNaive : public ::testing::TestWithParam<Shape> {};

TEST_P(DomainTableAgainstNaive, LookUpsVisitsAndBytes) {
  const Shape shape = GetParam();
  test::Random random;
  std::vector<Add> adds;
  for (unsigned i = 0; i < shape.adds; ++i)
    adds.push_back({random_name(random, shape.alphabet, adds), static_cast<std::uint32_t>(random.below(shape.lists)),
                    random.chance(30)});
  const Table table(adds);

  for (unsigned i = 0; i < 2000; ++i) {
    std::string host = random.chance(50) ? random.pick(adds).name : random_name(random, shape.alphabet, adds);
    if (random.chance(30) && host.size() < 250) host = "q." + host;
    ASSERT_EQ(table.lists(host), naive(adds, host)) << host;
  }

  std::map<std::string, std::pair<std::set<std::uint32_t>, std::set<std::uint32_t>>> expected;
  for (const Add& a : adds) (a.below_only ? expected[a.name].second : expected[a.name].first).insert(a.list);
  EXPECT_EQ(table.view.size(), expected.size());
  std::string before;
  table.view.for_each([&](std::string_view name, auto whole, auto below) {
    const auto it = expected.find(std::string(name));
    ASSERT_NE(it, expected.end()) << name;
    EXPECT_EQ(std::set<std::uint32_t>(whole.begin(), whole.end()), it->second.first) << name;
    EXPECT_EQ(std::set<std::uint32_t>(below.begin(), below.end()), it->second.second) << name;
    const std::string reversed(name.rbegin(), name.rend());
    EXPECT_LT(before, reversed);
    before = reversed;
    expected.erase(it);
  });
  EXPECT_TRUE(expected.empty());

  for (std::size_t i = adds.size(); i > 1; --i) std::swap(adds[i - 1], adds[random.below(i)]);
  EXPECT_EQ(*build(adds), table.bytes);
}

INSTANTIATE_TEST_SUITE_P(Shapes, DomainTableAgainstNaive,
                         ::testing::Values(Shape{"one", 1, 3, 1}, Shape{"few", 40, 3, 2}, Shape{"dense", 1500, 4, 3},
                                           Shape{"wide", 4000, 12, 1}, Shape{"lists", 2000, 12, 300},
                                           Shape{"kinds", 4000, 8, 20000}),
                         [](const auto& shape) { return shape.param.name; });

}  // namespace
}  // namespace vpn::policy
