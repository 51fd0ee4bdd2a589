// Domain look-ups: the table against a hash set that is probed with each suffix of the host.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "policy/domain_table.h"
#include "tests/bench/bench_domains.h"

namespace {

using vpn::policy::DomainTable;
using vpn::policy::DomainTableBuilder;

const std::vector<std::string>& names(std::size_t count) {
  static std::vector<std::string> cached;
  if (cached.size() != count) cached = vpn::bench::domains(count);
  return cached;
}

std::vector<std::byte> build(const std::vector<std::string>& all) {
  DomainTableBuilder builder;
  builder.reserve(all.size());
  for (const std::string& name : all) builder.add(name, 0, false);
  return std::move(*builder.finish());
}

/// The bytes on a 64-byte border, as in a mapped file.
struct Aligned {
  explicit Aligned(const std::vector<std::byte>& bytes)
      : size(bytes.size()),
        data(static_cast<std::byte*>(std::aligned_alloc(4096, (size + 4095) / 4096 * 4096)), std::free) {
    std::copy(bytes.begin(), bytes.end(), data.get());
  }
  std::span<const std::byte> span() const { return {data.get(), size}; }
  std::size_t size;
  std::unique_ptr<std::byte, void (*)(void*)> data;
};

/// Hosts in one long text, as they are when they arrive from elsewhere: views in random order.
struct Packed {
  explicit Packed(const std::vector<std::string>& hosts) {
    for (const std::string& h : hosts) text += h;
    std::size_t at = 0;
    for (const std::string& h : hosts) {
      views.push_back(std::string_view(text).substr(at, h.size()));
      at += h.size();
    }
  }
  std::string text;
  std::vector<std::string_view> views;
};

constexpr std::size_t probes = 1 << 18;

const Packed& hosts(std::size_t count, int which) {
  static std::size_t cached = 0;
  static std::unique_ptr<Packed> all[3];
  if (cached != count) {
    const vpn::bench::Hosts h = vpn::bench::hosts_for(names(count), probes);
    all[0] = std::make_unique<Packed>(h.listed);
    all[1] = std::make_unique<Packed>(h.below);
    all[2] = std::make_unique<Packed>(h.unlisted);
    cached = count;
  }
  return *all[which];
}

void look_up(benchmark::State& state, int which) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Aligned bytes(build(names(count)));
  const DomainTable table = *DomainTable::open(bytes.span());
  const auto& views = hosts(count, which).views;
  std::size_t i = 0, found = 0;
  for ([[maybe_unused]] auto _ : state) {
    found += table.lookup(views[i]) != 0 ? 1u : 0u;
    i = (i + 1) % probes;
  }
  state.counters["found"] = static_cast<double>(found) / static_cast<double>(state.iterations());
  state.counters["bytes/name"] = static_cast<double>(bytes.size) / static_cast<double>(count);
}
BENCHMARK_CAPTURE(look_up, listed, 0)->Arg(1000)->Arg(1000000);
BENCHMARK_CAPTURE(look_up, below, 1)->Arg(1000)->Arg(1000000);
BENCHMARK_CAPTURE(look_up, unlisted, 2)->Arg(1000)->Arg(1000000);

void look_up_in_hash_set(benchmark::State& state, int which) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::unordered_set<std::string> set(names(count).begin(), names(count).end());
  const auto& views = hosts(count, which).views;
  std::size_t i = 0, found = 0;
  for ([[maybe_unused]] auto _ : state) {
    for (std::string_view host = views[i];;) {
      if (set.find(std::string(host)) != set.end()) {
        ++found;
        break;
      }
      const std::size_t dot = host.find('.');
      if (dot == std::string_view::npos) break;
      host.remove_prefix(dot + 1);
    }
    i = (i + 1) % probes;
  }
  state.counters["found"] = static_cast<double>(found) / static_cast<double>(state.iterations());
}
BENCHMARK_CAPTURE(look_up_in_hash_set, listed, 0)->Arg(1000000);
BENCHMARK_CAPTURE(look_up_in_hash_set, below, 1)->Arg(1000000);
BENCHMARK_CAPTURE(look_up_in_hash_set, unlisted, 2)->Arg(1000000);

void build_table(benchmark::State& state) {
  const auto& all = names(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(build(all));
}
BENCHMARK(build_table)->Arg(1)->Arg(1000)->Arg(10000)->Arg(100000)->Arg(1000000)->Unit(benchmark::kMillisecond);

void open_table(benchmark::State& state) {
  const Aligned bytes(build(names(static_cast<std::size_t>(state.range(0)))));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(DomainTable::open(bytes.span()));
}
BENCHMARK(open_table)->Arg(1000)->Arg(1000000)->Unit(benchmark::kMillisecond);

}  // namespace
