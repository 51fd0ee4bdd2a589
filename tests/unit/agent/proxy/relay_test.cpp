// The relay with apps and a SOCKS5 proxy on loopback; the test says what the kernel and the rules would.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <random>
#include <thread>

#include "agent/network/socket_address.h"
#include "agent/proxy/relay_thread.h"
#include "agent/tunnel/tls.h"
#include "tests/support/certificate.h"
#include "tests/support/no_descriptors.h"

namespace vpn::agent::proxy {
namespace {

using namespace std::string_literals;
using std::chrono::milliseconds;

const policy::Address here = policy::Address::from_v4(0x7f000001);

std::uint16_t own_port(int socket) {
  sockaddr_storage own{};
  socklen_t size = sizeof(own);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size);
  return from_socket_address(own)->second;
}

Descriptor blocking_socket(int type, std::uint16_t port = 0, bool connects = false) {
  Descriptor out(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(out.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_storage where{};
  const socklen_t size = socket_address(here, port, where);
  const auto* address = reinterpret_cast<const sockaddr*>(&where);
  EXPECT_EQ(connects ? ::connect(out.get(), address, size) : ::bind(out.get(), address, size), 0);
  return out;
}

std::string heard(int socket, std::size_t size) {
  std::string out(size, '\0');
  const ssize_t n = ::recv(socket, out.data(), size, MSG_WAITALL);
  out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return out;
}

// The end, told as an error: nobody takes it for all that there was.
bool is_reset(int socket) {
  char byte = 0;
  return ::recv(socket, &byte, 1, 0) < 0 && errno == ECONNRESET;
}

bool say(int socket, std::string_view bytes) {
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

// A side of a connection that waits, in TLS or not.
struct Talk {
  int socket = -1;
  SSL* tls = nullptr;
  std::size_t take(char* room, std::size_t size) const {
    const auto n = tls == nullptr ? ::recv(socket, room, size, 0) : SSL_read(tls, room, static_cast<int>(size));
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  std::string hears(std::size_t size) const {
    std::string out(size, '\0');
    std::size_t got = 0;
    for (std::size_t n = 1; n != 0 && got < size; got += n) n = take(out.data() + got, size - got);
    out.resize(got);
    return out;
  }
  bool says(std::string_view bytes) const {
    if (tls == nullptr) return say(socket, bytes);
    return SSL_write(tls, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
  }
};

// Serves one connection after the other: SOCKS5 without a login, then what comes goes back.
class TestProxy {
 public:
  // From the next connection on.
  void speak_tls(const vpn::test::Certificate& own) {
    SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context, own.certificate);
    SSL_CTX_use_PrivateKey(context, own.key);
    tls_ = context;
  }
  enum class Leaves { when_told, without_a_word, with_a_word_and_a_reset };  // the others after the first answer
  std::atomic<Leaves> leaves{Leaves::when_told};
  TestProxy() : listener_(blocking_socket(SOCK_STREAM)), datagrams_(blocking_socket(SOCK_DGRAM)) {
    ::listen(listener_.get(), 16);
    thread_ = std::thread([this] { serve(); });
  }
  ~TestProxy() {
    ending_ = true;
    const Descriptor wakes = blocking_socket(SOCK_STREAM, port(), true);
    thread_.join();
    SSL_CTX_free(tls_);
  }
  std::uint16_t port() const { return own_port(listener_.get()); }
  std::string asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::atomic<char> reply{0};

 private:
  void serve() {
    for (;;) {
      const Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (ending_) return;
      if (client)
        serve(client.get());
      else
        std::this_thread::sleep_for(milliseconds(20));  // a test leaves it no descriptors
    }
  }
  void serve(int client) {
    const timeval patience{2, 0};
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    SSL_CTX* const context = tls_;
    if (context == nullptr) return carry({client, nullptr});
    SSL* const tls = SSL_new(context);
    SSL_set_fd(tls, client);
    if (SSL_accept(tls) == 1) {
      carry({client, tls});
      if (leaves != Leaves::without_a_word) SSL_shutdown(tls);
      const linger at_once{1, 0};
      if (leaves == Leaves::with_a_word_and_a_reset)
        ::setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    SSL_free(tls);
  }
  void carry(const Talk& client) {
    client.hears(3);
    client.says("\5\0"s);
    const std::string head = client.hears(4);
    if (head.size() < 4) return;
    std::string place = head[3] == 3 ? client.hears(1) : client.hears(6);
    if (head[3] == 3) place += client.hears(static_cast<unsigned char>(place[0]) + 2u);
    {
      const std::lock_guard lock(mutex_);
      asked_ = place;
    }
    const std::uint16_t port = head[1] == 3 ? own_port(datagrams_.get()) : std::uint16_t{0};
    std::string answer = "\5\0\0\1\0\0\0\0"s;
    answer[1] = reply;
    answer += static_cast<char>(port >> 8);
    answer += static_cast<char>(port & 0xff);
    client.says(answer);
    if (head[1] == 3) return carry_datagram(client.socket);
    std::array<char, 65536> room{};
    for (;;) {
      const std::size_t n = client.take(room.data(), room.size());
      if (n == 0 || !client.says({room.data(), n}) || leaves != Leaves::when_told) return;
    }
  }
  // The first one goes back three times: as a fragment, from elsewhere, and as it is.
  void carry_datagram(int client) {
    std::array<char, 2048> room{};
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    const ssize_t n =
        ::recvfrom(datagrams_.get(), room.data(), room.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 10) return;
    std::string bytes(room.data(), static_cast<std::size_t>(n));
    const auto back = [&] {
      ::sendto(datagrams_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
    };
    bytes[2] = 1;
    back();
    bytes[2] = 0;
    ++bytes[7];
    back();
    --bytes[7];
    back();
    heard(client, 1);
  }

  Descriptor listener_, datagrams_;
  std::atomic<bool> ending_{false};
  std::atomic<SSL_CTX*> tls_{nullptr};
  std::mutex mutex_;
  std::string asked_;
  std::thread thread_;
};

class RelayTest : public testing::Test {
 protected:
  RelayTest() {
    handed_.remote = *policy::Address::parse("192.0.2.80");
    handed_.port = 7;
    handed_.owner.app = 1;
    route_.place.address = here;
    route_.place.port = proxy_.port();
    route_.to = {{}, handed_.remote, handed_.port};
    RelayThread::Hooks hooks;
    hooks.handed = [this](std::uint8_t, const policy::Address&, std::uint16_t) {
      handed_over_ = Loop::Clock::now().time_since_epoch().count();
      return known_ ? std::optional(handed_) : std::nullopt;
    };
    hooks.datagrams_read = [this](std::chrono::nanoseconds before) { read_until_ = before.count(); };
    hooks.prepare = [this](int, Number) { return !forbidden_; };
    hooks.resolve = [this](const Handed&) {
      Route route = route_;
      route.place.datagrams = datagrams_;
      return routed_ ? std::optional(route) : std::nullopt;
    };
    hooks.allow = [this](Number, const policy::Address&, std::uint16_t) { ++allowed_; };
    hooks.forbid = [this](Number, const policy::Address&, std::uint16_t) { --allowed_; };
    hooks.unreachable = [this](std::uint32_t, const std::string&) { ++unreachable_; };
    std::array<std::uint16_t, 8> ports{};
    std::random_device random;
    for (auto& port : ports) port = static_cast<std::uint16_t>(20'000 + random() % 10'000);
    auto opened = RelayThread::open(agent_, here, ports, std::move(hooks));
    if (!opened) throw std::runtime_error(opened.error().what);
    relay_ = std::move(*opened);
    thread_ = std::thread([this] { agent_.run(); });
  }
  ~RelayTest() override {
    agent_.stop();
    thread_.join();
    relay_.reset();
  }
  // As for an HTTPS proxy; what is said within TLS makes no difference to it.
  void secure(const std::string& name) {
    proxy_.speak_tls(certificate_);
    const std::vector<std::uint8_t> der = certificate_.der();
    route_.place.tls = std::make_shared<ProxyTls>(ProxyTls{*TlsTrust::make({&der, 1}), name});
  }
  void carries_both_ways() {
    const Descriptor client = app();
    std::string much(4 << 20, 'x');
    for (std::size_t i = 0; i < much.size(); i += 7) much[i] = static_cast<char>(i);
    std::thread sender([&] {
      EXPECT_TRUE(say(client.get(), much));
      ::shutdown(client.get(), SHUT_WR);
    });
    std::this_thread::sleep_for(milliseconds(200));  // nobody reads: what comes back has to wait
    EXPECT_TRUE(heard(client.get(), much.size()) == much);
    EXPECT_EQ(heard(client.get(), 1), "") << "and then the end";
    sender.join();
    EXPECT_EQ(proxy_.asked(), "\xc0\0\2\x50\0\7"s);
    EXPECT_TRUE(within([&] { return relay_->counts().streams == 0; }));
    EXPECT_EQ(relay_->counts().carried, 1u);
  }
  Descriptor app(int type = SOCK_STREAM) const { return blocking_socket(type, relay_->port(), true); }
  static bool within(const std::function<bool()>& holds) {
    for (int i = 0; i < 250; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(milliseconds(20));
    }
    return false;
  }

  const vpn::test::Certificate certificate_{"proxy.example"};
  TestProxy proxy_;
  Handed handed_;
  Route route_;
  std::atomic<bool> known_{true}, routed_{true}, datagrams_{true}, forbidden_{false};
  std::atomic<int> allowed_{0}, unreachable_{0};
  std::atomic<std::int64_t> handed_over_{0}, read_until_{0};
  AsioLoop agent_;
  std::unique_ptr<RelayThread> relay_;
  std::thread thread_;
};

TEST_F(RelayTest, CarriesBothWaysAndTheEndOfOneHalf) { carries_both_ways(); }

TEST_F(RelayTest, CarriesBothWaysAndTheEndOfOneHalfOverTls) {
  secure("proxy.example");
  carries_both_ways();
}

TEST_F(RelayTest, AProxyThatIsAnotherIsToldNothing) {
  secure("elsewhere.example");
  EXPECT_TRUE(is_reset(app().get()));
  EXPECT_TRUE(within([&] { return unreachable_ == 1; }));
  EXPECT_EQ(proxy_.asked(), "");
}

TEST_F(RelayTest, AProxyThatSpeaksNoTlsIsToldNothing) {
  secure("proxy.example");
  TestProxy plain;
  route_.place.port = plain.port();
  EXPECT_TRUE(is_reset(app().get()));
  EXPECT_TRUE(within([&] { return unreachable_ == 1; }));
  EXPECT_EQ(plain.asked().find("\xc0\0\2\x50"s), std::string::npos);
}

// Whoever cuts the connection must not make the app believe that this was all.
TEST_F(RelayTest, TlsThatEndsWithoutAWordIsAReset) {
  secure("proxy.example");
  proxy_.leaves = TestProxy::Leaves::without_a_word;
  const Descriptor client = app();
  EXPECT_TRUE(say(client.get(), "hello"));
  EXPECT_EQ(heard(client.get(), 5), "hello");
  EXPECT_TRUE(is_reset(client.get()));
}

// There is nobody left who could be told that the app has ended.
TEST_F(RelayTest, TheEndOfAnAppWhoseProxyHasGoneIsTheEnd) {
  secure("proxy.example");
  proxy_.leaves = TestProxy::Leaves::with_a_word_and_a_reset;
  const Descriptor client = app();
  EXPECT_TRUE(say(client.get(), "hello"));
  EXPECT_EQ(heard(client.get(), 5), "hello");
  EXPECT_EQ(heard(client.get(), 1), "");
  std::this_thread::sleep_for(milliseconds(100));  // the reset has come
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_TRUE(within([&] { return relay_->counts().streams == 0; }));
}

TEST_F(RelayTest, OfNobodyNothing) {
  known_ = false;
  EXPECT_TRUE(is_reset(app().get()));
  known_ = true;
  routed_ = false;
  const Descriptor client = app();
  EXPECT_TRUE(is_reset(client.get()));
  EXPECT_TRUE(within([&] { return relay_->counts().refused == 2; }));
  EXPECT_EQ(unreachable_, 0);
}

TEST_F(RelayTest, AProxyThatRefusesOrIsNotThere) {
  proxy_.reply = 5;
  EXPECT_TRUE(is_reset(app().get()));
  EXPECT_TRUE(within([&] { return relay_->counts().streams == 0; }));
  EXPECT_EQ(unreachable_, 0) << "the destination's fault";
  forbidden_ = true;
  EXPECT_TRUE(is_reset(app().get()));
  EXPECT_TRUE(within([&] { return unreachable_ == 1; }));
}

TEST_F(RelayTest, WhatTheRulesSayOtherwiseNowEnds) {
  const Descriptor client = app();
  EXPECT_TRUE(say(client.get(), "hello"));
  EXPECT_EQ(heard(client.get(), 5), "hello");
  relay_->review([](const Handed&) { return true; });
  relay_->cut_tunnel(1);
  EXPECT_TRUE(say(client.get(), "again"));
  EXPECT_EQ(heard(client.get(), 5), "again");
  relay_->review([](const Handed&) { return false; });
  EXPECT_TRUE(is_reset(client.get()));
  EXPECT_TRUE(within([&] { return relay_->counts().streams == 0; }));
}

// The kernel closes the sockets of a process that is killed: as this does without a word to them.
TEST_F(RelayTest, WhatTheRelayLeavesBehindIsReset) {
  const Descriptor client = app();
  EXPECT_TRUE(say(client.get(), "hello"));
  EXPECT_EQ(heard(client.get(), 5), "hello");
  std::array<sockaddr_storage, 2> ends{};
  int of_relay = -1;
  for (int i = 0; i < 1024 && of_relay < 0; ++i) {
    socklen_t size = sizeof(ends[0]);
    const bool connected = ::getsockname(i, reinterpret_cast<sockaddr*>(ends.data()), &size) == 0 &&
                           ::getpeername(i, reinterpret_cast<sockaddr*>(&ends[1]), &size) == 0;
    const auto own = connected ? from_socket_address(ends[0]) : std::nullopt;
    const auto peer = connected ? from_socket_address(ends[1]) : std::nullopt;
    if (own && peer && own->second == relay_->port() && peer->second == own_port(client.get())) of_relay = i;
  }
  ASSERT_GE(of_relay, 0);
  linger how{};
  socklen_t size = sizeof(how);
  ASSERT_EQ(::getsockopt(of_relay, SOL_SOCKET, SO_LINGER, &how, &size), 0);
  EXPECT_TRUE(how.l_onoff != 0 && how.l_linger == 0);
}

// Connections wait; nobody turns in circles meanwhile.
TEST_F(RelayTest, WithoutDescriptorsItRests) {
  {
    const Descriptor first = app();  // the relay's thread runs, and the sanitizer has seen all of its types
    EXPECT_TRUE(say(first.get(), "hello"));
    EXPECT_EQ(heard(first.get(), 5), "hello");
  }
  const Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_storage where{};
  const socklen_t size = socket_address(here, relay_->port(), where);
  test::NoDescriptors none(agent_);
  ASSERT_TRUE(none.is_true());
  const auto spent = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 + usage.ru_stime.tv_sec * 1000 +
           usage.ru_stime.tv_usec / 1000;
  };
  const auto start = spent();
  const int connected = ::connect(client.get(), reinterpret_cast<const sockaddr*>(&where), size);
  std::this_thread::sleep_for(milliseconds(500));
  const auto time = spent() - start;
  none.end();
  EXPECT_EQ(connected, 0);
  EXPECT_LT(time, 250) << "milliseconds of the processor";
  EXPECT_TRUE(say(client.get(), "hello"));
  EXPECT_EQ(heard(client.get(), 5), "hello");
}

TEST_F(RelayTest, Datagrams) {
  const Descriptor client = app(SOCK_DGRAM);
  EXPECT_TRUE(say(client.get(), "hello"));
  std::array<char, 64> room{};
  ASSERT_EQ(::recv(client.get(), room.data(), room.size(), 0), 5) << "neither the fragment nor another's";
  EXPECT_EQ(allowed_, 1);
  EXPECT_TRUE(within([&] { return read_until_ > handed_over_; })) << "or its port could send to nobody else";
  EXPECT_EQ(::recv(client.get(), room.data(), room.size(), MSG_DONTWAIT), -1) << "once";
  relay_->cut_tunnel(0);
  EXPECT_TRUE(within([&] { return relay_->counts().associations == 0 && allowed_ == 0; }));
}

TEST_F(RelayTest, AProxyWithoutDatagramsGetsNone) {
  datagrams_ = false;
  const Descriptor client = app(SOCK_DGRAM);
  EXPECT_TRUE(say(client.get(), "hello"));
  EXPECT_TRUE(within([&] { return relay_->counts().refused == 1 && relay_->counts().associations == 0; }));
  EXPECT_EQ(proxy_.asked(), "");
}

}  // namespace
}  // namespace vpn::agent::proxy
