// "The policy": domains, address ranges, opening, deciding.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <unordered_set>

#include "policy/decide.h"
#include "policy/domain_table.h"
#include "policy/range_table.h"
#include "tests/bench/bench_domains.h"
#include "tests/bench/harness/made.h"
#include "tests/bench/harness/process.h"
#include "tests/bench/harness/profiles.h"
#include "tests/bench/harness/suites.h"
#include "tests/bench/harness/timing.h"

namespace vpn::bench {
namespace {

constexpr double nano = 1e9, milli = 1e3;

// --- Domains --------------------------------------------------------------------------------------------------------

bool probe_suffixes(const std::unordered_set<std::string>& names, std::string_view host) {
  for (;;) {
    if (names.find(std::string(host)) != names.end()) return true;
    const auto dot = host.find('.');
    if (dot == std::string_view::npos) return false;
    host.remove_prefix(dot + 1);
  }
}

/// Names to look up, one behind the other: who asks has the name at hand, and waits for the table only.
class Hosts {
 public:
  void add(const std::string& name) {
    text_ += name;
    ends_.push_back(text_.size());
  }
  std::size_t size() const { return ends_.size(); }
  template <class Visit>
  void each(Visit visit) const {
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      visit(std::string_view(text_).substr(begin, end - begin));
      begin = end;
    }
  }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

void look_up(const char* what, const policy::DomainTable& table, const std::unordered_set<std::string>& names,
             const Hosts& hosts, std::size_t rounds, Rows& rows) {
  std::size_t ours_hits = 0, peer_hits = 0;
  const Pair pair = interleaved(
      rounds, 1, [&] { hosts.each([&](std::string_view h) { ours_hits += table.lookup(h) != 0; }); },
      [&] { hosts.each([&](std::string_view h) { peer_hits += probe_suffixes(names, h); }); });
  if (ours_hits != peer_hits) {
    std::fprintf(stderr, "error: %s: %zu matches, the peer finds %zu\n", what, ours_hits, peer_hits);
    return;
  }
  const double each = nano / static_cast<double>(hosts.size());
  rows.add({std::string("1,000,000 domains: look-up, ") + what, "ns", pair.ours * each, pair.peer * each,
            "unordered_set<string>, each suffix", Bound::ours_at_most, 300});
}

void domain_rows(const Setup& setup, Rows& rows) {
  const std::size_t count = setup.quick ? 20000 : 1000000, probes = setup.quick ? 10000 : 1000000;
  const std::vector<std::string> names = domains(count);
  policy::DomainTableBuilder builder;
  for (const std::string& n : names) builder.add(n, 0, false);
  const auto built = builder.finish();
  if (!built) return;
  const std::vector<std::byte>& bytes = *built;
  const auto table = policy::DomainTable::open(bytes);
  if (!table) {
    std::fprintf(stderr, "error: %s\n", table.error().what.c_str());
    return;
  }
  rows.add({"1,000,000 domains: bytes of each in the policy", "bytes",
            static_cast<double>(bytes.size()) / static_cast<double>(table->size()), 118,
            "unordered_set<string>, as measured before", Bound::ours_at_most, 14});
  const std::unordered_set<std::string> set(names.begin(), names.end());
  std::mt19937 random(7);
  Hosts hits, misses;
  for (std::size_t i = 0; i < probes; ++i) {
    const std::string& n = names[random() % names.size()];
    hits.add(random() % 2 == 0 ? n : "host" + std::to_string(random() % 100) + "." + n);
    misses.add("www." + n.substr(0, n.find('.')) + "x.example");
  }
  const std::size_t rounds = setup.quick ? 3 : 7;
  look_up("hit", *table, set, hits, rounds, rows);
  look_up("miss", *table, set, misses, rounds, rows);
}

// --- Addresses ------------------------------------------------------------------------------------------------------

void ranges(const Setup& setup, Rows& rows) {
  const std::size_t count = setup.quick ? 20000 : 1000000;
  std::mt19937 random(11);
  std::vector<policy::RangeEntry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t length = static_cast<std::uint8_t>(16 + random() % 17);
    entries.push_back({policy::Prefix::of(policy::Address::from_v4(static_cast<std::uint32_t>(random())), length), 0,
                       static_cast<std::uint8_t>(1 + i % 3), 0});
  }
  const policy::RangeTable table = policy::RangeTable::build(entries, 1);
  std::vector<std::uint32_t> starts;
  for (const auto& e : entries) {
    starts.push_back(e.prefix.first().v4());
    starts.push_back(e.prefix.last().v4() + 1);
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::vector<std::uint32_t> probes(setup.quick ? 10000 : 1000000);
  for (auto& p : probes) p = static_cast<std::uint32_t>(random());
  std::uint64_t sum = 0;
  const Pair pair = interleaved(
      setup.quick ? 3 : 7, 1,
      [&] {
        for (const auto p : probes) sum += table.find(policy::Address::from_v4(p));
      },
      [&] {
        for (const auto p : probes)
          sum += static_cast<std::uint64_t>(std::upper_bound(starts.begin(), starts.end(), p) - starts.begin());
      });
  keep(sum);
  const double each = nano / static_cast<double>(probes.size());
  rows.add({"1,000,000 prefixes: look-up", "ns", pair.ours * each, pair.peer * each, "sorted ranges, binary search",
            Bound::ratio_at_most, 1.0});
}

// --- Opening --------------------------------------------------------------------------------------------------------

void open(const char* what, const std::string& profile, double must, const Setup& setup, Rows& rows) {
  const auto output = compile_profile(profile);
  if (!output) return;
  const std::string path = setup.folder + "/open.vpnpolicy";
  if (!lower::write_file(path, {output->policy.data(), output->policy.size()}, 0644)) return;  // as compile does
  std::vector<double> times;
  for (int i = 0; i < 9; ++i) times.push_back(seconds_each(1, [&] { keep(policy::Policy::open(path).has_value()); }));
  rows.add({std::string("open and verify, ") + what, "ms", median(times) * milli, 0, "", Bound::ours_at_most, must});
}

// --- Deciding -------------------------------------------------------------------------------------------------------

void decide_row(const char* what, const policy::Policy& policy, const policy::DeviceState& s, std::size_t apps,
                double must, const Setup& setup, Rows& rows) {
  const policy::Situation situation(policy, s);
  std::mt19937 random(5);
  std::vector<std::string> names(4096);
  std::vector<policy::Flow> flows(4096);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const std::size_t app = random() % std::max<std::size_t>(apps, 1);
    names[i] = "com.example.team" + std::to_string(app % 977) + ".app" + std::to_string(app);
    policy::Flow& f = flows[i];
    f.owner = policy::Owner::app;
    f.app = names[i];
    f.protocol = random() % 4 == 0 ? 17 : 6;
    f.remote = policy::Address::from_v4(static_cast<std::uint32_t>(random()));
    f.remote_port = 443;
  }
  std::size_t sum = 0;
  std::vector<double> times;
  for (int round = 0; round < (setup.quick ? 3 : 11); ++round)
    times.push_back(seconds_each(setup.quick ? 3 : 100, [&] {
      for (const auto& f : flows) sum += static_cast<std::size_t>(decide(situation, f).verdict);
    }));
  keep(sum);
  rows.add({std::string("decide(), ") + what, "ns", median(times) * nano / static_cast<double>(flows.size()), 0, "",
            Bound::ours_at_most, must});
}

void decide_rows(const Setup& setup, Rows& rows) {
  const auto typical = compile_profile(read_file(setup.data + "/typical-9k.mobileconfig"));
  if (typical) {
    const auto policy =
        policy::Policy::from_bytes(std::span<const std::byte>(typical->policy.data(), typical->policy.size()));
    if (policy)
      decide_row("typical policy", *policy, state_with("7B1D9C5E-0F3A-4C60-9A11-000000000001", 0), 1, 60, setup, rows);
  }
  const std::size_t apps = setup.quick ? 1000 : 100000;
  const auto large = compile_profile(apps_and_routes(apps));
  if (large) {
    const auto policy =
        policy::Policy::from_bytes(std::span<const std::byte>(large->policy.data(), large->policy.size()));
    if (policy)
      decide_row("100,000 apps and 1,000,000 routes", *policy,
                 state_with("5D2A77C0-9B1E-4F0A-8C11-000000000003", setup.quick ? 1000 : 1000000), apps, 120, setup,
                 rows);
  }
}

void explain_process(const Setup& setup, Rows& rows) {
  const std::string path = setup.folder + "/p.vpnpolicy", typical = setup.data + "/typical-9k.mobileconfig";
  if (run_process({setup.program, "compile", typical, "-o", path}).status != 0) return;
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    const ProcessRun run = run_process(
        {setup.program, "explain", path, "--flow", R"({"protocol":"tcp","remote":"203.0.113.80","remote_port":443})"});
    if (run.status != 0) return;
    times.push_back(run.seconds);
  }
  rows.add({"one vpnprofile explain process", "ms", median(times) * milli, 0, "", Bound::ours_at_most, 10});
}

}  // namespace

void policy(const Setup& setup, Rows& rows) {
  domain_rows(setup, rows);
  ranges(setup, rows);
  open("typical policy", read_file(setup.data + "/typical-9k.mobileconfig"), 1, setup, rows);
  open("1,000,000 domains", excluded_domains(setup.quick ? 20000 : 1000000), 30, setup, rows);
  decide_rows(setup, rows);
  explain_process(setup, rows);
}

}  // namespace vpn::bench
