// Lookups steered to a forwarder, in a real kernel: a socket of the test plays the forwarder.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "guarded.h"

namespace vpn::agent::test {
namespace {

constexpr std::uint16_t place = 1017;
constexpr const char* forwarder_address = "127.0.0.118";

class Lookups : public GuardedTest {
 protected:
  void SetUp() override {
    GuardedTest::SetUp();
    if (IsSkipped()) return;
    datapath_.emplace(open());
    know_interfaces(*datapath_);
    datapath_->set_forwarder({*policy::Address::parse(forwarder_address), place});
    app_ = datapath_->number("com.example.app").value();
    apps_ = {{app_, 1, 0}};
    pairs_ = {VPN_OTHER, VPN_FIRST_APP | steered};
    udp_ = std::make_unique<Socket>(AF_INET, SOCK_DGRAM);
    tcp_ = std::make_unique<Socket>(AF_INET, SOCK_STREAM);
    udp6_ = std::make_unique<Socket>(AF_INET6, SOCK_DGRAM);
    const sockaddr_in own = Socket::target(forwarder_address, place);
    ASSERT_EQ(::bind(udp_->fd(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
    ASSERT_EQ(::bind(tcp_->fd(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
    ASSERT_EQ(::listen(tcp_->fd(), 8), 0);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(place);
    six.sin6_addr = in6addr_loopback;
    ASSERT_EQ(::bind(udp6_->fd(), reinterpret_cast<const sockaddr*>(&six), sizeof(six)), 0);
  }
  void be_the_app() {
    ASSERT_TRUE(datapath_->set_owners({{CgroupOwner{room_->cgroup_id(), {.app = app_}}}}, {}));
    publish(*datapath_, {drop_cell, drop_cell, system_cell, drop_cell});
  }
  /// What came, and from which port.
  static std::pair<std::string, sockaddr_in6> receive(const Socket& socket) {
    std::array<char, 512> text{};
    sockaddr_in6 from{};
    socklen_t size = sizeof(from);
    const ssize_t n =
        ::recvfrom(socket.fd(), text.data(), text.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size);
    return {n < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(n)), from};
  }
  std::optional<Asker> asker_of(const sockaddr_in6& from, std::uint8_t protocol = IPPROTO_UDP) const {
    if (from.sin6_family == AF_INET6)
      return datapath_->asker(protocol, policy::Address::from_v6(0, 1), ntohs(from.sin6_port));
    sockaddr_in four{};
    std::memcpy(&four, &from, sizeof(four));
    return datapath_->asker(protocol, policy::Address::from_v4(ntohl(four.sin_addr.s_addr)), ntohs(four.sin_port));
  }
  static void answer(const Socket& socket, const sockaddr_in6& to, const std::string& text) {
    const socklen_t size = to.sin6_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    ASSERT_GE(::sendto(socket.fd(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), size), 0);
  }
  static std::string peer_of(const Socket& socket) {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    std::array<char, INET_ADDRSTRLEN> text{};
    if (::getpeername(socket.fd(), reinterpret_cast<sockaddr*>(&peer), &size) != 0) return "none";
    ::inet_ntop(AF_INET, &peer.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(peer.sin_port));
  }

  std::optional<Datapath> datapath_;
  Number app_ = 0;
  std::unique_ptr<Socket> udp_, tcp_, udp6_;  // of the forwarder
};

TEST_F(Lookups, AnUnconnectedSocketSeesTheResolverThatItAsked) {
  be_the_app();
  const Socket udp(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(udp.send_to("10.77.0.1", 53, "who"), 0);
  const auto [text, from] = receive(*udp_);
  EXPECT_EQ(text, "who");
  const auto asker = asker_of(from);
  ASSERT_TRUE(asker);
  EXPECT_EQ(asker->owner.app, app_);
  EXPECT_EQ(asker->resolver->to_string(), "10.77.0.1");
  EXPECT_EQ(asker->resolver_port, 53);
  answer(*udp_, from, "me");
  const auto [back, resolver] = receive(udp);
  EXPECT_EQ(back, "me");
  sockaddr_in seen{};
  std::memcpy(&seen, &resolver, sizeof(seen));
  EXPECT_EQ(seen.sin_addr.s_addr, ::inet_addr("10.77.0.1"));
  EXPECT_EQ(ntohs(seen.sin_port), 53);
}

TEST_F(Lookups, ConnectedSocketsToo) {
  be_the_app();
  const Socket udp(AF_INET, SOCK_DGRAM), tcp(AF_INET, SOCK_STREAM);
  ASSERT_EQ(udp.connect_to("9.9.9.9", 53), 0) << "which no route of the table would reach";
  EXPECT_EQ(peer_of(udp), "9.9.9.9:53");
  ASSERT_EQ(::send(udp.fd(), "who", 3, 0), 3);
  EXPECT_EQ(receive(*udp_).first, "who");
  ASSERT_EQ(tcp.connect_to("9.9.9.9", 53), 0);
  EXPECT_EQ(peer_of(tcp), "9.9.9.9:53");
  sockaddr_in6 from{};
  socklen_t size = sizeof(from);
  const int client = ::accept(tcp_->fd(), reinterpret_cast<sockaddr*>(&from), &size);
  ASSERT_GE(client, 0);
  const auto asker = asker_of(from, IPPROTO_TCP);
  ASSERT_TRUE(asker);
  EXPECT_EQ(asker->owner.app, app_);
  EXPECT_EQ(asker->resolver->to_string(), "9.9.9.9");
  ::close(client);
}

TEST_F(Lookups, ThroughIpv6AndMappedAddresses) {
  be_the_app();
  const Socket six(AF_INET6, SOCK_DGRAM);
  ASSERT_EQ(six.send_to6("fd77::1", 53, "six"), 0);
  const auto [text, from] = receive(*udp6_);
  EXPECT_EQ(text, "six");
  ASSERT_TRUE(asker_of(from));
  EXPECT_EQ(asker_of(from)->resolver->to_string(), "fd77::1");
  answer(*udp6_, from, "me");
  EXPECT_EQ(receive(six).second.sin6_addr.s6_addr[15], 1);
  ASSERT_EQ(six.send_to6("::ffff:10.77.0.1", 53, "mapped"), 0);
  const auto [mapped, from4] = receive(*udp_);
  EXPECT_EQ(mapped, "mapped");
  answer(*udp_, from4, "me");
  const auto seen = receive(six).second;
  EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&seen.sin6_addr));
  EXPECT_EQ(seen.sin6_addr.s6_addr[12], 10);
  EXPECT_EQ(ntohs(seen.sin6_port), 53);
}

TEST_F(Lookups, OnlyThoseOfOwnersThatTheTableNames) {
  Capture wire = room_->capture("eth0");
  publish(*datapath_, {drop_cell, drop_cell, system_cell, drop_cell});
  const Socket udp(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(udp.send_to("10.77.0.1", 53, "ordinary"), 0);
  EXPECT_EQ(receive(*udp_).first, "");
  EXPECT_EQ(wire.count("ordinary"), 1);
}

TEST_F(Lookups, OfASocketBoundToADeviceNothingReachesTheWire) {
  Capture wire = room_->capture("eth0");
  const Socket udp(AF_INET, SOCK_DGRAM), connected(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(::setsockopt(udp.fd(), SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4), 0);
  ASSERT_EQ(::setsockopt(connected.fd(), SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4), 0);
  be_the_app();
  ASSERT_TRUE(datapath_->attribute_existing());
  EXPECT_EQ(udp.send_to("10.77.0.1", 53, "bound"), EPERM);
  EXPECT_EQ(udp.send_to("10.77.0.1", 53, "bound"), 0) << "it is not, from then on";
  EXPECT_EQ(connected.connect_to("10.77.0.1", 53), 0);
  EXPECT_EQ(::send(connected.fd(), "bound", 5, 0), 5);
  EXPECT_EQ(wire.count("bound"), 0);
}

// As systemd-resolved asks the resolvers of a link.
TEST_F(Lookups, OfASocketThatPrefersAnInterface) {
  Capture wire = room_->capture("eth0");
  const std::uint32_t eth0 = htonl(room_->eth0());
  const int eth0_of_v6 = static_cast<int>(htonl(room_->eth0()));
  const auto prefers = [&](const Socket& s) {
    ASSERT_EQ(::setsockopt(s.fd(), IPPROTO_IP, IP_UNICAST_IF, &eth0, sizeof(eth0)), 0);
  };
  be_the_app();
  const Socket app(AF_INET, SOCK_DGRAM), six(AF_INET6, SOCK_DGRAM);
  prefers(app);
  ASSERT_EQ(::setsockopt(six.fd(), IPPROTO_IPV6, IPV6_UNICAST_IF, &eth0_of_v6, sizeof(eth0_of_v6)), 0);
  EXPECT_EQ(app.send_to("10.77.0.1", 53, "of an app"), EPERM);
  EXPECT_EQ(app.connect_to("10.77.0.1", 53), EPERM);
  EXPECT_EQ(six.send_to6("fd77::1", 53, "of an app"), EPERM);
  ASSERT_TRUE(datapath_->set_owners({}, {}));
  pairs_[0] = VPN_OTHER | steered;
  publish(*datapath_, {drop_cell, drop_cell, system_cell, drop_cell});
  const Socket other(AF_INET, SOCK_DGRAM);
  prefers(other);
  EXPECT_EQ(other.send_to("10.77.0.1", 53, "of a service"), 0) << "it has its verdict";
  EXPECT_EQ(wire.count("of a service"), 1);
  EXPECT_EQ(wire.count("of an app"), 0);
}

TEST_F(Lookups, WhatIsMeantForTheDeviceItselfStaysThere) {
  Capture wire = room_->capture("eth0");
  publish(*datapath_, {drop_cell, drop_cell, system_cell, drop_cell});
  const Socket udp(AF_INET, SOCK_DGRAM);
  in_pktinfo info{};
  info.ipi_ifindex = static_cast<int>(room_->eth0());
  std::array<char, CMSG_SPACE(sizeof(info))> control{};
  sockaddr_in to = Socket::target("127.0.0.9", 9);
  char text[] = "scoped";
  iovec data{text, 6};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof(to);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = IPPROTO_IP;
  header->cmsg_type = IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(info));
  std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  EXPECT_LT(::sendmsg(udp.fd(), &message, 0), 0);
  EXPECT_EQ(wire.count("scoped"), 0);
}

TEST_F(Lookups, APortIsNobodyElsesBeforeItsQuestionsWereRead) {
  be_the_app();
  sockaddr_in own = Socket::target("127.0.0.1", 4242);
  {
    const Socket udp(AF_INET, SOCK_DGRAM);
    ASSERT_EQ(::bind(udp.fd(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
    ASSERT_EQ(udp.send_to("10.77.0.1", 53, "first"), 0);
  }
  const Number other = datapath_->number("com.example.other").value();
  apps_.push_back({other, 1, 0});
  ASSERT_TRUE(datapath_->set_owners({{CgroupOwner{room_->cgroup_id(), {.app = other}}}}, {}));
  publish(*datapath_, {drop_cell, drop_cell, system_cell, drop_cell});
  const Socket udp(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(::bind(udp.fd(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
  EXPECT_EQ(udp.send_to("10.77.0.1", 53, "second"), EPERM);
  const auto [text, from] = receive(*udp_);
  EXPECT_EQ(text, "first");
  EXPECT_EQ(asker_of(from)->owner.app, app_);
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  datapath_->questions_read(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  EXPECT_EQ(udp.send_to("10.77.0.1", 53, "third"), 0);
  EXPECT_EQ(asker_of(receive(*udp_).second)->owner.app, other);
}

// What a proxy carries: the relay learns of each connection whom it asks for, also of a socket's second one.
TEST_F(Lookups, ASocketThatConnectsAgainAsksForAnother) {
  constexpr std::uint64_t proxy_cell =
      cell(half_cell(VPN_PROXY, VPN_S4E, 0, VPN_ANYWHERE), half_cell(VPN_DROP, VPN_S4E, 0, VPN_ANYWHERE));
  be_the_app();
  datapath_->set_relay(place);
  publish(*datapath_, {drop_cell, drop_cell, system_cell, proxy_cell});
  const Socket tcp(AF_INET, SOCK_STREAM);
  const auto asked = [&](const char* address, std::uint16_t port) -> std::string {
    if (const int error = tcp.connect_to(address, port); error != 0) return std::strerror(error);
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    const int client = ::accept(tcp_->fd(), reinterpret_cast<sockaddr*>(&from), &size);
    if (client < 0) return "nothing came";
    const auto handed =
        datapath_->handed(IPPROTO_TCP, policy::Address::from_v4(ntohl(from.sin_addr.s_addr)), ntohs(from.sin_port));
    ::close(client);
    return handed ? handed->remote.to_string() + ":" + std::to_string(handed->port) : "nobody's";
  };
  EXPECT_EQ(asked("9.9.9.9", 80), "9.9.9.9:80");
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  ASSERT_EQ(::connect(tcp.fd(), &none, sizeof(none)), 0);
  EXPECT_EQ(asked("9.9.9.10", 443), "9.9.9.10:443");
}

TEST_F(Lookups, OurQuestionsAreJudgedAsTheirOwners) {
  Capture tunnel = room_->capture("wg0"), wire = room_->capture("eth0");
  ASSERT_TRUE(datapath_->set_owners({{CgroupOwner{room_->cgroup_id(), {.agent = true}}}}, {}));
  publish(*datapath_, {drop_cell, drop_cell, system_cell, tunnel_cell});
  const Socket ours(AF_INET, SOCK_DGRAM);
  Owner owner;
  owner.app = app_;
  ASSERT_TRUE(datapath_->ask_for(ours.fd(), owner, 0));
  EXPECT_EQ(ours.send_to("10.99.0.1", 53, "inside"), 0) << "and it is not steered back to us";
  EXPECT_EQ(ours.send_to("10.77.0.1", 53, "beside"), EPERM) << "tunnel(t) leaves by t's interface and no other";
  ASSERT_TRUE(datapath_->attribute_existing());
  EXPECT_EQ(ours.send_to("10.77.0.1", 53, "beside"), EPERM) << "it stays the app's";
  datapath_->set_connected(0, false);
  EXPECT_EQ(ours.send_to("10.99.0.1", 53, "down"), EPERM);
  EXPECT_EQ(tunnel.count("inside"), 1);
  EXPECT_EQ(tunnel.count("down"), 0);
  EXPECT_EQ(wire.count("beside"), 0);
}

}  // namespace
}  // namespace vpn::agent::test
