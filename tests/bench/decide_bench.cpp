// decide() on the kinds of policies that devices have, and the cost of specialising a policy for a state.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "policy/decide.h"
#include "policy/kernel_table.h"
#include "tests/bench/bench_domains.h"
#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace {

using namespace vpn::test;
using vpn::bench::Random;
using vpn::policy::Address;
using vpn::policy::DomainClass;
using vpn::policy::Flow;
using vpn::policy::Owner;
using vpn::policy::Policy;
using vpn::policy::Prefix;
using vpn::policy::Role;
using vpn::policy::Service;
using vpn::policy::Situation;

S laptop() {
  S s = on_wifi();
  s.interface("eth0", vpn::policy::InterfaceType::ethernet, {"10.20.0.7/16"});
  s.system_route("10.9.0.0/16").system_route("172.17.0.0/16");
  return s;
}

// --- Policies ---

PolicyMaker always_on() {
  PolicyMaker m;
  m.always_on_tunnel("A#0", 2);
  m.always_on_tunnel("A#1", 1);
  m.services();
  m.service_exception(Service::voicemail, false);
  m.service_exception(Service::airprint, false);
  for (int i = 0; i < 20; ++i) m.app("com.example.app" + std::to_string(i), {Role::mail});
  m.app("com.example.app3").exception_udp = m.source("ApplicationExceptions[0]");
  return m;
}

PolicyMaker include_all() {
  PolicyMaker m;
  m.services();
  made::DeviceT& d = m.device("D");
  d.include_all = d.exclude_local = d.exclude_cellular = d.exclude_apns = d.exclude_device_communication = true;
  for (int i = 0; i < 20; ++i) m.app("com.example.app" + std::to_string(i), {Role::browser});
  return m;
}

PolicyMaker per_app() {
  PolicyMaker m;
  m.services();
  for (const char* id : {"V", "W", "X"}) {
    const std::uint32_t v = m.per_app(id);
    for (int i = 0; i < 10; ++i)
      m.app("com.example.app" + std::to_string(10 * v + static_cast<unsigned>(i)), {Role::mail}).governed.insert(v);
    m.domains(made::ListKind::excluded, v, {"example.com", "*.example.net", "cdn.example.org"});
    m.domains(made::ListKind::mail, v, {"mail.example.com"});
  }
  return m;
}

PolicyMaker routes() {
  PolicyMaker m;
  m.services();
  m.device("D").enforce_routes = true;
  m.device("E");
  for (int i = 0; i < 20; ++i) m.app("com.example.app" + std::to_string(i), {Role::browser});
  return m;
}

S connected() {
  S s = laptop();
  s.up("A#1", "utun0").up("V", "utun1").up("W", "utun2").up("X", "utun3");
  s.up("D", "utun4").includes({"10.0.0.0/8", "203.0.113.0/24"}).excludes({"10.9.0.0/16"});
  s.up("E", "utun5").includes({"0.0.0.0/0", "::/0"});
  return s;
}

// --- Flows ---

constexpr std::size_t flow_count = 1 << 14;

/// Web and lookups, to anywhere and to local networks, by apps of the policy and others; the host name classified.
/// The identifiers are copies in `names`, for a caller has just worked them out.
std::vector<Flow> flows(const Policy& policy, Random& random, std::vector<std::string>& names) {
  static constexpr const char* hosts[] = {"www.example.com", "mail.example.com", "a.b.example.net", "example.edu"};
  std::vector<Flow> out(flow_count);
  names.resize(flow_count);
  for (std::size_t i = 0; i < flow_count; ++i) {
    Flow& f = out[i];
    f.protocol = random.below(4) == 0 ? 17 : 6;
    f.remote_port = random.below(4) == 0 ? 53 : 443;
    f.local_port = 50000;
    f.uid = 1000;
    f.remote = random.below(3) == 0 ? Address::from_v6(0x20010db800000000 | random.below(1 << 20), random.bits())
                                    : Address::from_v4(static_cast<std::uint32_t>(random.bits()));
    if (random.below(8) == 0) f.remote = Address::from_v4(0xc0a80100 | static_cast<std::uint32_t>(random.below(256)));
    if (random.below(4) != 0 && policy.apps().size() != 0) {
      f.owner = Owner::app;
      names[i] = policy.apps().name(static_cast<std::uint32_t>(random.below(policy.apps().size())));
      f.app = names[i];
    }
    f.hostname = hosts[random.below(std::size(hosts))];
    f.domain = policy.domains().lookup(f.hostname);
  }
  return out;
}

void judge(benchmark::State& state, const Policy& policy, const S& device) {
  Random random(11);
  const Situation situation(policy, device);
  std::vector<std::string> names;
  const std::vector<Flow> wanted = flows(policy, random, names);
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(decide(situation, wanted[i]));
    i = (i + 1) % flow_count;
  }
}

void decide_typical(benchmark::State& state, PolicyMaker (*make)()) {
  PolicyMaker maker = make();
  judge(state, maker.make(), connected());
}
BENCHMARK_CAPTURE(decide_typical, always_on, always_on);
BENCHMARK_CAPTURE(decide_typical, include_all, include_all);
BENCHMARK_CAPTURE(decide_typical, per_app, per_app);
BENCHMARK_CAPTURE(decide_typical, routes, routes);

// --- The large one: 1,000,000 routes and 100,000 apps ---

PolicyMaker large_policy() {
  PolicyMaker m = per_app();
  m.device("D").enforce_routes = true;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    MadeApp& app = m.app("com.vendor" + std::to_string(i % 997) + ".app" + std::to_string(i), {Role::mail});
    if (i % 4 == 0) app.governed.insert(i % 3);
  }
  return m;
}

S large_state() {
  S s = laptop();
  s.up("V", "utun1").up("W", "utun2").up("X", "utun3").up("D", "utun4");
  Random random(7);
  for (int i = 0; i < 1'000'000; ++i) {
    const Address a = i % 4 == 0 ? Address::from_v6(0x2001000000000000 | random.below(std::uint64_t{1} << 48), 0)
                                 : Address::from_v4(static_cast<std::uint32_t>(random.bits()));
    const Prefix p = Prefix::of(a, static_cast<std::uint8_t>((a.v6 ? 32 : 16) + random.below(13)));
    (i % 2 == 0 ? s.tunnels.back().included_routes : s.tunnels.back().excluded_routes).push_back(p);
  }
  return s;
}

void decide_large(benchmark::State& state) {
  static const Policy policy = large_policy().make();
  static const S device = large_state();
  judge(state, policy, device);
}
BENCHMARK(decide_large);

// --- Specialising ---

void specialise_typical(benchmark::State& state, PolicyMaker (*make)()) {
  PolicyMaker maker = make();
  const Policy policy = maker.make();
  const S device = connected();
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(Situation(policy, device));
}
BENCHMARK_CAPTURE(specialise_typical, always_on, always_on)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(specialise_typical, include_all, include_all)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(specialise_typical, per_app, per_app)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(specialise_typical, routes, routes)->Unit(benchmark::kMicrosecond);

void specialise_100000_apps(benchmark::State& state) {
  const Policy policy = large_policy().make();
  const S device = connected();
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(Situation(policy, device));
}
BENCHMARK(specialise_100000_apps)->Unit(benchmark::kMicrosecond);

/// The next state of the same policy.
void next_state_100000_apps(benchmark::State& state) {
  const Policy policy = large_policy().make();
  const S device = connected();
  const Situation before(policy, device);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(before.in(device));
}
BENCHMARK(next_state_100000_apps)->Unit(benchmark::kMicrosecond);

// --- The kernel's table ---

void kernel_table(benchmark::State& state, const Policy& policy, const S& device) {
  const vpn::policy::InterfaceIndexes interfaces{{"wlan0", 2}, {"eth0", 3}, {"utun1", 4}, {"utun4", 5}, {"utun5", 6}};
  const Situation situation(policy, device);
  const auto classes = vpn::policy::KernelClasses::of(situation);
  std::size_t words = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto table = build_kernel_table(situation, *classes, interfaces);
    words = table->words.size();
    benchmark::DoNotOptimize(table);
  }
  state.counters["words"] = static_cast<double>(words);
  state.counters["owners"] = classes->owner_count();
  state.counters["marks"] = classes->mark_count();
}

void kernel_table_typical(benchmark::State& state, PolicyMaker (*make)()) {
  PolicyMaker maker = make();
  kernel_table(state, maker.make(), connected());
}
BENCHMARK_CAPTURE(kernel_table_typical, always_on, always_on)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(kernel_table_typical, include_all, include_all)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(kernel_table_typical, per_app, per_app)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(kernel_table_typical, routes, routes)->Unit(benchmark::kMicrosecond);

void kernel_table_large(benchmark::State& state) {
  const Policy policy = large_policy().make();
  kernel_table(state, policy, large_state());
}
BENCHMARK(kernel_table_large)->Unit(benchmark::kMillisecond);

void specialise_large(benchmark::State& state) {
  const Policy policy = large_policy().make();
  const S device = large_state();
  const Situation before(policy, connected());
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(before.in(device));
}
BENCHMARK(specialise_large)->Unit(benchmark::kMillisecond);

void kernel_classes_100000_apps(benchmark::State& state) {
  const Policy policy = large_policy().make();
  const Situation situation(policy, connected());
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(vpn::policy::KernelClasses::of(situation));
}
BENCHMARK(kernel_classes_100000_apps)->Unit(benchmark::kMicrosecond);

}  // namespace
