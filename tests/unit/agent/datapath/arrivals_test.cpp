// What arrives without a socket of the cgroup: probes of a tunnel's address, encapsulations, redirects, ICMP errors,
// and what is forwarded for a container.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include "agent/datapath/datapath.h"
#include "agent/datapath/gate.h"
#include "room.h"
#include "tables.h"

namespace vpn::agent::test {
namespace {

sockaddr_in at(const char* address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &out.sin_addr);
  return out;
}

class Arrivals : public ::testing::Test {
 protected:
  void SetUp() override {
    room_ = Room::make();
    if (!room_) GTEST_SKIP() << "needs root: it loads programs into the kernel";
    auto made = Datapath::open(room_->options());
    ASSERT_TRUE(made) << made.error().what << "\n" << made.error().help;
    guard_ = std::make_unique<Datapath>(std::move(*made));
    know(room_->interfaces());
  }
  void TearDown() override {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
  }
  void know(const std::vector<Interface>& interfaces) {
    const auto done = guard_->set_interfaces(interfaces);
    ASSERT_TRUE(done) << done.error().what << "\n" << done.error().help;
  }
  void publish(const Content& content, bool connected = true) {
    const auto table = words(content);
    const std::uint8_t status = connected ? 1 : 0;
    const std::uint32_t pair = VPN_OTHER;
    Publication p;
    p.fresh = table;
    p.stale = table;
    p.pairs = {&pair, 1};
    p.connected = {&status, 1};
    const auto done = guard_->publish(p);
    ASSERT_TRUE(done) << done.error().what;
  }
  Content table(const std::vector<std::uint64_t>& cells) const { return simple(room_->wg0(), room_->eth0(), cells); }
  /// Packets that were dropped on the way in by this rule.
  std::uint64_t dropped(std::uint8_t rule) const {
    std::uint64_t out = 0;
    const auto all = guard_->counters();
    if (!all) return 0;
    for (const Counter& c : *all)
      if (c.incoming && c.verdict == VPN_DROP && c.rule == rule) out += c.packets;
    return out;
  }
  /// An IP packet of any protocol, from the peer.
  void send_from_peer(const char* to, int protocol, const std::string& payload) const {
    const int fd = room_->peer_socket(AF_INET, SOCK_RAW, protocol);
    const sockaddr_in target = at(to, 0);
    EXPECT_GT(
        ::sendto(fd, payload.data(), payload.size(), 0, reinterpret_cast<const sockaddr*>(&target), sizeof(target)), 0);
    ::close(fd);
  }

  std::unique_ptr<Room> room_;
  std::unique_ptr<Datapath> guard_;
  std::vector<pid_t> children_;
};

TEST_F(Arrivals, NobodyReachesATunnelsAddressFromOutside) {
  publish(table({system_cell, system_cell, system_cell}));
  const int receiver = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* of no guarded cgroup: tc alone decides */
  const sockaddr_in own = at("10.99.0.2", 7000);
  ASSERT_EQ(::bind(receiver, reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
  room_->run_in_peer("ip route add 10.99.0.2/32 via 10.77.0.2 dev eth0");
  const int sender = room_->peer_socket(AF_INET, SOCK_DGRAM, 0);
  const auto arrives = [&] {
    ::sendto(sender, "probe", 5, 0, reinterpret_cast<const sockaddr*>(&own), sizeof(own));
    pollfd wait{receiver, POLLIN, 0};
    char text[8];
    return ::poll(&wait, 1, 200) == 1 && ::recv(receiver, text, sizeof(text), 0) == 5;
  };
  EXPECT_TRUE(arrives()) << "the control must arrive, or the test proves nothing";
  const TunnelAddress address{policy::Address::from_v4(0x0a630002), room_->wg0()};
  ASSERT_TRUE(guard_->set_tunnel_addresses({&address, 1}));
  EXPECT_FALSE(arrives());
  EXPECT_EQ(dropped(VPN_S8), 1u);
  room_->run_in_peer("ip route del 10.99.0.2/32");
  EXPECT_TRUE(arrives()) << "through the tunnel itself it is welcome";
  ::close(receiver);
  ::close(sender);
}

TEST_F(Arrivals, DropsEncapsulationsAndRedirectsFromOutside) {
  Content content = table({system_cell, system_cell, system_cell});
  publish(content);
  send_from_peer("10.77.0.2", 47, "to be unpacked");
  EXPECT_EQ(dropped(VPN_S3), 0u) << "not while nothing has to be in a tunnel";
  content.flags = VPN_TABLE_ALWAYS_ON;
  publish(content);
  for (const int protocol : {4, 41, 47, 94, 97, 98, 115, 137}) send_from_peer("10.77.0.2", protocol, "to be unpacked");
  EXPECT_EQ(dropped(VPN_S3), 8u);
  send_from_peer("10.99.0.2", 47, "of the tunnel's own");
  EXPECT_EQ(dropped(VPN_S3), 8u);
  send_from_peer("10.77.0.2", IPPROTO_ICMP, std::string("\x05\x01\x00\x00\x0a\x4d\x00\x09", 8) + std::string(28, 'E'));
  EXPECT_EQ(dropped(VPN_S8), 1u) << "a redirect is never accepted";
}

TEST_F(Arrivals, AcceptsAnErrorWithTheFlowThatItQuotes) {
  publish(table({drop_cell, drop_cell, system_cell}));
  room_->enter_cgroup();
  const auto refused = [&] {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_in closed = at("10.77.0.1", 9);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&closed), sizeof(closed)), 0);
    EXPECT_EQ(::send(fd, "x", 1, 0), 1);
    pollfd wait{fd, POLLIN, 0};
    ::poll(&wait, 1, 300);
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    ::close(fd);
    return error == ECONNREFUSED;
  };
  EXPECT_TRUE(refused()) << "the socket's owner may talk there, so it may hear of it too";
  /* Nobody's: what it quotes is judged as forwarded, and that is refused here. */
  const std::string quoted(
      "\x45\x00\x00\x1c\x00\x01\x00\x00\x40\x11\x00\x00\x0a\x4d\x00\x02\x0a\x4d\x00\x01\xff\xfe\x00\x09\x00\x08\x00"
      "\x00",
      28);
  send_from_peer("10.77.0.2", IPPROTO_ICMP, std::string("\x03\x03\x00\x00\x00\x00\x00\x00", 8) + quoted);
  EXPECT_EQ(dropped(VPN_S3E), 1u);
}

class Forwarded : public Arrivals {
 protected:
  void SetUp() override {
    Arrivals::SetUp();
    if (IsSkipped()) return;
    children_.push_back(start_namespace());
    container_ = "nsenter --net=/proc/" + std::to_string(children_.back()) + "/ns/net ";
    run("ip link add br0 type bridge");
    run("ip addr add 172.30.0.1/24 dev br0");
    run("ip link add c0 type veth peer name eth0 netns " + std::to_string(children_.back()));
    run("ip link set c0 master br0 up");
    run("ip link set br0 up");
    run(container_ + "ip addr add 172.30.0.2/24 dev eth0");
    run(container_ + "ip link set eth0 up");
    run(container_ + "ip route add default via 172.30.0.1");
    std::ofstream("/proc/sys/net/ipv4/ip_forward") << 1; /* of this namespace */
    run("ip rule add fwmark 0x05000000/0xff000000 lookup 105");
    run("ip route add default via 10.99.0.1 dev wg0 table 105");
    auto gate = Gate::open();
    ASSERT_TRUE(gate);
    gate_ = std::make_unique<Gate>(std::move(*gate));
  }
  void guard() {
    std::vector<Interface> all = room_->interfaces();
    all.push_back({::if_nametoindex("br0"), "br0", InterfaceKind::inner, true});
    all.push_back({::if_nametoindex("c0"), "c0", InterfaceKind::inner, true});
    know(all);
    GatePlan plan;
    plan.interfaces = all;
    const auto ticket = guard_->draw_ticket();
    plan.tickets = {ticket[0]};
    plan.forward = guard_->forward_marks();
    const auto done = gate_->apply(plan);
    ASSERT_TRUE(done) << done.error().what << done.error().where;
    guard_->use_ticket(ticket[0]);
  }
  void send_from_container(const std::string& text) const {
    run(container_ + "bash -c 'echo -n " + text + " >/dev/udp/10.77.0.1/9'");
  }
  Content forwarding(std::uint64_t cell_of_forwarded) const {
    Content c = table({cell_of_forwarded, drop_cell, system_cell});
    c.v4.push_back({0xac1e0001, 1}); /* 172.30.0.1 is the device's own */
    c.v4.push_back({0xac1e0002, 0});
    c.marks = {5, 6, 7};
    return c;
  }

  std::unique_ptr<Gate> gate_;
  std::string container_;
};

TEST_F(Forwarded, GoWhereTheTableSaysOrNowhere) {
  Capture wire = room_->capture("eth0"), tunnel = room_->capture("wg0");
  send_from_container("control");
  EXPECT_EQ(wire.count("control"), 1) << "the control must leak, or the test proves nothing";
  publish(forwarding(drop_cell));
  guard();
  send_from_container("refused");
  publish(forwarding(tunnel_cell));
  send_from_container("tunnelled");
  guard_->set_connected(0, false);
  send_from_container("tunnel-down");
  EXPECT_EQ(wire.count("refused") + wire.count("tunnelled") + wire.count("tunnel-down"), 0);
  EXPECT_EQ(tunnel.count("tunnelled"), 1);
  EXPECT_EQ(tunnel.count("tunnel-down") + tunnel.count("refused"), 0);
}

TEST_F(Forwarded, LeaveDirectlyWithATicketOfTheirOwn) {
  Capture wire = room_->capture("eth0");
  publish(forwarding(direct_cell));
  guard();
  run("ip rule del fwmark 0x05000000/0xff000000");
  send_from_container("direct");
  EXPECT_EQ(wire.count("direct"), 1);
  guard_->use_ticket(1); /* of sockets; the forward chain has the gate's own */
  ASSERT_TRUE(gate_->set_tickets({0x12345678}));
  send_from_container("rotated");
  EXPECT_EQ(wire.count("rotated"), 1);
}

}  // namespace
}  // namespace vpn::agent::test
