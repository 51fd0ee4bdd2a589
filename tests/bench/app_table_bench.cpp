// Identifiers of apps to their index.
#include <benchmark/benchmark.h>

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/app_table.h"
#include "tests/bench/bench_domains.h"

namespace {

std::vector<std::string> identifiers(std::size_t count) {
  std::set<std::string> names;  // reversed domain names: com.example.www
  for (const std::string& domain : vpn::bench::domains(count)) {
    std::string name;
    for (std::size_t end = domain.size(); end != std::string::npos;) {
      const std::size_t dot = end == 0 ? std::string::npos : domain.rfind('.', end - 1);
      const std::size_t begin = dot == std::string::npos ? 0 : dot + 1;
      name += (name.empty() ? "" : ".") + domain.substr(begin, end - begin);
      end = dot;
    }
    names.insert(name);
  }
  return {names.begin(), names.end()};
}

std::vector<std::byte> build(const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  return std::move(*vpn::policy::build_app_table(views));
}

constexpr std::size_t probes = 1 << 16;

std::vector<std::string> probe_names(const std::vector<std::string>& names, bool listed) {
  vpn::bench::Random random(3);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < probes; ++i) out.push_back(names[random.below(names.size())] + (listed ? "" : ".x"));
  return out;
}

void find(benchmark::State& state, bool listed) {
  const auto names = identifiers(static_cast<std::size_t>(state.range(0)));
  const auto bytes = build(names);
  const auto table = *vpn::policy::AppTable::open(bytes);
  const auto wanted = probe_names(names, listed);
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(table.find(wanted[i]));
    i = (i + 1) % probes;
  }
  state.counters["bytes/app"] = static_cast<double>(bytes.size()) / static_cast<double>(names.size());
}
BENCHMARK_CAPTURE(find, listed, true)->Arg(10)->Arg(1000)->Arg(100000);
BENCHMARK_CAPTURE(find, unlisted, false)->Arg(10)->Arg(1000)->Arg(100000);

void find_in_unordered_map(benchmark::State& state) {
  const auto names = identifiers(static_cast<std::size_t>(state.range(0)));
  std::unordered_map<std::string_view, std::uint32_t> map;
  for (std::uint32_t i = 0; i < names.size(); ++i) map.emplace(names[i], i);
  const auto wanted = probe_names(names, true);
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(map.find(wanted[i]));
    i = (i + 1) % probes;
  }
}
BENCHMARK(find_in_unordered_map)->Arg(100000);

void build_apps(benchmark::State& state) {
  const auto names = identifiers(100000);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(build(names));
}
BENCHMARK(build_apps)->Unit(benchmark::kMillisecond);

void open_apps(benchmark::State& state) {
  const auto bytes = build(identifiers(100000));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(vpn::policy::AppTable::open(bytes));
}
BENCHMARK(open_apps)->Unit(benchmark::kMillisecond);

}  // namespace
