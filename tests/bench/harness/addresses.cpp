#include "tests/bench/harness/addresses.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "agent/datapath/datapath.h"
#include "agent/datapath/kernel_map.h"
#include "policy/kernel_table.h"
#include "tests/bench/harness/made.h"
#include "tests/bench/harness/profiles.h"
#include "tests/bench/harness/timing.h"

namespace vpn::bench {
namespace {

constexpr std::size_t rounds = 5;

struct TrieKey {
  std::uint32_t length;
  std::uint32_t address;
};

/// Seconds for a trie of the same prefixes, in one batch.
std::optional<double> trie(const policy::DeviceState& state) {
  std::vector<TrieKey> keys;
  for (const auto* list : {&state.tunnels[0].included_routes, &state.tunnels[0].excluded_routes})
    for (const policy::Prefix& p : *list) keys.push_back({p.length, htonl(p.base.v4())});
  const std::vector<std::uint32_t> values(keys.size(), 1);
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = BPF_F_NO_PREALLOC;
  auto count = static_cast<std::uint32_t>(keys.size());
  const agent::Descriptor map(
      ::bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "bench_trie", sizeof(TrieKey), sizeof(std::uint32_t), count, &options));
  int done = -1;
  const double seconds =
      seconds_each(1, [&] { done = ::bpf_map_update_batch(map.get(), keys.data(), values.data(), &count, nullptr); });
  return done == 0 ? std::optional(seconds) : std::nullopt;
}

int refused(const Error& error) {
  std::fprintf(stderr, "%s: %s\n", error.where.c_str(), error.what.c_str());
  return 1;
}

}  // namespace

int addresses(char** argv) {
  agent::Options options;
  options.bpf_dir = argv[0];
  options.cgroup = argv[1];
  const auto made = compile_profile(apps_and_routes(1));
  if (!made) return refused(made.error());
  const auto policy = policy::Policy::from_bytes(std::span<const std::byte>(made->policy.data(), made->policy.size()));
  if (!policy) return refused(policy.error());
  const auto state = state_with("5D2A77C0-9B1E-4F0A-8C11-000000000003", std::strtoul(argv[2], nullptr, 10));
  const auto classes = policy::KernelClasses::of(policy::Situation(*policy, {}));
  if (!classes) return refused(classes.error());
  auto datapath = agent::Datapath::open(options);
  if (!datapath) return refused(datapath.error());
  std::vector<double> all, words;
  double mib = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    std::optional<Error> fault;
    all.push_back(seconds_each(1, [&] {
      const policy::Situation situation(*policy, state);
      const auto table = build_kernel_table(situation, *classes, {{"wlan0", 1}, {"utun0", 2}});
      if (!table) {
        fault = table.error();
        return;
      }
      mib = static_cast<double>(table->words.size() * sizeof(std::uint64_t)) / (1 << 20);
      agent::Publication p;
      p.fresh = p.stale = table->words;
      p.pairs = classes->pairs();
      p.spawners = classes->spawners();
      words.push_back(seconds_each(1, [&] {
        if (auto published = datapath->publish(p); !published) fault = published.error();
      }));
    }));
    if (fault) return refused(*fault);
  }
  const auto other = trie(state);  // once: it takes seconds
  if (!other) return refused({ErrorKind::environment, "the kernel takes no such trie", {}, {}});
  if (auto removed = datapath->remove_guard(); !removed) return refused(removed.error());
  std::printf("%.6g %.6g %.6g %.6g\n", median(all) * 1e3, median(words) * 1e3, mib, *other * 1e3);
  return 0;
}

}  // namespace vpn::bench
