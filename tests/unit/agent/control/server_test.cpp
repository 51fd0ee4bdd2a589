#include "agent/control/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/loop/asio_loop.h"

namespace vpn::agent {
namespace {

class ControlServerTest : public testing::Test {
 protected:
  ControlServerTest() {
    auto server =
        ControlServer::open(loop_, path_, std::nullopt, [this](ControlClient& client, const ControlRequest& r) {
          seen_.push_back(r);
          client.send(reply(nlohmann::json(seen_.size())));
          client.gone = [this] { ++gone_; };
        });
    if (server) server_ = std::move(*server);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~ControlServerTest() override {
    ::close(socket_);
    std::filesystem::remove(path_);
  }
  void say(std::string_view text) {
    ASSERT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    const auto enough = loop_.after(std::chrono::milliseconds(20), [&] { loop_.stop(); });
    loop_.run();
    loop_.restart();
  }

  std::string path_ = testing::TempDir() + "control-test-" + std::to_string(::getpid());
  AsioLoop loop_;
  std::vector<ControlRequest> seen_;
  unsigned gone_ = 0;
  std::unique_ptr<ControlServer> server_;
  int socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected_ = false;
};

TEST_F(ControlServerTest, BytesFollowAnAnswerAndThenTheNextRequest) {
  ASSERT_TRUE(server_ != nullptr && connected_);
  say("{\"command\": \"status\"}\n{\"command\": \"answer\", \"tunnel\": \"A\", \"question\": 5, \"bytes\": 9}\nab\nc");
  ASSERT_EQ(seen_.size(), 1u) << "half an answer is none";
  say("{\"}\n");
  EXPECT_EQ(seen_.size(), 1u);
  say("d{\"command\": \"status\"}\n");
  ASSERT_EQ(seen_.size(), 3u);
  EXPECT_EQ(seen_[1].command, ControlCommand::answer);
  EXPECT_EQ(text_of(seen_[1].value), "ab\nc{\"}\nd") << "whatever is in it";
  EXPECT_EQ(seen_[2].command, ControlCommand::status);
}

TEST_F(ControlServerTest, WhoGoesIsToldOfOnce) {
  ASSERT_TRUE(server_ != nullptr && connected_);
  say("{\"command\": \"status\"}\n");
  EXPECT_EQ(gone_, 0u);
  ::shutdown(socket_, SHUT_WR);
  for (int i = 0; i < 2; ++i) {
    const auto enough = loop_.after(std::chrono::milliseconds(20), [&] { loop_.stop(); });
    loop_.run();
    loop_.restart();
    EXPECT_EQ(gone_, 1u);
  }
}

TEST_F(ControlServerTest, AnAnswerWithoutItsBytesIsRefused) {
  ASSERT_TRUE(server_ != nullptr && connected_);
  say("{\"command\": \"answer\", \"tunnel\": \"A\", \"question\": 5}\n{\"command\": \"status\"}\n");
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0].command, ControlCommand::status);
}

}  // namespace
}  // namespace vpn::agent
