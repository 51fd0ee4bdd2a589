// Normalising names: the ones that are normalised already, and those that are not.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "policy/domain_table.h"
#include "tests/bench/bench_domains.h"

namespace {

void normalise(benchmark::State& state, const std::vector<std::string>& names) {
  std::string storage;
  std::string_view out;
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(vpn::policy::normalise_name(names[i], storage, out));
    benchmark::DoNotOptimize(out.data());
    if (++i == names.size()) i = 0;
  }
}

void normalise_plain(benchmark::State& state) { normalise(state, vpn::bench::domains(100000)); }
BENCHMARK(normalise_plain);

void normalise_capitals(benchmark::State& state) {
  auto names = vpn::bench::domains(100000);
  for (std::string& name : names) name[0] = static_cast<char>(name[0] - 32);
  normalise(state, names);
}
BENCHMARK(normalise_capitals);

void normalise_u_labels(benchmark::State& state) {
  normalise(state, {"b\u00fccher.example", "stra\u00dfe.example.com"});
}
BENCHMARK(normalise_u_labels);

void public_suffix(benchmark::State& state) {
  const auto names = vpn::bench::domains(100000);
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(vpn::policy::is_public_suffix(names[i]));
    if (++i == names.size()) i = 0;
  }
}
BENCHMARK(public_suffix);

}  // namespace
