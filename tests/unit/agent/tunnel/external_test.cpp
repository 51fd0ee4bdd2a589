#include "agent/tunnel/external.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "agent/loop/asio_loop.h"

namespace vpn::agent {
namespace {

using policy::TunnelStatus;

struct Reports {
  std::vector<ProviderReport> all;
  Provider::Listener listener() {
    return [this](const ProviderReport& r) { all.push_back(r); };
  }
  const ProviderReport& last() const { return all.back(); }
};

NetworkView with_interface(bool up) {
  NetworkView v;
  v.links.resize(1);
  v.links[0].index = 7;
  v.links[0].name = "wg0";
  v.links[0].up = up;
  v.addresses = {{7, *policy::Address::parse("10.8.0.2"), 32}};
  return v;
}

ExternalOptions watched() {
  ExternalOptions o;
  o.settings.interface = "wg0";
  o.settings.endpoints = {{*policy::Address::parse("203.0.113.5"), 17, 51820}};
  o.process.mark = 51820;
  return o;
}

TEST(InterfaceProvider, FollowsItsInterface) {
  Reports reports;
  InterfaceProvider p(watched(), reports.listener());
  ASSERT_TRUE(p.configure({}));
  EXPECT_EQ(reports.last().status, TunnelStatus::disconnected);
  EXPECT_FALSE(reports.last().deliberate);
  p.network_changed(with_interface(true));
  EXPECT_EQ(reports.last().status, TunnelStatus::connected);
  EXPECT_EQ(reports.last().settings.addresses.size(), 1u);
  EXPECT_EQ(reports.last().settings.included_routes.size(), 2u);  // everything, unless the configuration says otherwise
  EXPECT_EQ(reports.last().process.mark, 51820u);
  const std::size_t before = reports.all.size();
  p.network_changed(with_interface(true));
  EXPECT_EQ(reports.all.size(), before);
  p.network_changed(with_interface(false));
  EXPECT_EQ(reports.last().status, TunnelStatus::disconnected);
  p.connect({});
  EXPECT_EQ(reports.last().status, TunnelStatus::connecting);
  p.network_changed(with_interface(true));
  p.disconnect();
  EXPECT_EQ(reports.last().status, TunnelStatus::disconnected);
  EXPECT_TRUE(reports.last().deliberate);
}

struct Channel final : ClientChannel {
  std::vector<std::string> said;
  bool closed = false;
  bool send(std::string_view message) override {
    said.emplace_back(message);
    return true;
  }
  void close() override { closed = true; }
};

TEST(ClientProvider, PassesWishesOnAndReportsBack) {
  Reports reports;
  ClientProvider p({}, reports.listener());
  ASSERT_TRUE(p.configure({}));
  EXPECT_EQ(reports.last().status, TunnelStatus::disconnected);
  p.connect({"wlan0", {}});  // nobody is there yet: kept
  Channel channel;
  Peer peer;
  peer.process.cgroups = {"/system.slice/client.service"};
  p.attach(channel, peer);
  ASSERT_EQ(channel.said.size(), 1u);
  EXPECT_THAT(channel.said[0], testing::HasSubstr("connect"));
  ClientReport report;
  report.report.status = TunnelStatus::connected;
  report.report.settings.interface = "tun0";
  p.received(channel, report);
  EXPECT_EQ(reports.last().status, TunnelStatus::connected);
  EXPECT_THAT(reports.last().process.cgroups, testing::ElementsAre("/system.slice/client.service"));
  p.disconnect();
  EXPECT_THAT(channel.said.back(), testing::HasSubstr("disconnect"));
  p.detach(channel);
  EXPECT_EQ(reports.last().status, TunnelStatus::disconnected);
  EXPECT_FALSE(reports.last().deliberate);  // a client that dies is a fault
}

TEST(ClientProvider, TheNewestClientCounts) {
  Reports reports;
  ClientProvider p({}, reports.listener());
  Channel first, second;
  p.attach(first, {});
  p.attach(second, {});
  EXPECT_TRUE(first.closed);
  const std::size_t before = reports.all.size();
  p.received(first, {});
  p.detach(first);
  EXPECT_EQ(reports.all.size(), before);
}

TEST(ClientProvider, OnlyRootAndTheConfiguredUserMaySpeak) {
  Reports reports;
  ExternalOptions o;
  o.client_uid = 990;
  ClientProvider p(o, reports.listener());
  Peer peer;
  EXPECT_TRUE(p.may_speak(peer));
  peer.uid = 990;
  EXPECT_TRUE(p.may_speak(peer));
  peer.uid = 1000;
  EXPECT_FALSE(p.may_speak(peer));
}

// A client over the real socket.
class ExternalServerTest : public testing::Test {
 protected:
  ExternalServerTest() : provider_({}, reports_.listener()) {
    auto server =
        ExternalServer::open(loop_, path_, [this](const std::string& id) { return id == "T" ? &provider_ : nullptr; });
    EXPECT_TRUE(server) << server.error().what;
    server_ = std::move(*server);
    socket_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path_.data(), path_.size());
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~ExternalServerTest() override { ::close(socket_); }
  void say(const std::string& text) {
    EXPECT_EQ(::send(socket_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    const auto enough = loop_.after(std::chrono::milliseconds(30), [this] { loop_.stop(); });
    loop_.run();
    loop_.restart();
  }
  std::string heard() {
    std::array<char, 4096> buffer{};
    const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return n <= 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(n));
  }
  AsioLoop loop_;
  Reports reports_;
  ClientProvider provider_;
  std::string path_ = testing::TempDir() + "/clients-" + std::to_string(::getpid());
  std::unique_ptr<ExternalServer> server_;
  int socket_ = -1;
};

TEST_F(ExternalServerTest, TakesReportsAfterAHello) {
  say(R"({"status": "connecting"})");
  EXPECT_THAT(heard(), testing::HasSubstr("hello first"));
  EXPECT_TRUE(reports_.all.empty());
  say(R"({"hello": 1, "tunnel": "t"})");
  say(R"({"status": "connected", "settings": {"interface": "tun0"}})");
  ASSERT_FALSE(reports_.all.empty());
  EXPECT_EQ(reports_.last().status, TunnelStatus::connected);
  say("nonsense");
  EXPECT_THAT(heard(), testing::HasSubstr("error"));
  EXPECT_EQ(reports_.last().status, TunnelStatus::connected);
  ::shutdown(socket_, SHUT_RDWR);
  const auto enough = loop_.after(std::chrono::milliseconds(30), [this] { loop_.stop(); });
  loop_.run();
  EXPECT_EQ(reports_.last().status, TunnelStatus::disconnected);
}

TEST_F(ExternalServerTest, CutsOffWhoSpeaksForATunnelThatIsNotExternal) {
  say(R"({"hello": 1, "tunnel": "OTHER"})");
  EXPECT_THAT(heard(), testing::HasSubstr("not configured"));
  std::array<char, 8> buffer{};
  EXPECT_EQ(::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT), 0);  // closed
}

}  // namespace
}  // namespace vpn::agent
