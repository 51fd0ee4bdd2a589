// Connections over HTTPS with a server on loopback that speaks TLS and HTTP/2, or HTTP/1.1, in the same loop.
#include "agent/dns/https.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <list>

#include "agent/files/descriptor.h"
#include "agent/loop/asio_loop.h"
#include "agent/network/socket_address.h"
#include "tests/support/certificate.h"
#include "tests/unit/agent/dns/http2_server.h"
#include "tests/unit/agent/dns/messages.h"

namespace vpn::agent::dns {
namespace {

using std::chrono::milliseconds;
using test::a_question;
using test::an_answer;
using test::Http2Server;
using vpn::test::Certificate;

const policy::Address here = policy::Address::from_v4(0x7f000001);

// As the device keeps its own.
DeviceIdentity identity_of(const Certificate& of) {
  DeviceIdentity out;
  PKCS8_PRIV_KEY_INFO* const info = EVP_PKEY2PKCS8(of.key);
  unsigned char* bytes = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &bytes);
  out.key = wiped(std::as_bytes(std::span(bytes, static_cast<std::size_t>(size))));
  OPENSSL_free(bytes);
  PKCS8_PRIV_KEY_INFO_free(info);
  const Bytes own = of.der();
  const auto view = std::as_bytes(std::span(own));
  out.certificate.assign(view.begin(), view.end());
  return out;
}

struct Connection {
  Descriptor socket;
  SSL* tls = nullptr;
  bool greeted = false, http2 = false, gone = false;
  Http2Server session;
  std::string plain;  // of HTTP/1.1, so far
  std::unique_ptr<Waiting> waiting;
  ~Connection() {
    waiting.reset();
    SSL_free(tls);
  }
};

class TlsServer {
 public:
  enum class Speaks { http2, http1, both };
  TlsServer(Loop& loop, const Certificate& own, Speaks speaks) : loop_(loop), speaks_(speaks) {
    SSL_CTX_use_certificate(context_, own.certificate);
    SSL_CTX_use_PrivateKey(context_, own.key);
    SSL_CTX_set_alpn_select_cb(context_, choose, this);
    sockaddr_storage at{};
    socklen_t size = socket_address(here, 0, at);
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
    ::listen(listening_.get(), 64);
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    port = from_socket_address(at)->second;
    waiting_ = loop_.readable(listening_.get(), [this] { accept(); });
  }
  ~TlsServer() { SSL_CTX_free(context_); }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // Whoever does not show this, or what it has signed, is not heard.
  void wants(const Certificate& device) {
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), device.certificate);
  }
  // What is in a session's output goes to the client.
  void send(Connection& c) {
    const Bytes out = c.session.output();
    if (!out.empty()) SSL_write(c.tls, out.data(), static_cast<int>(out.size()));
  }

  std::uint16_t port = 0;
  bool answers = true;  // else it takes questions and says nothing
  std::size_t questions = 0;
  std::list<Connection> connections;

 private:
  static int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned count,
                    void* user) {
    static constexpr std::array<unsigned char, 3> two{2, 'h', '2'};
    static constexpr std::array<unsigned char, 9> one{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    const bool plain = static_cast<TlsServer*>(user)->speaks_ == Speaks::http1;
    const int found =
        SSL_select_next_proto(&chosen, size, plain ? one.data() : two.data(), plain ? 9 : 3, offered, count);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  void accept() {
    const int socket = ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;
    Connection& c = connections.emplace_back();
    c.socket = Descriptor(socket);
    c.tls = SSL_new(context_);
    SSL_set_fd(c.tls, socket);
    SSL_set_accept_state(c.tls);
    c.waiting = loop_.readable(socket, [this, &c] { go_on(c); });
  }
  void go_on(Connection& c) {
    if (!c.greeted) {
      if (SSL_do_handshake(c.tls) != 1) return;
      c.greeted = true;
      c.http2 = speaks_ != Speaks::http1;
    }
    std::array<std::uint8_t, 16384> room{};
    int n = 0;
    while ((n = SSL_read(c.tls, room.data(), room.size())) > 0) {
      if (c.http2)
        c.session.take({room.data(), static_cast<std::size_t>(n)});
      else
        c.plain.append(room.begin(), room.begin() + n);
    }
    if (SSL_get_error(c.tls, n) != SSL_ERROR_WANT_READ) {
      c.gone = true;
      c.waiting.reset();
      return;
    }
    if (c.http2)
      answer_all(c);
    else
      answer_plainly(c);
  }
  void answer_all(Connection& c) {
    questions += c.session.requests.size();
    if (answers)
      for (const auto& request : std::exchange(c.session.requests, {}))
        c.session.answer(request.stream, an_answer(request.body));
    send(c);
  }
  void answer_plainly(Connection& c) {
    const auto head = c.plain.find("\r\n\r\n");
    if (head == std::string::npos || c.plain.size() <= head + 4) return;
    ++questions;
    const Bytes body = an_answer(Bytes(c.plain.begin() + static_cast<std::ptrdiff_t>(head) + 4, c.plain.end()));
    std::string text =
        "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n";
    text.append(body.begin(), body.end());
    SSL_write(c.tls, text.data(), static_cast<int>(text.size()));
  }

  Loop& loop_;
  Speaks speaks_;
  SSL_CTX* context_ = SSL_CTX_new(TLS_server_method());
  Descriptor listening_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  std::unique_ptr<Waiting> waiting_;
};

// A loop whose clock the test sets.
class TimedLoop final : public Loop {
 public:
  explicit TimedLoop(AsioLoop& below) : below_(below) {}
  std::unique_ptr<Waiting> readable(int d, Callback c) override { return below_.readable(d, std::move(c)); }
  std::unique_ptr<Waiting> writable(int d, Callback c) override { return below_.writable(d, std::move(c)); }
  // What is to come later than soon waits for nothing but the clock that is set.
  std::unique_ptr<Waiting> after(milliseconds time, Callback c) override {
    if (time > milliseconds(1000)) waits = c;
    return below_.after(time, std::move(c));
  }
  Clock::time_point now() const override { return below_.now() + ahead; }
  milliseconds ahead{0};
  Callback waits;

 private:
  AsioLoop& below_;
};

class Https : public testing::Test {
 protected:
  void serve(TlsServer::Speaks speaks) {
    server = std::make_unique<TlsServer>(loop, certificate, speaks);
    const Bytes der = certificate.der();
    trust = *TlsTrust::make({&der, 1});
    resolver.servers = {here};
    resolver.transport = Transport::https;
    resolver.port = server->port;
    resolver.name = "dns.example";
    resolver.path = "/dns-query";
  }
  struct Told {
    int times = 0;
    std::optional<Bytes> answer;
    std::unique_ptr<Waiting> waiting;
  };
  void ask(Told& told, const Bytes& query, const Standing& standing = {}) {
    told.waiting = links.ask({standing, resolver, here, trust, query,
                              [this](int) {
                                ++sockets;
                                return Result<void>();
                              }},
                             [&told](std::optional<Bytes> answer) {
                               ++told.times;
                               told.answer = std::move(answer);
                               told.waiting.reset();
                             });
  }
  template <class Condition>
  bool until(Condition holds, milliseconds limit = milliseconds(3000)) {
    const auto end = Loop::Clock::now() + limit;
    while (!holds() && Loop::Clock::now() < end) {
      const auto turn = loop.after(milliseconds(2), [this] { loop.stop(); });
      loop.restart();
      loop.run();
    }
    return holds();
  }
  std::optional<Bytes> answer_to(const Bytes& query, const Standing& standing = {}) {
    Told told;
    ask(told, query, standing);
    EXPECT_TRUE(until([&] { return told.times > 0; }));
    return told.answer;
  }

  AsioLoop loop;
  TimedLoop timed{loop};
  Certificate certificate{"dns.example"};
  std::unique_ptr<TlsServer> server;
  std::shared_ptr<TlsTrust> trust;
  Resolver resolver;
  HttpsLinks links{timed};
  int sockets = 0;
};

TEST_F(Https, ManyQuestionsHaveOneConnection) {
  serve(TlsServer::Speaks::http2);
  std::list<Told> all(40);
  std::uint16_t id = 0;
  for (Told& told : all) ask(told, a_question("name", ++id));
  EXPECT_EQ(sockets, 1) << "also those that come while it is being opened";
  ASSERT_TRUE(until([&] { return std::all_of(all.begin(), all.end(), [](const Told& t) { return t.times == 1; }); }));
  id = 0;
  for (const Told& told : all) EXPECT_EQ(told.answer, an_answer(a_question("name", ++id)));
  EXPECT_EQ(answer_to(a_question("later", 1)), an_answer(a_question("later", 1)));
  EXPECT_EQ(sockets, 1);
  EXPECT_EQ(server->connections.size(), 1u);
}

TEST_F(Https, NoTwoStandingsShareAConnection) {
  serve(TlsServer::Speaks::http2);
  const Bytes query = a_question("name", 1);
  for (const Standing& standing : {Standing{1, 0, 0}, Standing{2, 0, 0}, Standing{1, 2, 0}, Standing{1, 0, 1}})
    EXPECT_TRUE(answer_to(query, standing));
  EXPECT_EQ(sockets, 4);
  resolver.path = "/other";
  EXPECT_TRUE(answer_to(query, {1, 0, 0}));
  EXPECT_EQ(sockets, 5) << "nor two resolvers";
  EXPECT_EQ(links.size(), 5u);
}

TEST_F(Https, AServerOfHttp1IsAskedEachByItsOwn) {
  serve(TlsServer::Speaks::http1);
  std::list<Told> all(5);
  for (Told& told : all) ask(told, a_question("name", 1));
  ASSERT_TRUE(until([&] { return std::all_of(all.begin(), all.end(), [](const Told& t) { return t.times == 1; }); }));
  for (const Told& told : all) EXPECT_EQ(told.answer, an_answer(a_question("name", 1)));
  EXPECT_EQ(sockets, 5);
  EXPECT_TRUE(answer_to(a_question("name", 1)));
  EXPECT_EQ(sockets, 6);
  EXPECT_TRUE(until([&] { return links.size() == 0; }));
}

TEST_F(Https, WhoeverHasNotTheNameIsToldNothing) {
  serve(TlsServer::Speaks::http2);
  resolver.name = "elsewhere.example";
  EXPECT_FALSE(answer_to(a_question("name", 1)));
  resolver.name = "dns.example";
  trust = *TlsTrust::make({});
  EXPECT_FALSE(answer_to(a_question("name", 1)));
  EXPECT_EQ(server->questions, 0u);
  EXPECT_TRUE(until([&] { return links.size() == 0; }));
}

TEST_F(Https, AServerThatWantsToKnowTheDeviceIsShownItsIdentity) {
  serve(TlsServer::Speaks::http2);
  const Certificate device("device.example"), other("other.example");
  server->wants(device);
  const Bytes der = certificate.der();
  EXPECT_FALSE(answer_to(a_question("name", 1))) << "without one";
  DeviceIdentity identity = identity_of(other);
  trust = *TlsTrust::make({&der, 1}, &identity);
  EXPECT_FALSE(answer_to(a_question("name", 1))) << "with another";
  EXPECT_EQ(server->questions, 0u);
  identity = identity_of(device);
  trust = *TlsTrust::make({&der, 1}, &identity);
  EXPECT_TRUE(answer_to(a_question("name", 1)));
  identity.key = identity_of(other).key;
  EXPECT_FALSE(TlsTrust::make({&der, 1}, &identity)) << "a key that is not the certificate's";
}

TEST_F(Https, WhatMayNotLeaveIsNotAsked) {
  serve(TlsServer::Speaks::http2);
  HttpsQuestion question{{},    resolver, here,
                         trust, {},       [](int) -> Result<void> { return fail(ErrorKind::environment, "no"); }};
  EXPECT_EQ(links.ask(question, [](auto) { FAIL(); }), nullptr);
  question.prepare = [](int) { return Result<void>(); };
  question.trust = nullptr;
  EXPECT_EQ(links.ask(question, [](auto) { FAIL(); }), nullptr);
  EXPECT_EQ(links.size(), 0u);
}

TEST_F(Https, AConnectionThatWasLetWaitTooLongIsNotUsedAgain) {
  serve(TlsServer::Speaks::http2);
  server->answers = false;
  Told late, other;
  ask(late, a_question("late", 1));
  ask(other, a_question("other", 1));
  ASSERT_TRUE(until([&] { return server->questions == 2; }));
  late.waiting.reset();
  server->answers = true;
  EXPECT_TRUE(answer_to(a_question("name", 1)));
  EXPECT_EQ(sockets, 2);
  Connection& first = server->connections.front();
  ASSERT_TRUE(until([&] { return !first.session.reset.empty(); }));
  ASSERT_TRUE(until([&] { return other.times == 1; })) << "it may still answer what it was asked";
  EXPECT_TRUE(other.answer);
  EXPECT_EQ(late.times, 0);
  EXPECT_TRUE(until([&] { return links.size() == 1; }));
}

TEST_F(Https, AfterGoawayThereIsANewConnection) {
  serve(TlsServer::Speaks::http2);
  server->answers = false;
  Told told;
  ask(told, a_question("name", 1));
  ASSERT_TRUE(until([&] { return server->questions == 1; }));
  Connection& first = server->connections.front();
  nghttp2_submit_goaway(first.session.session(), 0, 0, NGHTTP2_NO_ERROR, nullptr, 0);
  server->send(first);
  ASSERT_TRUE(until([&] { return told.times == 1; }));
  EXPECT_FALSE(told.answer);
  server->answers = true;
  EXPECT_TRUE(answer_to(a_question("name", 1)));
  EXPECT_EQ(sockets, 2);
}

TEST_F(Https, AConnectionThatBreaksEndsWhatIsOnIt) {
  serve(TlsServer::Speaks::http2);
  server->answers = false;
  Told a, b;
  ask(a, a_question("name", 1));
  ask(b, a_question("name", 2));
  ASSERT_TRUE(until([&] { return server->questions == 2; }));
  server->connections.clear();
  ASSERT_TRUE(until([&] { return a.times == 1 && b.times == 1; }));
  EXPECT_FALSE(a.answer || b.answer);
  EXPECT_TRUE(until([&] { return links.size() == 0; }));
}

TEST_F(Https, IdleConnectionsAreClosedWithAGoodbye) {
  serve(TlsServer::Speaks::http2);
  EXPECT_TRUE(answer_to(a_question("name", 1)));
  ASSERT_TRUE(until([&] { return timed.waits != nullptr; }));
  EXPECT_EQ(links.size(), 1u);
  timed.ahead = HttpsLinks::idle_limit;
  timed.waits();
  EXPECT_EQ(links.size(), 0u);
  Connection& c = server->connections.front();
  ASSERT_TRUE(until([&] { return c.gone; }));
  EXPECT_TRUE(c.session.goodbye);
}

TEST_F(Https, SoManyIdleConnectionsAreKept) {
  serve(TlsServer::Speaks::http2);
  std::list<Told> all(HttpsLinks::most_idle + 4);
  std::uint32_t app = 0;
  for (Told& told : all) ask(told, a_question("name", 1), {++app, 0, 0});
  EXPECT_EQ(links.size(), all.size());
  ASSERT_TRUE(until([&] { return std::all_of(all.begin(), all.end(), [](const Told& t) { return t.times == 1; }); }));
  EXPECT_TRUE(until([&] { return links.size() == HttpsLinks::most_idle; }));
}

TEST_F(Https, AnotherPolicyEndsEveryConnection) {
  serve(TlsServer::Speaks::http2);
  server->answers = false;
  Told told;
  ask(told, a_question("name", 1));
  ASSERT_TRUE(until([&] { return server->questions == 1; }));
  links.clear();
  EXPECT_EQ(links.size(), 0u);
  ASSERT_TRUE(until([&] { return told.times == 1; }));
  EXPECT_FALSE(told.answer);
  EXPECT_TRUE(until([&] { return server->connections.front().gone; }));
}

}  // namespace
}  // namespace vpn::agent::dns
