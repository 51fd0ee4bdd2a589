// What tests of the programs in a real kernel start from.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath/datapath.h"
#include "room.h"
#include "tables.h"

namespace vpn::agent::test {

class Socket {
 public:
  Socket(int family, int type, int protocol = 0) : fd_(::socket(family, type | SOCK_CLOEXEC, protocol)) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  /// 0, or errno.
  int send_to(const char* address, std::uint16_t port, const std::string& text) const {
    const sockaddr_in to = target(address, port);
    return ::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) < 0 ? errno
                                                                                                              : 0;
  }
  int send_to6(const char* address, std::uint16_t port, const std::string& text) const {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    ::inet_pton(AF_INET6, address, &to.sin6_addr);
    return ::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) < 0 ? errno
                                                                                                              : 0;
  }
  int connect_to(const char* address, std::uint16_t port) const {
    const sockaddr_in to = target(address, port);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) < 0 ? errno : 0;
  }
  static sockaddr_in target(const char* address, std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &to.sin_addr);
    return to;
  }

 private:
  int fd_;
};

/// The programs of a room's own, and tables that a test states.
class GuardedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    room_ = Room::make();
    if (!room_) GTEST_SKIP() << "needs root: it loads programs into the kernel";
    room_->enter_cgroup();
  }
  Datapath open() {
    auto out = Datapath::open(room_->options());
    EXPECT_TRUE(out) << out.error().what << "\n" << out.error().help;
    return std::move(*out);
  }
  /// A table whose cells are one for each class of owners, from `forwarded` on.
  void publish(Datapath& d, const std::vector<std::uint64_t>& cells, bool connected = true,
               const std::vector<std::uint64_t>& stale_cells = {}) {
    const auto fresh = words(simple(room_->wg0(), room_->eth0(), cells));
    const auto stale = words(simple(room_->wg0(), room_->eth0(), stale_cells.empty() ? cells : stale_cells));
    const std::uint8_t status = connected ? 1 : 0;
    Publication p;
    p.fresh = fresh;
    p.stale = stale;
    p.apps = apps_;
    p.pairs = pairs_;
    p.spawners = spawners_;
    p.connected = {&status, 1};
    const auto done = d.publish(p);
    ASSERT_TRUE(done) << done.error().what;
  }
  void know_interfaces(Datapath& d) {
    const auto done = d.set_interfaces(room_->interfaces());
    ASSERT_TRUE(done) << done.error().what << done.error().help;
  }

  std::unique_ptr<Room> room_;
  std::vector<AppClass> apps_;
  std::vector<std::uint32_t> pairs_{VPN_OTHER};
  std::uint32_t spawners_ = 1;
};

}  // namespace vpn::agent::test
