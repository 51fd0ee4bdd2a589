#include "agent/loop/unix_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "agent/loop/asio_loop.h"

namespace vpn::agent {
namespace {

struct FakeConnection {
  UnixPeer peer;
  bool gone = false;
  const UnixPeer& unix_peer() const { return peer; }
  bool closed() const { return gone; }
};

UnixPeer user(std::uint32_t uid) { return {uid, uid, 1}; }

void run(AsioLoop& loop) {
  const auto enough = loop.after(std::chrono::milliseconds(20), [&] { loop.stop(); });
  loop.run();
  loop.restart();
}

TEST(UnixConnections, NobodyKeepsTheOthersOut) {
  AsioLoop loop;
  UnixConnections<FakeConnection> all(loop);
  for (std::size_t i = 0; i < most_clients_of_one_user; ++i) {
    EXPECT_TRUE(all.admits(user(1000)));
    all.add(FakeConnection{user(1000)});
  }
  EXPECT_FALSE(all.admits(user(1000)));
  EXPECT_TRUE(all.admits(user(1001)));
  for (std::uint32_t uid = 2000; all.size() < most_clients; ++uid) all.add(FakeConnection{user(uid)});
  EXPECT_FALSE(all.admits(user(1001)));
  EXPECT_TRUE(all.admits(user(0))) << "root gets in";
}

TEST(UnixConnections, ClosedOnesGoSoonNotAtOnce) {
  AsioLoop loop;
  UnixConnections<FakeConnection> all(loop);
  all.add(FakeConnection{user(1)}).gone = true;
  all.add(FakeConnection{user(2)});
  all.sweep_soon();
  EXPECT_EQ(all.size(), 2u);
  run(loop);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all.begin()->peer.uid, 2u);
}

TEST(UnixListener, SaysWhoConnects) {
  AsioLoop loop;
  const std::string path = testing::TempDir() + "unix-server-" + std::to_string(::getpid());
  std::ofstream(path) << "left by an earlier one";
  UnixPeer seen;
  int accepted = -1;
  {
    const auto listener = UnixListener::open(loop, path, SOCK_STREAM, "tests", [&](int fd, const UnixPeer& peer) {
      accepted = fd;
      seen = peer;
    });
    ASSERT_TRUE(listener) << listener.error().what;
    struct stat s {};
    ASSERT_EQ(::stat(path.c_str(), &s), 0);
    EXPECT_TRUE(S_ISSOCK(s.st_mode));
    EXPECT_EQ(s.st_mode & 0777, 0666u);
    const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path.data(), path.size());
    ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    run(loop);
    ::close(client);
  }
  ASSERT_GE(accepted, 0);
  EXPECT_EQ(seen.uid, ::geteuid());
  EXPECT_EQ(seen.gid, ::getegid());
  EXPECT_EQ(seen.pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_FALSE(std::filesystem::exists(path)) << "its path goes with it";
  ::close(accepted);
}

TEST(UnixListener, RefusesPathsThatCannotBe) {
  AsioLoop loop;
  const auto nothing = [](int, const UnixPeer&) {};
  EXPECT_EQ(UnixListener::open(loop, "/" + std::string(200, 'x'), SOCK_STREAM, "tests", nothing).error().kind,
            ErrorKind::usage);
  const auto nowhere = UnixListener::open(loop, "/nowhere/at/all", SOCK_STREAM, "tests", nothing);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().kind, ErrorKind::environment);
  EXPECT_NE(nowhere.error().what.find("tests"), std::string::npos);
}

}  // namespace
}  // namespace vpn::agent
