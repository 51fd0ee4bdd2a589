// Addresses to classes: the table against a binary search over sorted ranges.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "policy/range_table.h"
#include "tests/bench/bench_domains.h"

namespace {

using vpn::policy::Address;
using vpn::policy::Prefix;
using vpn::policy::RangeEntry;
using vpn::policy::RangeTable;

enum Spread { wide, clustered, hosts };

/// Prefixes as in big route lists: /16 to /28 (IPv6 /32 to /64) all over the space; the same in one /8 (one /32);
/// hosts.
Prefix random_prefix(vpn::bench::Random& random, bool v6, Spread spread) {
  if (!v6) {
    auto a = static_cast<std::uint32_t>(random.bits());
    if (spread == clustered) a = 0x0a000000 | (a & 0xffffff);
    return Prefix::of(Address::from_v4(a), static_cast<std::uint8_t>(spread == hosts ? 32 : 16 + random.below(13)));
  }
  std::uint64_t high = random.bits();
  high = spread == clustered ? 0x20010db800000000 | (high & 0xffffffff) : 0x2000000000000000 | (high >> 3);
  return Prefix::of(Address::from_v6(high, random.bits()),
                    static_cast<std::uint8_t>(spread == hosts ? 128 : 32 + random.below(33)));
}

std::vector<RangeEntry> entries(std::size_t count, bool v6, Spread spread) {
  vpn::bench::Random random(7);
  std::vector<RangeEntry> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back({random_prefix(random, v6, spread), static_cast<std::uint16_t>(random.below(2)),
                   static_cast<std::uint8_t>(1 + random.below(2)), 0});
  return out;
}

constexpr std::size_t probes = 1 << 18;

std::vector<Address> addresses(const std::vector<RangeEntry>& list) {
  vpn::bench::Random random(8);
  std::vector<Address> out;
  for (std::size_t i = 0; i < probes; ++i) {
    Address a = list[random.below(list.size())].prefix.base;  // half of them inside a prefix, half anywhere near
    if (a.v6) {
      a.low ^= random.bits();
      if (i % 2 == 0) a.high ^= random.bits() >> 36;
    } else {
      a.low ^= random.bits() >> (i % 2 == 0 ? 36 : 44);
    }
    out.push_back(a);
  }
  return out;
}

void find(benchmark::State& state, bool v6, Spread spread) {
  const auto list = entries(static_cast<std::size_t>(state.range(0)), v6, spread);
  const RangeTable table = RangeTable::build(list, 2);
  const auto wanted = addresses(list);
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(table.find(wanted[i]));
    i = (i + 1) % probes;
  }
}
BENCHMARK_CAPTURE(find, v4_wide, false, wide)->Arg(5)->Arg(50)->Arg(1000)->Arg(1000000);
BENCHMARK_CAPTURE(find, v4_clustered, false, clustered)->Arg(1000000);
BENCHMARK_CAPTURE(find, v4_hosts, false, hosts)->Arg(1000000);
BENCHMARK_CAPTURE(find, v6_wide, true, wide)->Arg(5)->Arg(50)->Arg(1000)->Arg(1000000);
BENCHMARK_CAPTURE(find, v6_clustered, true, clustered)->Arg(1000000);
BENCHMARK_CAPTURE(find, v6_hosts, true, hosts)->Arg(1000000);

/// The peer: the same ranges sorted by their first address, std::upper_bound.
void binary_search(benchmark::State& state) {
  const auto list = entries(static_cast<std::size_t>(state.range(0)), false, wide);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
  for (const RangeEntry& e : list) {
    ranges.emplace_back(e.prefix.first().v4(), 1);
    ranges.emplace_back(e.prefix.last().v4() + 1, 2);
  }
  std::sort(ranges.begin(), ranges.end());
  const auto wanted = addresses(list);
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto next = std::upper_bound(ranges.begin(), ranges.end(), wanted[i].v4(),
                                       [](std::uint32_t a, const auto& range) { return a < range.first; });
    benchmark::DoNotOptimize(next == ranges.begin() ? 0 : next[-1].second);
    i = (i + 1) % probes;
  }
}
BENCHMARK(binary_search)->Arg(1000000);

void build_ranges(benchmark::State& state, bool v6, Spread spread) {
  const auto list = entries(1000000, v6, spread);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(RangeTable::build(list, 2));
}
BENCHMARK_CAPTURE(build_ranges, v4_wide, false, wide)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_ranges, v6_wide, true, wide)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_ranges, v6_hosts, true, hosts)->Unit(benchmark::kMillisecond);

}  // namespace
