// The fewest prefixes: against a search of all ways, and longest match over the result.
#include "agent/datapath/route_cover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/unit/policy/random.h"

namespace vpn::test {
namespace {

using agent::any_choice;
using agent::cover;
using agent::RouteSegment;
using policy::Address;
using policy::Prefix;

constexpr unsigned bits = 5;  // of the part of an address that a test varies
constexpr std::uint8_t choices = 3;

/// Sixty-four addresses' choices as segments: the others of the family have that of the last.
std::vector<RouteSegment> segments(const std::vector<std::uint8_t>& all, bool v6) {
  std::vector<RouteSegment> out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!out.empty() && out.back().choice == all[i]) continue;
    const std::uint64_t top = std::uint64_t{i} << (v6 ? 64 - bits : 32 - bits);
    out.push_back({v6 ? Address::from_v6(top, 0) : Address::from_v4(static_cast<std::uint32_t>(top)), all[i]});
  }
  return out;
}

/// How few prefixes will do, by trying everything.
std::size_t fewest(const std::vector<std::uint8_t>& all, std::size_t begin, std::size_t end, std::uint8_t inherited) {
  const auto inside = [&](std::uint8_t from_above) -> std::size_t {
    if (end - begin == 1) return all[begin] == any_choice || all[begin] == from_above ? 0 : 1'000;
    const std::size_t middle = (begin + end) / 2;
    return fewest(all, begin, middle, from_above) + fewest(all, middle, end, from_above);
  };
  std::size_t best = inside(inherited);
  for (std::uint8_t c = 0; c < choices; ++c)
    if (c != inherited) best = std::min(best, 1 + inside(c));
  return best;
}

TEST(RouteCover, IsRightAndAsSmallAsCanBe) {
  Random random;
  for (int round = 0; round < 200; ++round) {
    const bool v6 = random.chance(50);
    std::vector<std::uint8_t> all(1u << bits);
    const auto next = [&] { return random.chance(15) ? any_choice : static_cast<std::uint8_t>(random.below(choices)); };
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i == 0 || random.chance(50) ? next() : all[i - 1];
    const auto otherwise = static_cast<std::uint8_t>(random.below(choices));
    const auto routes = cover(segments(all, v6), otherwise);
    EXPECT_EQ(routes.size(), fewest(all, 0, all.size(), otherwise));
    EXPECT_TRUE(std::is_sorted(routes.begin(), routes.end()));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::uint64_t top = std::uint64_t{i} << (v6 ? 64 - bits : 32 - bits);
      const Address a = v6 ? Address::from_v6(top, random.bits())
                           : Address::from_v4(static_cast<std::uint32_t>(top | random.below(1u << (32 - bits))));
      std::uint8_t got = otherwise;
      int longest = -1;
      for (const auto& [prefix, choice] : routes)
        if (prefix.contains(a) && prefix.length > longest) longest = prefix.length, got = choice;
      EXPECT_TRUE(all[i] == any_choice || got == all[i]) << a.to_string();
    }
  }
}

TEST(RouteCover, ReachesSingleAddressesAndTheEndsOfBothFamilies) {
  const auto hosts = cover(std::vector<RouteSegment>{{Address::from_v6(0, 0), 1},
                                                     {Address::from_v6(0, 7), 2},
                                                     {Address::from_v6(0, 8), 1},
                                                     {Address::from_v6(~0ull, ~0ull), 2}},
                           0);
  std::vector<std::string> texts;
  for (const auto& [prefix, choice] : hosts) texts.push_back(prefix.to_string() + " " + std::to_string(choice));
  EXPECT_EQ(texts, (std::vector<std::string>{"::/0 1", "::7/128 2", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 2"}));
  EXPECT_TRUE(cover(std::vector<RouteSegment>{{Address::from_v4(0), 0}}, 0).empty());
}

}  // namespace
}  // namespace vpn::test
