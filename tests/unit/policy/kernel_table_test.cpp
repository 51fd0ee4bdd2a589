// The kernel's header over the kernel's table against decide(): the same verdicts for everything that can be told.
#include "policy/kernel_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>
#include <optional>
#include <sstream>

#include "tests/support/kernel_reader.h"
#include "tests/support/random_world.h"

namespace vpn::test {
namespace {

using policy::Address;
using policy::Decision;
using policy::Exemption;
using policy::Flow;
using policy::KernelClasses;
using policy::KernelTable;
using policy::Owner;
using policy::Policy;
using policy::Rule;
using policy::Situation;
using policy::TunnelStatus;
using policy::Verdict;

/// How many worlds of some 400 flows a run takes; VPN_TEST_WORLDS=20000 runs eleven million.
std::uint64_t worlds() {
  const char* given = std::getenv("VPN_TEST_WORLDS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 500;
}

std::string text(const Flow& f) {
  std::ostringstream out;
  out << (f.incoming ? "in" : "out") << " protocol " << int{f.protocol} << " remote " << f.remote.to_string()
      << " port " << f.remote_port << " local port " << f.local_port << " owner " << static_cast<int>(f.owner) << ' '
      << f.app << " spawned by " << f.spawned_by << " host " << f.hostname << " scope " << f.scope << " arrives on "
      << f.arrives_on << " type " << (f.has_icmp_type ? int{f.icmp_type} : -1) << " hops " << f.hop_limit << " uid "
      << f.uid << " provider " << f.provider_of << " agent " << f.agent;
  if (f.quoted != nullptr) out << "\n  quotes " << text(*f.quoted);
  return out.str();
}

/// A world with its table, and the agent's part: which packets are exempt.
class World {
 public:
  explicit World(Random& random)
      : world(random),
        policy(world.maker.make()),
        situation(policy, world.state),
        classes(*KernelClasses::of(situation)),
        table(*build_kernel_table(situation, classes, world.indexes)),
        reader(table, classes) {}

  vpn_packet packet(const Flow& flow) const {
    vpn_packet p = packet_of(policy, classes, world.indexes, world.state, flow);
    p.exempt = exempt(flow, p);
    return p;
  }

  KernelVerdict kernel(const Flow& flow) const {
    if (flow.quoted == nullptr) return reader.judge(packet(flow));
    const vpn_packet quoted = packet(*flow.quoted);
    return reader.judge(packet(flow), &quoted);
  }

  RandomWorld world;
  Policy policy;
  Situation situation;
  KernelClasses classes;
  KernelTable table;
  KernelReader reader;

 private:
  bool listed(Rule rule, const Flow& f, std::uint32_t tunnel, std::uint32_t interface) const {
    const Address remote = embedded(f.remote, world.state.nat64 ? &*world.state.nat64 : nullptr);
    return std::any_of(table.exemptions.begin(), table.exemptions.end(), [&](const Exemption& e) {
      return e.rule == rule && e.tunnel == tunnel && e.interface == interface && e.remote == remote &&
             e.protocol == f.protocol && e.port == f.remote_port;
    });
  }

  std::uint8_t exempt(const Flow& f, const vpn_packet& p) const {
    const auto provider = std::find(world.tunnels.begin(), world.tunnels.end(), f.provider_of);
    if (provider != world.tunnels.end() &&
        listed(Rule::S1c, f, static_cast<std::uint32_t>(provider - world.tunnels.begin()), 0))
      return VPN_S1C;
    if (!f.agent || (f.owner != Owner::app && f.owner != Owner::other)) return 0;
    const auto primary = world.indexes.find(world.state.primary_interface);
    const std::uint32_t by_primary = primary == world.indexes.end() ? 0 : primary->second;
    const std::uint32_t by = f.incoming || f.scope.empty() ? by_primary : p.scope;
    if (f.hostname == world.servers[0] && by != 0 && listed(Rule::S1d, f, policy::none, by)) return VPN_S1D;
    // Of probes that are named by their host the agent knows the addresses itself.
    const bool probes_host =
        std::find(world.probe_hosts.begin(), world.probe_hosts.end(), f.hostname) != world.probe_hosts.end();
    const bool by_host =
        world.state.probing && probes_host && f.remote_port == 443 && (f.protocol == VPN_TCP || f.protocol == VPN_UDP);
    return by_host || listed(Rule::S1f, f, policy::none, 0) ? VPN_S1F : 0;
  }
};

void expect_same(const World& w, const Situation& in, const Flow& flow) {
  const Decision wanted = decide(in, flow);
  const KernelVerdict got = w.kernel(flow);
  ASSERT_TRUE(got.verdict == wanted.verdict && got.rule == wanted.rule && got.tunnel == wanted.tunnel)
      << "decide(): " << to_string(wanted.verdict) << ' ' << to_string(wanted.rule) << ' ' << wanted.tunnel
      << "\nkernel:   " << to_string(got.verdict) << ' ' << int{got.rule_number} << ' ' << got.tunnel << '\n'
      << text(flow);
  if (flow.incoming) return;
  // Where it may leave.
  switch (wanted.verdict) {
    case Verdict::tunnel:
      EXPECT_EQ(got.place, VPN_BY_TUNNEL);
      break;
    case Verdict::direct:
      EXPECT_TRUE(got.place == VPN_OFF_TUNNEL || (got.place == VPN_BY_PRIMARY && wanted.rule != Rule::S1a &&
                                                  wanted.rule != Rule::S1b && wanted.rule != Rule::S1c));
      if (wanted.rule == Rule::S5c) {
        EXPECT_EQ(got.place, VPN_OFF_TUNNEL);
      }
      break;
    default:
      EXPECT_EQ(got.place, VPN_ANYWHERE);
  }
}

/// Starts and ends of all ranges of the table.
std::vector<Address> boundaries(const KernelTable& table) {
  std::vector<Address> out;
  const auto& w = table.words;
  for (std::uint64_t i = 0; i < w[VPN_W_V4_COUNT]; ++i) {
    const auto start = static_cast<std::uint32_t>(w[w[VPN_W_V4] + i] >> 32);
    out.push_back(Address::from_v4(start));
    out.push_back(Address::from_v4(start - 1));
  }
  for (std::uint64_t i = 0; i < w[VPN_W_V6_COUNT]; ++i) {
    const std::uint64_t high = w[w[VPN_W_V6] + i], low = w[w[VPN_W_V6] + w[VPN_W_V6_COUNT] + i];
    out.push_back(Address::from_v6(high, low));
    out.push_back(Address::from_v6(low == 0 ? high - 1 : high, low - 1));
  }
  return out;
}

class KernelTables : public testing::Test {
 protected:
  /// Runs `flows` random flows of a world against a situation.
  void compare(const World& w, const Situation& in, int flows) {
    for (int i = 0; i < flows; ++i) {
      F flow = w.world.flow(random);
      const F quoted = w.world.quoted(random);
      if (flow.incoming && random.chance(20)) {
        flow.protocol = random.chance(50) ? 1 : 58;
        flow.remote_port = flow.local_port = 0;
        flow.type(static_cast<int>(1 + random.below(14))).quotes(quoted);
      }
      ASSERT_NO_FATAL_FAILURE(expect_same(w, in, flow));
      const Decision d = decide(in, flow);
      ++reached[{d.rule, d.verdict}];
    }
  }

  Random random;
  std::map<std::pair<Rule, Verdict>, int> reached;
};

TEST_F(KernelTables, SayWhatDecideSays) {
  for (std::uint64_t i = 0; i < worlds() && !HasFatalFailure(); ++i) {
    SCOPED_TRACE("world " + std::to_string(i));
    const World w(random);
    compare(w, w.situation, 400);
  }
  // A rule that no flow met would have been shown by nothing.
  for (int r = 0; r < VPN_RULES; ++r) {
    const auto rule = static_cast<Rule>(r);
    const int met = std::accumulate(reached.begin(), reached.end(), 0, [&](int sum, const auto& entry) {
      return entry.first.first == rule ? sum + entry.second : sum;
    });
    EXPECT_GT(met, 0) << to_string(rule);
  }
}

TEST_F(KernelTables, SayWhatDecideSaysAsSoonAsATunnelGoesDown) {
  for (std::uint64_t i = 0; i < worlds() && !HasFatalFailure(); ++i) {
    SCOPED_TRACE("world " + std::to_string(i));
    World w(random);
    policy::DeviceState after = w.world.state;
    if (after.tunnels.empty()) continue;
    const std::size_t t = random.below(after.tunnels.size());
    const auto known = std::find(w.world.tunnels.begin(), w.world.tunnels.end(), after.tunnels[t].id);
    if (known == w.world.tunnels.end() || after.tunnels[t].status != TunnelStatus::connected) continue;
    after.tunnels[t].status = TunnelStatus::reasserting;
    w.reader.connected[static_cast<std::size_t>(known - w.world.tunnels.begin())] = false;
    compare(w, Situation(w.policy, after), 300);
  }
}

TEST_F(KernelTables, SayWhatDecideSaysAtTheEdgesOfAllRanges) {
  for (std::uint64_t i = 0; i < worlds() / 4 && !HasFatalFailure(); ++i) {
    SCOPED_TRACE("world " + std::to_string(i));
    const World w(random);
    for (const Address& a : boundaries(w.table)) {
      F flow = w.world.flow(random);
      flow.remote = a;
      ASSERT_NO_FATAL_FAILURE(expect_same(w, w.situation, flow));
    }
  }
}

}  // namespace
}  // namespace vpn::test
