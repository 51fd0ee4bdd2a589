#include "agent/control/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace vpn::agent {
namespace {

// A manager's end; `name` with '@' first is abstract.
class Manager {
 public:
  explicit Manager(const std::string& name) : name_(name), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(socket_);
    ::unlink(name_.c_str());
  }
  std::string heard() {
    std::array<char, 256> text{};
    const ssize_t n = ::recv(socket_, text.data(), text.size(), 0);
    return n < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(n));
  }

 private:
  std::string name_;
  int socket_;
};

TEST(Notify, ReachesAManagerAtAPathAndAtAnAbstractName) {
  for (const std::string& name : {testing::TempDir() + "notify-" + std::to_string(::getpid()),
                                  "@vpn-notify-test-" + std::to_string(::getpid())}) {
    Manager manager(name);
    notify("READY=1\nSTATUS=in force");
    EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=in force") << name;
  }
}

TEST(Notify, NobodyToTellIsNoFault) {
  ::unsetenv("NOTIFY_SOCKET");
  notify("READY=1");
  for (const std::string& name :
       {std::string("/nowhere/at/all"), std::string("relative"), "/" + std::string(200, 'x')}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    notify("READY=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
}

TEST(Notify, AManagerThatDoesNotReadKeepsNobody) {
  Manager manager("@vpn-notify-full-" + std::to_string(::getpid()));
  for (int i = 0; i < 2000; ++i) notify(std::string(100, 'x'));
  EXPECT_EQ(manager.heard(), std::string(100, 'x'));
}

}  // namespace
}  // namespace vpn::agent
