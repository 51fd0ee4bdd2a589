#include "policy/range_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/unit/policy/random.h"

namespace vpn::policy {
namespace {

RangeEntry entry(std::string_view prefix, std::uint16_t dimension, std::uint8_t value, std::uint8_t priority = 0) {
  const auto p = Prefix::parse(prefix);
  EXPECT_TRUE(p) << prefix;
  return {p.value_or(Prefix{}), dimension, value, priority};
}

std::uint8_t value(const RangeTable& table, std::string_view address, std::uint16_t dimension) {
  const auto a = Address::parse(address);
  EXPECT_TRUE(a) << address;
  return table.value(table.find(*a), dimension);
}

TEST(RangeTable, EmptyTablesHaveOneClass) {
  const RangeTable none;
  EXPECT_EQ(none.find(Address::from_v4(7)), 0u);
  EXPECT_EQ(none.find(Address::from_v6(7, 7)), 0u);
  EXPECT_EQ(none.class_count(), 1u);
  const RangeTable built = RangeTable::build({}, 3);
  EXPECT_EQ(built.dimensions(), 3);
  EXPECT_EQ(value(built, "::1", 2), 0);
}

// S6.b and the article's example: the longer prefix decides.
TEST(RangeTable, LongestMatchDecidesInEachDimension) {
  const std::vector<RangeEntry> entries{entry("10.0.0.0/8", 0, 1), entry("10.10.0.0/16", 0, 2),
                                        entry("10.10.1.0/24", 1, 5), entry("0.0.0.0/0", 1, 9)};
  const RangeTable table = RangeTable::build(entries, 2);
  EXPECT_EQ(value(table, "10.9.255.255", 0), 1);
  EXPECT_EQ(value(table, "10.10.0.0", 0), 2);
  EXPECT_EQ(value(table, "10.10.1.7", 0), 2);
  EXPECT_EQ(value(table, "10.10.1.7", 1), 5);
  EXPECT_EQ(value(table, "10.11.0.0", 0), 1);
  EXPECT_EQ(value(table, "11.0.0.0", 0), 0);
  EXPECT_EQ(value(table, "255.255.255.255", 1), 9);
  EXPECT_EQ(value(table, "::ffff:10.0.0.1", 0), 0);  // unwrapped by the caller
  EXPECT_EQ(table.class_count(), 5u);                // nothing at all is class 0 and is there for IPv6
}

TEST(RangeTable, LowerPriorityNumberWinsOnEqualPrefixes) {
  const std::vector<RangeEntry> entries{entry("10.0.0.0/8", 0, 2, 1), entry("10.0.0.0/8", 0, 7, 0),
                                        entry("10.0.0.0/8", 0, 1, 3), entry("fc00::/7", 0, 4, 2),
                                        entry("fc00::/7", 0, 3, 2)};
  const RangeTable table = RangeTable::build(entries, 1);
  EXPECT_EQ(value(table, "10.1.2.3", 0), 7);
  EXPECT_EQ(value(table, "fd00::1", 0), 3);
}

TEST(RangeTable, EdgesOfTheAddressSpace) {
  const std::vector<RangeEntry> entries{entry("255.255.255.255", 0, 1),
                                        entry("0.0.0.0", 0, 2),
                                        entry("::", 0, 3),
                                        entry("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, 4),
                                        entry("ffff:ffff:ffff:ffff::/64", 0, 5),
                                        entry("8000::/1", 0, 6)};
  const RangeTable table = RangeTable::build(entries, 1);
  EXPECT_EQ(value(table, "255.255.255.255", 0), 1);
  EXPECT_EQ(value(table, "255.255.255.254", 0), 0);
  EXPECT_EQ(value(table, "0.0.0.0", 0), 2);
  EXPECT_EQ(value(table, "0.0.0.1", 0), 0);
  EXPECT_EQ(value(table, "::", 0), 3);
  EXPECT_EQ(value(table, "::1", 0), 0);
  EXPECT_EQ(value(table, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0), 4);
  EXPECT_EQ(value(table, "ffff:ffff:ffff:ffff::", 0), 5);
  EXPECT_EQ(value(table, "ffff:ffff:ffff:fffe:ffff:ffff:ffff:ffff", 0), 6);
  EXPECT_EQ(value(table, "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0), 0);
}

TEST(RangeTable, EntriesBeyondTheDimensionsAreLeftOut) {
  const std::vector<RangeEntry> entries{entry("10.0.0.0/8", 1, 1), entry("10.0.0.0/8", 0, 2)};
  const RangeTable table = RangeTable::build(entries, 1);
  EXPECT_EQ(value(table, "10.0.0.1", 0), 2);
  EXPECT_EQ(table.class_count(), 2u);
}

/// Longest match, said directly.
std::uint8_t naive(const std::vector<RangeEntry>& entries, const Address& a, std::uint16_t dimension) {
  const RangeEntry* best = nullptr;
  const auto rank = [](const RangeEntry& e) { return std::tuple(-int{e.prefix.length}, e.priority, e.value); };
  for (const RangeEntry& e : entries) {
    if (e.dimension == dimension && e.prefix.contains(a) && (best == nullptr || rank(e) < rank(*best))) best = &e;
  }
  return best == nullptr ? 0 : best->value;
}

struct Shape {
  const char* name;
  unsigned entries;
  unsigned dimensions;
  std::uint64_t high_mask, low_mask;  // bits of the address that vary
  unsigned shortest;                  // prefix lengths from here
};

class RangeTableAgainstNaive : public ::testing::TestWithParam<Shape> {
 public:
  static Address around(test::Random& random, const Shape& s) {
    if (random.chance(50))
      return Address::from_v4(0x0a000000 | (static_cast<std::uint32_t>(random.bits() & s.low_mask)));
    return Address::from_v6(0x20010db800000000 | (random.bits() & s.high_mask), random.bits() & s.low_mask);
  }
};

TEST_P(RangeTableAgainstNaive, EveryAddressHasItsTupleAndClassesAreDistinct) {
  const Shape s = GetParam();
  test::Random random;
  std::vector<RangeEntry> entries;
  for (unsigned i = 0; i < s.entries; ++i) {
    const Address a = around(random, s);
    const unsigned width = a.v6 ? 128 : 32;
    const unsigned shortest = a.v6 ? s.shortest * 4 : s.shortest;
    const auto length = static_cast<std::uint8_t>(shortest + random.below(width - shortest + 1));
    entries.push_back({Prefix::of(a, length), static_cast<std::uint16_t>(random.below(s.dimensions)),
                       static_cast<std::uint8_t>(1 + random.below(3)), static_cast<std::uint8_t>(random.below(3))});
  }
  const RangeTable table = RangeTable::build(entries, static_cast<std::uint16_t>(s.dimensions));
  for (unsigned i = 0; i < 3000; ++i) {
    Address a = random.chance(30) ? around(random, s) : random.pick(entries).prefix.first();
    if (random.chance(30)) a = random.pick(entries).prefix.last();
    if (random.chance(30)) a.low += a.v6 || a.v4() != 0xffffffff;
    if (random.chance(30)) a.low -= a.v6 || a.v4() != 0;
    const std::uint32_t cls = table.find(a);
    ASSERT_LT(cls, table.class_count());
    for (std::uint16_t d = 0; d < s.dimensions; ++d)
      ASSERT_EQ(table.value(cls, d), naive(entries, a, d)) << a.to_string();
  }
  for (const bool v6 : {false, true}) {
    std::vector<std::pair<Address, std::uint32_t>> ranges;
    table.for_each_range(v6, [&](const Address& first, std::uint32_t cls) { ranges.emplace_back(first, cls); });
    ASSERT_FALSE(ranges.empty());
    EXPECT_LE(ranges.size(), table.range_count(v6));
    EXPECT_EQ(ranges[0].first, (Address{0, 0, v6}));
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const auto& [first, cls] = ranges[i];
      ASSERT_EQ(table.find(first), cls);
      if (i == 0) continue;
      ASSERT_LT(ranges[i - 1].first, first);
      ASSERT_NE(ranges[i - 1].second, cls);
      const Address last = v6 ? Address::from_v6(first.low == 0 ? first.high - 1 : first.high, first.low - 1)
                              : Address::from_v4(first.v4() - 1);
      ASSERT_EQ(table.find(last), ranges[i - 1].second) << last.to_string();
    }
  }
  std::set<std::vector<std::uint8_t>> tuples;
  for (std::uint32_t c = 0; c < table.class_count(); ++c) {
    std::vector<std::uint8_t> tuple;
    for (std::uint16_t d = 0; d < s.dimensions; ++d) tuple.push_back(table.value(c, d));
    EXPECT_TRUE(tuples.insert(tuple).second) << "class " << c;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RangeTableAgainstNaive,
                         ::testing::Values(Shape{"few", 5, 2, ~0ull, ~0ull, 0},             //
                                           Shape{"nested", 300, 3, 0, 0xff, 0},             //
                                           Shape{"wide", 2000, 3, ~0ull, ~0ull, 8},         //
                                           Shape{"clustered", 3000, 2, 0xffff, 0xfff, 16},  //
                                           Shape{"one64", 3000, 2, 0, ~0ull, 12},           //
                                           Shape{"hosts", 3000, 1, 0x3, 0xffff, 32}),       //
                         [](const auto& shape) { return shape.param.name; });

}  // namespace
}  // namespace vpn::policy
