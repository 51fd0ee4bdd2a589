// The gate: its commands as text, and in a real kernel what passes and what does not.
#include "agent/datapath/gate.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "room.h"
#include "tables.h"

namespace vpn::agent::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

GatePlan small_plan() {
  GatePlan plan;
  plan.interfaces = {{1, "lo", InterfaceKind::loopback, false},
                     {2, "eth0", InterfaceKind::physical, true},
                     {3, "wg0", InterfaceKind::tunnel, false},
                     {4, "docker0", InterfaceKind::inner, true}};
  plan.tickets = {0x11223344, 0};
  plan.tunnel_addresses = {{policy::Address::from_v4(0x0a630002), 3},
                           {policy::Address::from_v6(0xfd99ull << 48, 2), 3}};
  plan.outer = {{0x51820, policy::Address::from_v4(0xcb007105), 17, 51820}};
  plan.forward = {0x00ffffff, 0x123456, 0x654321, 0x4abc1230};
  return plan;
}

TEST(GateCommands, GatesPhysicalInterfacesAndNoOthers) {
  const auto text = gate_commands(small_plan());
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("egress_2 { type filter hook egress device \"eth0\" priority filter; policy drop; }"));
  EXPECT_THAT(*text, Not(HasSubstr("egress_3")));
  EXPECT_THAT(*text, Not(HasSubstr("egress_4")));
  EXPECT_THAT(*text,
              HasSubstr("egress_2 meta mark 0x11223344 meta priority 4abc:1230 meta rtclassid & 0 == 0 accept\n"));
  EXPECT_THAT(*text, HasSubstr("arp saddr ip 10.99.0.2 counter drop\n"));
  EXPECT_THAT(*text, HasSubstr("@th,64,128 0xfd990000000000000000000000000002 counter drop\n"));
  EXPECT_THAT(
      *text,
      HasSubstr(
          "meta mark 0x00051820 meta rtclassid & 0 == 0 ip daddr 203.0.113.5 meta l4proto 17 th dport 51820 accept\n"));
  EXPECT_EQ(text->find("delete"), std::string::npos) << "what is there is changed in place: never a moment without";
}

TEST(GateCommands, TakesAwayChainsOfInterfacesThatAreNotWanted) {
  const auto text = gate_commands(small_plan(), {{"netdev egress_9", {"eth9", true, true, 3}},
                                                 {"netdev egress_2", {"old", true, true, 3}},
                                                 {"inet forward", {"", true, true, 4}}});
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("delete chain netdev vpn_guard egress_9\n"));
  EXPECT_LT(text->find("delete chain netdev vpn_guard egress_2\n"), text->find("add chain netdev vpn_guard egress_2 "));
  EXPECT_THAT(*text, Not(HasSubstr("delete chain inet")));
}

TEST(GateCommands, AuditCountsAndLetsPass) {
  GatePlan plan = small_plan();
  plan.audit = true;
  const auto text = gate_commands(plan);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, Not(HasSubstr("drop")));
}

TEST(GateCommands, LetsDhcpOutForRootAndForTheServiceThatSpeaksItForRoot) {
  const std::string dhcp = "ip daddr 255.255.255.255 udp sport 68 udp dport 67 meta skuid != 0 ";
  GatePlan plan = small_plan();
  auto text = gate_commands(plan);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr(dhcp + "counter drop\n"));
  plan.network_uid = 998;
  text = gate_commands(plan);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr(dhcp + "meta skuid != 998 counter drop\n"));
}

TEST(GateCommands, RefusesNamesThatCannotBeWritten) {
  for (const std::string name : {"a\"; drop", "", "tab\there", "back\\slash", "star*"}) {
    GatePlan plan;
    plan.interfaces = {{2, name, InterfaceKind::physical, true}};
    EXPECT_FALSE(gate_commands(plan)) << name;
    plan.interfaces[0].kind = InterfaceKind::tunnel;
    EXPECT_TRUE(gate_commands(plan)) << name;
  }
}

TEST(GateCommands, ReadsListings) {
  const GateChains chains = gate_chains(
      "table netdev vpn_guard {\n\tset tickets {\n\t\ttype mark\n\t}\n\n\tchain exempt {\n\t\tmeta protocol arp "
      "accept\n\t}\n\n"
      "\tchain egress_2 {\n\t\ttype filter hook egress device \"eth0\" priority filter; policy drop;\n\t\tjump exempt\n"
      "\t\tcounter drop\n\t}\n}\n");
  ASSERT_EQ(chains.size(), 2u);
  EXPECT_EQ(chains.at("netdev egress_2"), (GateChain{"eth0", true, true, 2}));
  EXPECT_EQ(chains.at("netdev exempt"), (GateChain{"", false, false, 1}));
}

class GateInKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    room_ = Room::make();
    if (!room_) GTEST_SKIP() << "needs root: it writes nftables in a namespace of its own";
    room_->enter_cgroup();
    auto gate = Gate::open();
    ASSERT_TRUE(gate) << gate.error().what;
    gate_ = std::make_unique<Gate>(std::move(*gate));
  }
  GatePlan plan() const {
    GatePlan out;
    out.interfaces = room_->interfaces();
    return out;
  }
  void apply(const GatePlan& plan) {
    const auto done = gate_->apply(plan);
    ASSERT_TRUE(done) << done.error().what << "\n" << done.error().where;
  }
  /// A UDP datagram in an Ethernet frame, by a packet socket with a mark of its choice. 0, or errno.
  int send_frame(const std::string& interface, const std::string& text, std::uint32_t mark, std::uint16_t port = 9) {
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP));
    ::setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
    std::string frame("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x00", 14);
    iphdr ip{};
    ip.version = 4;
    ip.ihl = 5;
    ip.ttl = 64;
    ip.protocol = IPPROTO_UDP;
    ip.tot_len = htons(static_cast<std::uint16_t>(sizeof(ip) + sizeof(udphdr) + text.size()));
    ip.saddr = ::inet_addr("10.77.0.2");
    ip.daddr = ::inet_addr("10.77.0.1");
    udphdr udp{};
    udp.dest = htons(port);
    udp.len = htons(static_cast<std::uint16_t>(sizeof(udp) + text.size()));
    frame.append(reinterpret_cast<const char*>(&ip), sizeof(ip));
    frame.append(reinterpret_cast<const char*>(&udp), sizeof(udp));
    frame += text;
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ETH_P_IP);
    to.sll_ifindex = static_cast<int>(interface == "eth0" ? room_->eth0() : room_->wg0());
    const ssize_t n = ::sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    const int error = n < 0 ? errno : 0;
    ::close(fd);
    return error;
  }
  int send_udp(const char* address, const std::string& text, std::uint32_t mark = 0) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (mark != 0) ::setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    ::inet_pton(AF_INET, address, &to.sin_addr);
    const ssize_t n = ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    const int error = n < 0 ? errno : 0;
    ::close(fd);
    return error;
  }

  std::unique_ptr<Room> room_;
  std::unique_ptr<Gate> gate_;
};

TEST_F(GateInKernel, StopsWhatHasNoTicket) {
  Capture wire = room_->capture("eth0"), tunnel = room_->capture("wg0");
  send_frame("eth0", "control", 0);
  EXPECT_EQ(wire.count("control"), 1) << "the control must leak, or the test proves nothing";
  GatePlan p = plan();
  p.tickets = {0x5eed5eed};
  apply(p);
  EXPECT_TRUE(gate_->check().good());
  send_frame("eth0", "packet-socket", 0);
  send_frame("eth0", "forged-mark", 0x5eed5eed); /* has no route, so no ticket helps it */
  send_udp("10.77.0.1", "no-guard");
  EXPECT_EQ(wire.count("packet-socket") + wire.count("forged-mark") + wire.count("no-guard"), 0);
  send_frame("wg0", "in-tunnel", 0);
  EXPECT_EQ(tunnel.count("in-tunnel"), 1);
  const auto dropped = gate_->dropped();
  ASSERT_TRUE(dropped);
  std::uint64_t packets = 0;
  for (const auto& d : *dropped)
    if (d.what == "egress eth0") packets = d.packets;
  EXPECT_GE(packets, 3u);
}

TEST_F(GateInKernel, LetsThroughWhatTheGuardStamped) {
  auto d = Datapath::open(room_->options());
  ASSERT_TRUE(d) << d.error().what;
  Capture wire = room_->capture("eth0");
  ASSERT_TRUE(d->set_interfaces(room_->interfaces()));
  const auto table = words(simple(room_->wg0(), room_->eth0(), {system_cell, system_cell, system_cell}));
  const std::uint32_t pair = VPN_OTHER;
  Publication publication;
  publication.fresh = table;
  publication.stale = table;
  publication.pairs = {&pair, 1};
  ASSERT_TRUE(d->publish(publication));
  GatePlan p = plan();
  const auto ticket = d->draw_ticket();
  p.tickets = {ticket[0], ticket[1]};
  p.forward = d->forward_marks();
  apply(p);
  send_udp("10.77.0.1", "before-use");
  d->use_ticket(ticket[0]);
  send_udp("10.77.0.1", "stamped");
  EXPECT_EQ(wire.count("before-use"), 0);
  EXPECT_EQ(wire.count("stamped"), 1);
  const auto next = d->draw_ticket();
  EXPECT_EQ(next[1], ticket[0]);
  ASSERT_TRUE(gate_->set_tickets({next[0], next[1]}));
  send_udp("10.77.0.1", "old-ticket");
  d->use_ticket(next[0]);
  send_udp("10.77.0.1", "new-ticket");
  EXPECT_EQ(wire.count("old-ticket"), 1);
  EXPECT_EQ(wire.count("new-ticket"), 1);
  EXPECT_TRUE(gate_->check().good());
  ASSERT_TRUE(d->remove_guard());
}

TEST_F(GateInKernel, WithoutTicketsIsShut) {
  GatePlan p;
  p.interfaces = plan().interfaces;
  EXPECT_FALSE(gate_->is_there());
  apply(p);
  EXPECT_TRUE(gate_->is_there());
  Capture wire = room_->capture("eth0");
  send_frame("eth0", "without", 0);
  send_udp("10.77.0.1", "without");
  EXPECT_EQ(wire.count("without"), 0);
}

// A change of tickets must not take for its own what somebody else has just written.
TEST_F(GateInKernel, SeesAStrangersRuleWhenTicketsChange) {
  GatePlan p = plan();
  p.tickets = {0x5eed5eed};
  apply(p);
  ASSERT_TRUE(gate_->set_tickets({0x5eed5eee, 0x5eed5eed}));
  run("nft insert rule netdev vpn_guard exempt accept");
  EXPECT_FALSE(gate_->set_tickets({0x5eed5eef, 0x5eed5eee}));
  EXPECT_FALSE(gate_->check().good());
  apply(p);
  EXPECT_TRUE(gate_->check().good());
}

TEST_F(GateInKernel, PassesTheKernelsOwnTunnelPacketsOnly) {
  Capture wire = room_->capture("eth0");
  GatePlan p = plan();
  p.tickets = {0x5eed5eed};
  p.outer = {{0x4242, policy::Address::from_v4(0x0a4d0001), IPPROTO_UDP, 9}};
  apply(p);
  send_udp("10.77.0.1", "outer", 0x4242); /* stands for the kernel: marked, with a route */
  send_frame("eth0", "forged-outer", 0x4242);
  send_udp("10.77.0.1", "unmarked");
  EXPECT_EQ(wire.count("outer"), 1);
  EXPECT_EQ(wire.count("forged-outer") + wire.count("unmarked"), 0);
}

TEST_F(GateInKernel, AnswersNoArpForATunnelsAddress) {
  const std::string tunnel_address("\x0a\x63\x00\x02", 4);
  const auto probe = [&] {
    room_->run_in_peer("ip neigh flush dev eth0");
    room_->run_in_peer("ping -c1 -W1 10.99.0.2 >/dev/null 2>&1 || true");
  };
  room_->run_in_peer("ip route add 10.99.0.2/32 dev eth0");
  GatePlan p = plan();
  apply(p);
  Capture control = room_->capture("eth0");
  probe();
  EXPECT_GE(control.count(tunnel_address), 1) << "the control must leak, or the test proves nothing";
  p.tunnel_addresses = {{policy::Address::from_v4(0x0a630002), room_->wg0()}};
  apply(p);
  Capture wire = room_->capture("eth0");
  probe();
  EXPECT_EQ(wire.count(tunnel_address), 0) << "an ARP answer betrays the tunnel's address";
}

TEST_F(GateInKernel, LeavesForeignTablesAloneAndSeesChanges) {
  run("nft add table inet theirs");
  run("nft add chain inet theirs out '{ type filter hook output priority 0; }'");
  apply(plan());
  gate_->drain();
  pollfd wait{gate_->changes_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, 0), 0);
  EXPECT_TRUE(gate_->check().good());
  run("nft add rule inet theirs out counter");
  EXPECT_TRUE(gate_->check().good()) << "what others do in their tables is theirs";
  gate_->drain();
  run("nft flush chain netdev vpn_guard egress_" + std::to_string(room_->eth0()));
  EXPECT_EQ(::poll(&wait, 1, 1000), 1) << "heard at once";
  EXPECT_FALSE(gate_->check().good());
  apply(plan());
  EXPECT_TRUE(gate_->check().good());
  run("nft delete table netdev vpn_guard");
  EXPECT_FALSE(gate_->check().good());
  ASSERT_TRUE(gate_->remove());
  run("nft list table inet theirs >/dev/null");
}

TEST_F(GateInKernel, ChangesItsModeAndKeepsItsCounters) {
  Capture wire = room_->capture("eth0");
  const auto refused = [&]() -> std::uint64_t {
    const auto all = gate_->dropped();
    if (!all) return 0;
    for (const auto& d : *all)
      if (d.what == "egress eth0") return d.packets;
    return 0;
  };
  GatePlan p = plan();
  apply(p);
  send_frame("eth0", "counted", 0);
  const std::uint64_t before = refused();
  EXPECT_GE(before, 1u);
  p.tunnel_addresses = {{policy::Address::from_v4(0x0a630002), room_->wg0()}};
  p.tickets = {7};
  apply(p);
  EXPECT_GE(refused(), before);
  p.audit = true;
  apply(p);
  EXPECT_TRUE(gate_->check().good());
  send_frame("eth0", "audited", 0);
  EXPECT_EQ(wire.count("audited"), 1);
  p.audit = false;
  apply(p);
  send_frame("eth0", "refused-again", 0);
  EXPECT_EQ(wire.count("refused-again") + wire.count("counted"), 0);
  p.interfaces.erase(p.interfaces.begin() + 1);
  apply(p);
  send_frame("eth0", "not-gated", 0);
  EXPECT_EQ(wire.count("not-gated"), 1) << "the chains of an interface that is not in the plan are gone";
}

TEST_F(GateInKernel, NeverOpensWhileItIsReplaced) {
  Capture wire = room_->capture("eth0");
  GatePlan p = plan();
  p.tickets = {1};
  apply(p);
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) send_udp("10.77.0.1", "flood");
  }
  for (std::uint32_t i = 2; i < 102; ++i) {
    p.tickets = {i, i - 1};
    apply(p);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(wire.count("flood", 50), 0);
}

}  // namespace
}  // namespace vpn::agent::test
