#include "agent/dns/hidden_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <vector>

#include "agent/loop/asio_loop.h"

namespace vpn::agent {
namespace {

namespace fs = std::filesystem;

class HiddenSocketTest : public testing::Test {
 protected:
  HiddenSocketTest() { fs::create_directories(folder_); }
  ~HiddenSocketTest() override { fs::remove_all(folder_); }

  // Its service.
  static Descriptor serve(const std::string& path) {
    fs::remove(path);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    const sockaddr_un address = address_of(path);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket.get(), 4), 0);
    return socket;
  }
  static bool can_ask(const std::string& path) {
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    const sockaddr_un address = address_of(path);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un out{};
    out.sun_family = AF_UNIX;
    std::memcpy(out.sun_path, path.data(), path.size());
    return out;
  }
  // Each thing when the loop has seen what the one before did.
  void run(std::vector<std::function<void()>> things) {
    std::vector<std::unique_ptr<Waiting>> timers;
    std::chrono::milliseconds when{0};
    things.emplace_back([this] { loop_.stop(); });
    for (auto& thing : things) timers.push_back(loop_.after(when += std::chrono::milliseconds(30), std::move(thing)));
    loop_.run();
  }
  HiddenSocket hidden() {
    return {loop_, path_, [this](const Error& error) { faults_.push_back(error.what); }};
  }

  std::string folder_ = testing::TempDir() + "hidden-" + std::to_string(::getpid());
  std::string path_ = folder_ + "/io.systemd.Resolve";
  AsioLoop loop_;
  std::vector<std::string> faults_;
};

TEST_F(HiddenSocketTest, NobodyAsksOverItUntilItIsShownAgain) {
  const Descriptor service = serve(path_);
  HiddenSocket socket = hidden();
  EXPECT_TRUE(can_ask(path_));
  socket.hide();
  EXPECT_FALSE(can_ask(path_));
  socket.show();
  EXPECT_TRUE(can_ask(path_)) << "the same socket, of the same service";
  EXPECT_FALSE(fs::exists(socket.hidden_path()));
}

TEST_F(HiddenSocketTest, WhatItsServiceMakesAnewIsHiddenToo) {
  HiddenSocket socket = hidden();
  socket.hide();
  Descriptor first, second;
  run({[&] { first = serve(path_); },
       [&] {
         EXPECT_FALSE(can_ask(path_));
         second = serve(path_);
       },
       [&] { EXPECT_FALSE(can_ask(path_)); }});
  socket.show();
  EXPECT_TRUE(can_ask(path_));
}

TEST_F(HiddenSocketTest, AFolderMayComeAndGo) {
  fs::remove_all(folder_);
  HiddenSocket socket = hidden();
  socket.hide();
  fs::create_directories(folder_);
  const Descriptor first = serve(path_);
  socket.look();
  EXPECT_FALSE(can_ask(path_));
  fs::remove_all(folder_);
  run({[] {}});
  fs::create_directories(folder_);
  const Descriptor second = serve(path_);
  socket.look();
  EXPECT_FALSE(can_ask(path_));
  EXPECT_TRUE(faults_.empty());
}

TEST_F(HiddenSocketTest, WhatAnEarlierAgentHidIsPutBack) {
  const Descriptor service = serve(path_);
  {
    HiddenSocket earlier = hidden();
    earlier.hide();
  }
  EXPECT_FALSE(can_ask(path_)) << "it outlives the agent";
  HiddenSocket socket = hidden();
  socket.show();
  EXPECT_TRUE(can_ask(path_));
}

TEST_F(HiddenSocketTest, ANewerOneCountsMoreThanTheHiddenOne) {
  HiddenSocket socket = hidden();
  const Descriptor old = serve(path_);
  socket.hide();
  const Descriptor fresh = serve(path_);  // and the loop has not seen it yet
  socket.show();
  EXPECT_TRUE(can_ask(path_));
  EXPECT_FALSE(fs::exists(socket.hidden_path()));
}

TEST_F(HiddenSocketTest, WhatIsNoSocketIsLeftAlone) {
  fs::create_directories(path_);
  HiddenSocket socket = hidden();
  socket.hide();
  EXPECT_TRUE(fs::is_directory(path_));
  socket.show();
  EXPECT_TRUE(fs::is_directory(path_));
}

}  // namespace
}  // namespace vpn::agent
