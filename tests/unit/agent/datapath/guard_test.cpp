// The programs in a real kernel, with real sockets of a cgroup in a namespace of their own.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/if_xdp.h>
#include <netinet/in.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <thread>

#include "agent/datapath/datapath.h"
#include "agent/datapath/kernel_map.h"
#include "guarded.h"

namespace vpn::agent::test {
namespace {

constexpr int sol_xdp = 283;

class Guard : public GuardedTest {};

TEST_F(Guard, DropsAllButLoopbackBeforeTheFirstTable) {
  Datapath d = open();
  know_interfaces(d);
  EXPECT_FALSE(d.adopted());
  const Socket udp(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "early"), EPERM);
  EXPECT_EQ(udp.send_to("127.0.0.1", 9, "early"), 0);
  const Socket tcp(AF_INET, SOCK_STREAM);
  EXPECT_EQ(tcp.connect_to("10.77.0.1", 9), EPERM);
}

/// As a DHCP client has it that was started by this user.
Socket dhcp_socket(uid_t user) {
  ::setfsuid(user);
  Socket out(AF_INET, SOCK_DGRAM);
  ::setfsuid(0);
  const int on = 1;
  const sockaddr_in from = Socket::target("0.0.0.0", 68);
  EXPECT_EQ(::setsockopt(out.fd(), SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
  EXPECT_EQ(::setsockopt(out.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
  EXPECT_EQ(::setsockopt(out.fd(), SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4), 0);
  EXPECT_EQ(::bind(out.fd(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)), 0);
  return out;
}

TEST_F(Guard, CountsTheDhcpOfTheNetworkServiceAsRoots) {
  constexpr uid_t network = 998, other = 997;
  Options options = room_->options();
  options.network_uid = network;
  auto d = Datapath::open(options);
  ASSERT_TRUE(d) << d.error().what;
  know_interfaces(*d);
  EXPECT_EQ(dhcp_socket(0).send_to("255.255.255.255", 67, "lease"), 0);
  EXPECT_EQ(dhcp_socket(network).send_to("255.255.255.255", 67, "lease"), 0);
  EXPECT_EQ(dhcp_socket(network).send_to("255.255.255.255", 68, "other"), EPERM);
  EXPECT_EQ(dhcp_socket(other).send_to("255.255.255.255", 67, "other"), EPERM);
}

TEST_F(Guard, LetsThroughAndRefusesAsTheTableSays) {
  Datapath d = open();
  know_interfaces(d);
  Capture wire = room_->capture("eth0");
  publish(d, {drop_cell, drop_cell, system_cell});
  const Socket udp(AF_INET, SOCK_DGRAM), six(AF_INET6, SOCK_DGRAM);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "passes-4"), 0);
  EXPECT_EQ(six.send_to6("fd77::1", 9, "passes-6"), 0);
  EXPECT_EQ(six.send_to6("::ffff:10.77.0.1", 9, "passes-mapped"), 0);
  EXPECT_EQ(wire.count("passes-4"), 1);
  EXPECT_EQ(wire.count("passes-6"), 1);
  EXPECT_EQ(wire.count("passes-mapped"), 1);
  publish(d, {drop_cell, drop_cell, drop_cell});
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "stopped"), EPERM);
  EXPECT_EQ(six.send_to6("fd77::1", 9, "stopped"), EPERM);
  EXPECT_EQ(six.send_to6("::ffff:10.77.0.1", 9, "stopped"), EPERM);
  EXPECT_EQ(Socket(AF_INET, SOCK_STREAM).connect_to("10.77.0.1", 9), EPERM);
  EXPECT_EQ(wire.count("stopped"), 0);
}

TEST_F(Guard, StopsWithOneStoreWhenATunnelGoesDown) {
  Datapath d = open();
  know_interfaces(d);
  Capture tunnel = room_->capture("wg0"), wire = room_->capture("eth0");
  publish(d, {drop_cell, drop_cell, tunnel_cell});
  const Socket udp(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(udp.send_to("10.99.0.1", 9, "inside"), 0);
  EXPECT_EQ(udp.send_to("10.99.0.1", 9, "inside"), 0);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "beside"), EPERM) << "tunnel(t) leaves by t's interface and no other";
  d.set_connected(0, false);
  EXPECT_EQ(udp.send_to("10.99.0.1", 9, "after"), EPERM);
  d.set_connected(0, true);
  EXPECT_EQ(udp.send_to("10.99.0.1", 9, "again"), 0);
  EXPECT_EQ(tunnel.count("inside"), 2);
  EXPECT_EQ(tunnel.count("after"), 0);
  EXPECT_EQ(tunnel.count("again"), 1);
  EXPECT_EQ(wire.count("beside"), 0);
}

// On-demand: only TCP connections wait, only for the tunnel that they need, and nothing of them leaves.
TEST_F(Guard, LetsConnectionsWaitForATunnel) {
  Datapath d = open();
  know_interfaces(d);
  constexpr std::uint64_t governed =
      cell(half_cell(VPN_DROP, VPN_S4E, 0, VPN_ANYWHERE), half_cell(VPN_DROP, VPN_S4E, 0, VPN_ANYWHERE));
  publish(d, {drop_cell, drop_cell, governed}, false);
  const auto connects = [](int type) {
    const Socket socket(AF_INET, type | SOCK_NONBLOCK);
    return socket.connect_to("10.77.0.1", 9);
  };
  EXPECT_EQ(connects(SOCK_STREAM), EPERM);
  d.set_tunnel(0, tunnel_awaited);
  EXPECT_EQ(connects(SOCK_STREAM), EINPROGRESS);
  EXPECT_EQ(connects(SOCK_DGRAM), EPERM);
  const Socket bound(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  ASSERT_EQ(::setsockopt(bound.fd(), SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4), 0);
  EXPECT_EQ(bound.connect_to("10.77.0.1", 9), EPERM) << "it would never leave by the tunnel";
  bool waited = false;
  ASSERT_TRUE(d.read_drops([&](const DropEvent& e) { waited = waited || (e.waits && e.early && e.tunnel == 0); }));
  EXPECT_TRUE(waited) << "the agent is told that somebody waits";
  publish(d, {drop_cell, drop_cell, drop_cell}, false);
  d.set_tunnel(0, tunnel_awaited);
  EXPECT_EQ(connects(SOCK_STREAM), EPERM) << "a drop that hangs on no tunnel";
}

TEST_F(Guard, NoPacketFollowsTheStoreUnderLoad) {
  Datapath d = open();
  know_interfaces(d);
  publish(d, {drop_cell, drop_cell, tunnel_cell});
  std::atomic<bool> down{false}, end{false};
  std::atomic<std::uint64_t> rounds{0}, sent{0}, refused{0}, late{0};
  std::thread sender([&] {
    const Socket udp(AF_INET, SOCK_DGRAM);
    while (!end) {
      const bool was_down = down;
      const int error = udp.send_to("10.99.0.1", 9, "load");
      (error == 0 ? sent : refused)++;
      if (was_down && error == 0) late++;
      rounds++;
    }
  });
  const auto until_next_rounds = [&] {
    const std::uint64_t now = rounds;
    while (rounds < now + 2) std::this_thread::yield();
  };
  for (int flip = 0; flip < 2000; ++flip) {
    d.set_connected(0, false);
    down = true;
    until_next_rounds();
    down = false;
    until_next_rounds(); /* none that saw `down` is on its way when it ends */
    d.set_connected(0, true);
    until_next_rounds();
  }
  end = true;
  sender.join();
  EXPECT_EQ(late, 0u);
  EXPECT_GT(sent, 2000u);
  EXPECT_GT(refused, 2000u);
}

TEST_F(Guard, JudgesNoPacketByHalfOfEachTable) {
  Datapath d = open();
  know_interfaces(d);
  const auto app = d.number("com.example.app");
  ASSERT_TRUE(app);
  apps_ = {{*app, 1, 0}};
  const CgroupOwner group{room_->cgroup_id(), {.app = *app}};
  ASSERT_TRUE(d.set_owners({&group, 1}, {}));
  /* The app's class changes with each publication, and in each the other class may leave: half of each would leak. */
  const auto put = [&](bool odd) {
    pairs_ = {VPN_OTHER, odd ? VPN_FIRST_APP + 1u : std::uint32_t{VPN_FIRST_APP}};
    publish(d, {drop_cell, drop_cell, drop_cell, odd ? system_cell : drop_cell, odd ? drop_cell : system_cell});
  };
  put(false);
  std::atomic<bool> end{false};
  std::atomic<std::uint64_t> sent{0}, refused{0};
  std::thread sender([&] {
    while (!end) {
      const Socket udp(AF_INET, SOCK_DGRAM);
      for (int i = 0; i < 20; ++i) (udp.send_to("10.77.0.1", 9, "half") == 0 ? sent : refused)++;
    }
  });
  for (int i = 1; i < 40; ++i) put(i % 2 == 1);
  end = true;
  sender.join();
  EXPECT_EQ(sent, 0u);
  EXPECT_GT(refused, 100u);
}

TEST_F(Guard, TakesTheStaleTableWhenTheHeartbeatStops) {
  Options options = room_->options();
  options.heartbeat_limit = std::chrono::seconds(0);
  auto d = Datapath::open(options);
  ASSERT_TRUE(d) << d.error().what;
  know_interfaces(*d);
  publish(*d, {drop_cell, drop_cell, system_cell}, true, {drop_cell, drop_cell, drop_cell});
  const Socket udp(AF_INET, SOCK_DGRAM);
  ::usleep(20000);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "late"), EPERM);
}

TEST_F(Guard, KeepsToInterfacesThatItKnows) {
  Datapath d = open();
  publish(d, {drop_cell, drop_cell, system_cell});
  const Socket udp(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "unknown"), EPERM);
  know_interfaces(d);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "known"), 0);
  EXPECT_EQ(Socket(AF_INET, SOCK_DGRAM).send_to("127.0.0.1", 9, "lo"), 0);
}

TEST_F(Guard, FindsTheOwnerByCgroupAndByExecutable) {
  Datapath d = open();
  know_interfaces(d);
  const auto numbers = d.numbers(std::vector<std::string_view>{"com.example.a", "com.example.b"});
  ASSERT_TRUE(numbers);
  EXPECT_EQ(d.number("com.example.a").value(), numbers->front()) << "the same number again";
  EXPECT_NE(numbers->at(0), numbers->at(1));
  apps_ = {{numbers->at(0), 1, 0}, {numbers->at(1), 2, 0}};
  pairs_ = {VPN_OTHER, VPN_FIRST_APP, VPN_FIRST_APP + 1};
  publish(d, {drop_cell, drop_cell, drop_cell, system_cell, drop_cell});
  const Socket before(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(before.send_to("10.77.0.1", 9, "other"), EPERM);
  const CgroupOwner group{room_->cgroup_id(), {.app = numbers->at(0)}};
  ASSERT_TRUE(d.set_owners({&group, 1}, {}));
  const Socket mine(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(mine.send_to("10.77.0.1", 9, "app"), 0);
  EXPECT_EQ(before.send_to("10.77.0.1", 9, "other"), EPERM) << "a socket keeps its owner";
}

TEST_F(Guard, AttributesSocketsFromBefore) {
  const Socket early(AF_INET, SOCK_DGRAM);
  Datapath d = open();
  know_interfaces(d);
  const auto app = d.number("com.example.early");
  ASSERT_TRUE(app);
  apps_ = {{*app, 1, 0}};
  pairs_ = {VPN_OTHER, VPN_FIRST_APP};
  publish(d, {drop_cell, drop_cell, drop_cell, system_cell});
  EXPECT_EQ(early.send_to("10.77.0.1", 9, "unattributed"), EPERM);
  const CgroupOwner group{room_->cgroup_id(), {.app = *app}};
  ASSERT_TRUE(d.set_owners({&group, 1}, {}));
  const auto done = d.attribute_existing();
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(early.send_to("10.77.0.1", 9, "attributed"), 0);
}

TEST_F(Guard, RefusesXdpSocketsAndLongOptionsDoNotFail) {
  Datapath d = open();
  publish(d, {drop_cell, drop_cell, system_cell});
  const Socket xdp(AF_XDP, SOCK_RAW);
  if (xdp.fd() >= 0) {
    const int entries = 64;
    EXPECT_EQ(::setsockopt(xdp.fd(), sol_xdp, XDP_TX_RING, &entries, sizeof(entries)), -1);
    EXPECT_EQ(errno, EPERM);
  }
  /* iptables replaces its tables with options of many pages: refused for their content here, never for their length */
  const Socket raw(AF_INET, SOCK_RAW, IPPROTO_RAW);
  std::vector<char> large(20000);
  EXPECT_EQ(::setsockopt(raw.fd(), SOL_IP, 64, large.data(), static_cast<socklen_t>(large.size())), -1);
  EXPECT_NE(errno, EFAULT);
}

TEST_F(Guard, ExemptsAnEndpointForItsProviderOnly) {
  Datapath d = open();
  know_interfaces(d);
  const auto provider = d.number("tunnel-1");
  ASSERT_TRUE(provider);
  publish(d, {drop_cell, drop_cell, drop_cell});
  Exemption e;
  e.provider = *provider;
  e.address = policy::Address::from_v4(0x0a4d0001);
  e.protocol = IPPROTO_UDP;
  e.port = 4500;
  ASSERT_TRUE(d.set_exemptions({&e, 1}));
  EXPECT_EQ(Socket(AF_INET, SOCK_DGRAM).send_to("10.77.0.1", 4500, "anybody"), EPERM);
  const CgroupOwner group{room_->cgroup_id(), {.provider = *provider}};
  ASSERT_TRUE(d.set_owners({&group, 1}, {}));
  const Socket own(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(own.send_to("10.77.0.1", 4500, "provider"), 0);
  EXPECT_EQ(own.send_to("10.77.0.1", 4501, "provider"), EPERM);
  e.expires = std::chrono::nanoseconds(1);
  ASSERT_TRUE(d.set_exemptions({&e, 1}));
  EXPECT_EQ(own.send_to("10.77.0.1", 4500, "expired"), EPERM);
}

TEST_F(Guard, TellsNamesOfOneAddressApartByApp) {
  Datapath d = open();
  know_interfaces(d);
  const auto app = d.number("com.example.names");
  ASSERT_TRUE(app);
  Content content = simple(room_->wg0(), room_->eth0(), {drop_cell, drop_cell, system_cell, drop_cell});
  content.domains = 2; /* class 1: names that the policy excludes from the tunnel, for whoever asked for them */
  content.index = {0, 0, 1, 1, 2, 2, 3, 2};
  content.marks = {1, 1, 2, 2, 3, 3, 4, 9};
  const auto table = words(content);
  const AppClass app_class{*app, 1, 0};
  const std::array<std::uint32_t, 2> pairs{VPN_OTHER, VPN_FIRST_APP};
  Publication p;
  p.fresh = table;
  p.stale = table;
  p.apps = {&app_class, 1};
  p.pairs = pairs;
  const auto done = d.publish(p);
  ASSERT_TRUE(done) << done.error().what << done.error().help;
  const CgroupOwner group{room_->cgroup_id(), {.app = *app}};
  ASSERT_TRUE(d.set_owners({&group, 1}, {}));
  const Socket udp(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "unnamed"), EPERM);
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  NameTie tie{*app, policy::Address::from_v4(0x0a4d0001), 1, std::chrono::seconds(now.tv_sec + 60)};
  ASSERT_TRUE(d.tie_name(tie));
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "named"), 0);
  std::uint32_t mark = 0;
  socklen_t size = sizeof(mark);
  ASSERT_EQ(::getsockopt(udp.fd(), SOL_SOCKET, SO_MARK, &mark, &size), 0);
  EXPECT_EQ(mark, 0x09000000u) << "the row of the name";
  tie.expires = std::chrono::seconds(now.tv_sec - 1);
  ASSERT_TRUE(d.tie_name(tie));
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "expired"), EPERM);
  ASSERT_TRUE(d.untie_name(*app, tie.address));
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "untied"), EPERM);
}

TEST_F(Guard, CountsEveryPacketAndTellsOfDrops) {
  Datapath d = open();
  know_interfaces(d);
  publish(d, {drop_cell, drop_cell, system_cell});
  const Socket udp(AF_INET, SOCK_DGRAM);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(udp.send_to("10.77.0.1", 9, "counted"), 0);
  publish(d, {drop_cell, drop_cell, drop_cell});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(udp.send_to("10.77.0.1", 9, "counted"), EPERM);
  std::uint64_t passed = 0, dropped = 0;
  const auto counters = d.counters();
  ASSERT_TRUE(counters);
  for (const Counter& c : *counters) {
    if (c.incoming) continue;
    EXPECT_EQ(c.owner, VPN_OTHER);
    if (c.verdict == VPN_SYSTEM && c.rule == VPN_S8) passed += c.packets;
    if (c.verdict == VPN_DROP && c.rule == VPN_S3E) dropped += c.packets;
  }
  EXPECT_EQ(passed, 100u);
  EXPECT_EQ(dropped, 50u);
  std::vector<DropEvent> events;
  ASSERT_TRUE(d.read_drops([&](const DropEvent& e) { events.push_back(e); }));
  ASSERT_EQ(events.size(), 1u) << "one a second for each destination";
  EXPECT_EQ(events[0].remote.to_string(), "10.77.0.1");
  EXPECT_EQ(events[0].remote_port, 9);
  EXPECT_EQ(events[0].rule, VPN_S3E);
  EXPECT_EQ(d.drops_lost(), 0u);
}

TEST_F(Guard, OutlivesTheAgentAndIsAdopted) {
  const Socket udp(AF_INET, SOCK_DGRAM);
  std::uint32_t number = 0;
  {
    Datapath d = open();
    know_interfaces(d);
    number = d.number("com.example.kept").value();
    publish(d, {system_cell, system_cell, system_cell});
    EXPECT_EQ(udp.send_to("10.77.0.1", 9, "with"), 0);
    EXPECT_EQ(udp.send_to("10.99.0.1", 9, "with"), 0);
    publish(d, {drop_cell, drop_cell, drop_cell});
    EXPECT_TRUE(d.check().good());
  }
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "without"), EPERM) << "the guard stays when the agent has gone";
  Datapath again = open();
  EXPECT_TRUE(again.adopted());
  EXPECT_EQ(again.number("com.example.kept").value(), number);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "adopted"), EPERM);
  EXPECT_TRUE(again.check().good()) << again.check().missing.front();
  ASSERT_TRUE(again.remove_guard());
  EXPECT_FALSE(again.check().good());
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "gone"), 0);
}

std::vector<std::uint32_t> programs_pinned_in(const std::string& folder) {
  std::vector<std::uint32_t> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.path().parent_path().filename().string().starts_with("programs-")) continue;
    const Descriptor program(::bpf_obj_get(entry.path().c_str()));
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    EXPECT_EQ(::bpf_obj_get_info_by_fd(program.get(), &info, &size), 0);
    out.push_back(info.id);
  }
  std::sort(out.begin(), out.end());
  return out;
}

TEST_F(Guard, DoesNotLoadAgainWhatIsPinned) {
  const std::string folder = room_->options().bpf_dir;
  open();
  const auto first = programs_pinned_in(folder);
  ASSERT_EQ(first.size(), 9u);
  {
    Datapath again = open();
    EXPECT_EQ(programs_pinned_in(folder), first);
    know_interfaces(again);
    EXPECT_TRUE(again.check().good());
  }
  run("rm " + folder + "/programs-*/vpn_ingress");
  open();
  const auto repaired = programs_pinned_in(folder);
  EXPECT_EQ(repaired.size(), 9u);
  EXPECT_NE(repaired, first) << "not all of them were there";
  run("rm -r " + folder + "/maps-*");
  Datapath anew = open();
  EXPECT_NE(programs_pinned_in(folder), repaired) << "they work on maps that nobody else has";
  know_interfaces(anew);
  publish(anew, {system_cell, system_cell, system_cell});
  const Socket udp(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "judged by the new maps"), 0);
}

TEST_F(Guard, TakesProgramsOfAnotherBuildAway) {
  open();
  const std::string other = room_->options().bpf_dir + "/programs-1";
  run("mkdir " + other);
  open();
  EXPECT_NE(::access(other.c_str(), F_OK), 0);
}

TEST_F(Guard, SeesThatSomebodyTookAHookAway) {
  Datapath d = open();
  know_interfaces(d);
  EXPECT_TRUE(d.check().good());
  run("tc qdisc del dev eth0 clsact");
  ASSERT_FALSE(d.check().good());
  EXPECT_NE(d.check().missing.front().find("eth0"), std::string::npos);
  know_interfaces(d);
  EXPECT_TRUE(d.check().good());
  publish(d, {drop_cell, drop_cell, drop_cell});
  const std::string egress = room_->options().bpf_dir + "/links/vpn_egress";
  run("rm " + egress);
  EXPECT_FALSE(d.check().good());
  ASSERT_TRUE(d.reattach());
  EXPECT_TRUE(d.check().good()) << d.check().missing.front();
  ASSERT_EQ(::bpf_link_detach(Descriptor(::bpf_obj_get(egress.c_str())).get()), 0);
  EXPECT_FALSE(d.check().good());
  ASSERT_TRUE(d.reattach());
  EXPECT_TRUE(d.check().good()) << d.check().missing.front();
  const Socket udp(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(udp.send_to("10.77.0.1", 9, "attached again"), EPERM);
}

}  // namespace
}  // namespace vpn::agent::test
