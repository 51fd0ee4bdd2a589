// Whole simulations, against decide() asked for each packet by itself.
#include "compiler/simulate/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/policy_maker.h"
#include "tests/unit/simulate/frames.h"

namespace vpn::simulate {
namespace {

using namespace test;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view device_address = "192.168.1.20", server_address = "203.0.113.80", resolver = "192.168.1.1";

policy::DeviceState state(policy::TunnelStatus status) {
  policy::DeviceState s;
  s.primary_interface = "wlan0";
  policy::InterfaceState& i = s.interfaces.emplace_back();
  i.name = "wlan0";
  i.type = policy::InterfaceType::wifi;
  i.addresses.emplace_back(address(device_address), std::uint8_t{24});
  policy::TunnelState& t = s.tunnels.emplace_back();
  t.id = "T";
  t.status = status;
  t.interface = "utun0";
  t.included_routes.push_back(*policy::Prefix::parse("203.0.113.0/24"));
  return s;
}

Timeline timeline(const std::vector<std::pair<Moment, policy::TunnelStatus>>& points) {
  Timeline out;
  out.states.push_back({"booting", {}});
  for (const auto& [at, status] : points) {
    out.points.push_back({{at, false}, static_cast<std::uint32_t>(out.states.size()), {}});
    out.states.push_back({"state", state(status)});
  }
  return out;
}

/// Frames one behind the other, a second each unless said.
class Replay {
 public:
  Replay(const policy::Policy& policy, Timeline when, Options options = {}, AppMap apps = {})
      : simulation(policy, std::move(when), std::move(apps), std::move(options)) {
    EXPECT_TRUE(simulation.begin(Link::raw, 0));
  }
  Judged take(const Made& bytes, Moment at) {
    return simulation.take({at, static_cast<std::uint32_t>(bytes.size()), bytes});
  }
  std::vector<Listed> listed() {
    simulation.finish();
    std::vector<Listed> out;
    simulation.each([&](const Listed& l) { out.push_back(l); });
    return out;
  }
  Simulation simulation;
};

policy::Policy include_all() {
  vpn::test::PolicyMaker maker;
  maker.device("T").include_all = true;
  return maker.make();
}

TEST(Simulation, EveryPacketHasTheVerdictOfItsMoment) {
  vpn::test::PolicyMaker maker;
  vpn::test::made::DeviceT& vpn = maker.device("T");
  vpn.include_all = true;
  vpn.exclude_local = true;
  maker.services();
  const policy::Policy policy = maker.make();
  using enum policy::TunnelStatus;
  const std::vector<std::pair<Moment, policy::TunnelStatus>> points{
      {0, connected}, {3, connecting}, {5, connected}, {9, disconnected}, {12, reasserting}};
  std::vector<std::pair<Moment, policy::TunnelStatus>> moments;
  for (const auto& [at, status] : points) moments.emplace_back(at * second, status);
  Replay run(policy, timeline(moments));
  std::mt19937 random(11);
  std::map<Moment, policy::Situation> situations;
  for (const auto& [at, status] : moments) situations.emplace(at, policy::Situation(policy, state(status)));
  std::uint64_t packets = 0;
  for (int i = 0; i < 20000; ++i) {
    const Moment at = static_cast<Moment>(random() % 15000) * (second / 1000);  // in no order
    const char* remotes[] = {"203.0.113.80", "198.51.100.7", "192.168.1.77", "17.57.144.9", "10.1.2.3"};
    const char* remote = remotes[random() % 5];
    const auto port = static_cast<std::uint16_t>(random() % 3 == 0 ? 5223 : 443);
    const auto local = static_cast<std::uint16_t>(50000 + random() % 8);
    const bool use_tcp = random() % 2 == 0;
    const Ends ends{device_address, remote, local, port};
    const Judged judged = run.take(use_tcp ? tcp(ends) : udp(ends), at);
    policy::Flow flow;
    flow.protocol = use_tcp ? 6 : 17;
    flow.remote = address(remote);
    flow.remote_port = port;
    flow.local_port = local;
    const policy::Decision expected = decide(std::prev(situations.upper_bound(at))->second, flow);
    ASSERT_EQ(judged.verdict, expected.verdict);
    ASSERT_EQ(judged.rule, expected.rule);
    ++packets;
  }
  std::uint64_t counted = 0;
  for (const Listed& l : run.listed()) counted += l.counted.packets;
  EXPECT_EQ(counted, packets);
}

TEST(Simulation, RepliesComeTheWayTheRequestWent) {
  const policy::Policy policy = include_all();
  Replay run(policy, timeline({{0, policy::TunnelStatus::connected}}));
  const Ends request{device_address, server_address};
  EXPECT_EQ(run.take(tcp(request, {}, 1, tcp_syn), 0).verdict, policy::Verdict::tunnel);
  EXPECT_EQ(run.take(tcp(request.back(), {}, 1, tcp_syn | tcp_ack), 1).verdict, policy::Verdict::accept);
  const Ends unasked{"198.51.100.7", device_address, 50000, 22};
  EXPECT_EQ(run.take(tcp(unasked, {}, 1, tcp_syn), 2).verdict, policy::Verdict::drop);
  const Ends midway{"198.51.100.7", device_address, 443, 50001};
  EXPECT_EQ(run.take(tcp(midway), 3).verdict, policy::Verdict::accept) << "the ports say who began";
  const std::vector<Listed> all = run.listed();
  EXPECT_EQ(all[1].flow.arrives_on, "utun0");
  EXPECT_EQ(all[2].flow.arrives_on, "wlan0");
}

TEST(Simulation, FlowsBeyondTheMostAreCounted) {
  const policy::Policy policy = include_all();
  Options options;
  options.most_flows = 2;
  Replay run(policy, timeline({{0, policy::TunnelStatus::connected}}), options);
  for (std::uint16_t port = 1; port <= 5; ++port)
    EXPECT_EQ(run.take(udp({device_address, server_address, port}), 0).verdict, policy::Verdict::tunnel);
  EXPECT_EQ(run.listed().size(), 2u);
  EXPECT_EQ(run.simulation.counts().unlisted[out][static_cast<std::size_t>(policy::Verdict::tunnel)].packets, 3u);
  EXPECT_THAT(run.simulation.notes(), Contains(HasSubstr("beyond the first 2")));
}

TEST(Simulation, TheStricterOfTwoNames) {
  vpn::test::PolicyMaker maker;
  const std::uint32_t vpn = maker.per_app("T");
  maker.app("com.example.browser").governed.insert(vpn);
  maker.domains(vpn::test::made::ListKind::excluded, vpn, {"excluded.example"});
  const policy::Policy policy = maker.make();
  AppMap apps;
  auto as = std::make_shared<policy::FlowText>();
  as->flow.owner = policy::Owner::app;
  as->flow.app = "com.example.browser";
  apps.entries.push_back({{}, as});
  Replay run(policy, timeline({{0, policy::TunnelStatus::connected}}), {}, apps);
  const auto look_up = [&](std::string_view name, std::uint16_t port, Moment at) {
    const Ends ends{device_address, resolver, port, 53};
    run.take(udp(ends, dns(name, {})), at);
    run.take(udp(ends.back(), dns(name, {server_address}, 10)), at);
  };
  const Made packet = tcp({device_address, server_address});
  using policy::Verdict;
  EXPECT_EQ(run.take(packet, 0).verdict, Verdict::tunnel);
  look_up("a.excluded.example", 4000, second);
  EXPECT_EQ(run.take(packet, 2 * second).verdict, Verdict::system) << "a name that is excluded";
  look_up("other.example", 4001, 3 * second);
  EXPECT_EQ(run.take(packet, 4 * second).verdict, Verdict::tunnel) << "and one that is not";
  look_up("a.excluded.example", 4002, 13 * second);
  EXPECT_EQ(run.take(packet, 14 * second - 1).verdict, Verdict::tunnel) << "as long as its answer lives, and a second";
  EXPECT_EQ(run.take(packet, 14 * second).verdict, Verdict::system);
  EXPECT_EQ(run.take(packet, 24 * second).verdict, Verdict::tunnel) << "no name any more";
  EXPECT_THAT(run.simulation.notes(), Contains(HasSubstr("is known as other.example and as a.excluded.example")));
}

TEST(Simulation, AFragmentOfNothingJoinsNothing) {
  const policy::Policy policy = include_all();
  Replay run(policy, timeline({{0, policy::TunnelStatus::connected}}));
  Made fragment = ip("0.0.0.0", "0.0.0.0", 0, Made(8), 1);
  fragment[4] = fragment[5] = 0;  // alike what stands where nothing does
  run.take(fragment, 0);
  EXPECT_THAT(run.simulation.notes(), Contains(HasSubstr("1 fragment judged without ports")));
}

TEST(Simulation, ATimelineOutOfOrderIsRefused) {
  const policy::Policy policy = include_all();
  Timeline mixed = timeline({{5 * second, policy::TunnelStatus::connected}, {0, policy::TunnelStatus::connected}});
  mixed.points[1].at = {102 * second, true};
  Simulation simulation(policy, mixed, {}, {});
  EXPECT_FALSE(simulation.begin(Link::raw, 100 * second)) << "five seconds from the beginning are later";
  Simulation earlier(policy, mixed, {}, {});
  EXPECT_TRUE(earlier.begin(Link::raw, 10 * second));
}

}  // namespace
}  // namespace vpn::simulate
