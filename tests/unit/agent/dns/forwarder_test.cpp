// The forwarder with clients and resolvers on loopback, at ports that the kernel gives.
#include "agent/dns/forwarder.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "agent/files/descriptor.h"
#include "agent/loop/asio_loop.h"
#include "agent/network/socket_address.h"
#include "tests/unit/agent/dns/messages.h"

namespace vpn::agent::dns {
namespace {

using std::chrono::milliseconds;
using test::a_question;
using test::an_answer;

const policy::Address loopback = policy::Address::from_v4(0x7f000001);

std::uint16_t port_of(int socket) {
  sockaddr_storage own{};
  socklen_t size = sizeof(own);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size);
  return from_socket_address(own)->second;
}

Descriptor local_socket(int type) {
  Descriptor out(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage own{};
  const socklen_t size = socket_address(loopback, 0, own);
  EXPECT_EQ(::bind(out.get(), reinterpret_cast<const sockaddr*>(&own), size), 0);
  return out;
}

class Rules final : public LookupRules {
 public:
  std::optional<Asker> asker(std::uint8_t, const policy::Address&, std::uint16_t) override {
    if (!known) return std::nullopt;
    Asker out;
    out.owner.app = 7;
    return out;
  }
  void questions_read(std::chrono::nanoseconds) override { ++read; }
  Choice choose(const Asker&, const Query&) override {
    ++chosen;
    return choice;
  }
  std::optional<policy::Address> invent(const Query&) override { return invented; }
  Standing standing(const Asker& asker, const Query&) override { return {asker.owner.app, 0, 0}; }
  Result<void> ask_for(int, const Asker& asker, const Query&) override {
    asked_for = asker.owner.app;
    return {};
  }
  bool tie(const Asker&, const Query& query, std::span<const AddressAnswer> addresses) override {
    for (const AddressAnswer& a : addresses) tied += query.name + "=" + a.address.to_string() + " ";
    return ties;
  }
  void refused(const Asker&, const Query& query, const Choice&) override { refusals += query.name + " "; }
  LookupAsked describe(const Asker&, const Query& query, const Choice&) override { return {{}, {}, query.name, 0, {}}; }
  LookupGate* gate() override { return its_gate; }
  std::shared_ptr<TlsTrust> trust(const Resolver&) override { return nullptr; }

  bool known = true, ties = true;
  int read = 0, chosen = 0;
  std::uint32_t asked_for = 0;
  std::string tied, refusals;
  Choice choice;
  LookupGate* its_gate = nullptr;
  std::optional<policy::Address> invented = policy::Address::from_v4(0xc6120007);
};

class Gatekeeper final : public LookupGate {
 public:
  bool may_proceed(const LookupAsked&, Proceed proceed) override {
    held = std::move(proceed);
    return false;
  }
  bool answered(const LookupAsked&, bool resolved, Proceed) override {
    told = resolved;
    return true;
  }
  Proceed held;
  std::optional<bool> told;
};

class ForwarderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<ForwarderPlace> places;
    for (std::uint16_t port = 23400; port < 23450; ++port) places.push_back({loopback, port});
    auto opened = Forwarder::open(loop, places, rules);
    ASSERT_TRUE(opened) << opened.error().what;
    forwarder = std::move(*opened);
    sockaddr_storage to{};
    const socklen_t size = socket_address(loopback, forwarder->place().port, to);
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), size), 0);
    Resolver r;
    r.servers = {loopback};
    r.port = port_of(resolver.get());
    rules.choice.resolver = r;
  }
  // Runs the loop until a socket has something, or for a while.
  Bytes next(const Descriptor& socket, milliseconds limit = milliseconds(3000)) {
    const auto waiting = loop.readable(socket.get(), [this] { loop.stop(); });
    const auto over = loop.after(limit, [this] { loop.stop(); });
    loop.restart();
    loop.run();
    Bytes out(65536);
    socklen_t size = sizeof(peer);
    const ssize_t n =
        ::recvfrom(socket.get(), out.data(), out.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&peer), &size);
    out.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return out;
  }
  void ask(const Bytes& query) { ASSERT_GT(::send(client.get(), query.data(), query.size(), 0), 0); }
  void reply(const Bytes& answer) {
    ASSERT_GT(::sendto(resolver.get(), answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&peer),
                       sizeof(sockaddr_in)),
              0);
  }

  AsioLoop loop;
  Rules rules;
  std::unique_ptr<Forwarder> forwarder;
  Descriptor client = local_socket(SOCK_DGRAM), resolver = local_socket(SOCK_DGRAM);
  sockaddr_storage peer{};
};

TEST_F(ForwarderTest, HandsOverWhatItHasTied) {
  const Bytes query = a_question("name", 0x4711);
  ask(query);
  const Bytes question = next(resolver);
  ASSERT_EQ(question.size(), query.size());
  EXPECT_EQ(rules.asked_for, 7u);
  reply(an_answer(question));
  EXPECT_EQ(next(client), an_answer(query)) << "with the client's own number";
  EXPECT_EQ(rules.tied, "name=192.0.2.1 ");
  EXPECT_EQ(forwarder->counts().answered, 1u);
  EXPECT_EQ(forwarder->pending(), 0u);
  EXPECT_GT(rules.read, 0);
}

TEST_F(ForwarderTest, BelievesTheAnswerToItsQuestionOnly) {
  ask(a_question("name", 1));
  const Bytes question = next(resolver);
  Bytes wrong = an_answer(question);
  wrong[0] ^= 1;
  reply(wrong);
  reply(an_answer(a_question("other", static_cast<std::uint16_t>(question[0] << 8 | question[1]))));
  reply(question);
  reply(Bytes{1, 2, 3});
  const Descriptor stranger = local_socket(SOCK_DGRAM);  // another port than the one that was asked
  const Bytes forged = an_answer(question);
  ::sendto(stranger.get(), forged.data(), forged.size(), 0, reinterpret_cast<const sockaddr*>(&peer),
           sizeof(sockaddr_in));
  EXPECT_TRUE(next(client, milliseconds(100)).empty());
  reply(an_answer(question));
  EXPECT_FALSE(next(client).empty());
}

TEST_F(ForwarderTest, MakesAnswersForWhatAProxyKnows) {
  rules.choice.resolver.reset();
  rules.choice.by_proxy = true;
  ask(a_question("name", 0x4711));
  const Bytes answer = next(client, milliseconds(500));
  ASSERT_TRUE(is_answer_to(a_question("name", 0x4711), answer));
  auto read = read_answer(answer);
  ASSERT_TRUE(read && read->addresses.size() == 1);
  EXPECT_EQ(read->addresses[0].address.to_string(), "198.18.0.7");
  EXPECT_EQ(read->addresses[0].seconds, 60u);
  Bytes v6 = a_question("name", 2);
  v6[v6.size() - 3] = 28;
  ask(v6);
  read = read_answer(next(client, milliseconds(500)));
  ASSERT_TRUE(read) << "there is such a name, and no such address";
  EXPECT_EQ(read->rcode, Rcode::no_error);
  EXPECT_TRUE(read->addresses.empty());
  rules.invented.reset();
  ask(a_question("name", 3));
  EXPECT_EQ(read_answer(next(client, milliseconds(500)))->rcode, Rcode::server_failure) << "none is left";
  EXPECT_EQ(rules.tied, "");
}

TEST_F(ForwarderTest, SaysAtOnceThatItMayNot) {
  rules.choice.resolver.reset();
  ask(a_question("name", 1));
  const auto read = read_answer(next(client, milliseconds(500)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->rcode, Rcode::server_failure);
  EXPECT_EQ(forwarder->counts().refused, 1u);
  EXPECT_EQ(rules.refusals, "name ");
}

TEST_F(ForwarderTest, DoesNotHandOverWhatCannotBeTied) {
  rules.ties = false;
  ask(a_question("name", 1));
  reply(an_answer(next(resolver)));
  const auto read = read_answer(next(client));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->addresses.empty());
}

TEST_F(ForwarderTest, DoesNotHandOverWhatItCannotRead) {
  ask(a_question("name", 1));
  Bytes broken = an_answer(next(resolver));
  broken.resize(broken.size() - 2);
  reply(broken);
  EXPECT_EQ(read_answer(next(client))->rcode, Rcode::server_failure);
}

TEST_F(ForwarderTest, TriesTheNextResolverAndThenGivesUp) {
  const std::uint16_t closed = port_of(local_socket(SOCK_DGRAM).get());
  rules.choice.resolver->port = closed;
  ask(a_question("name", 1));
  EXPECT_EQ(read_answer(next(client, milliseconds(1000)))->rcode, Rcode::server_failure) << "refused is not silent";
}

TEST_F(ForwarderTest, HearsNobodyWhomTheKernelDoesNotName) {
  rules.known = false;
  ask(a_question("name", 1));
  EXPECT_TRUE(next(client, milliseconds(100)).empty());
  EXPECT_EQ(forwarder->counts().asked, 0u);
}

TEST_F(ForwarderTest, KeepsFromPassingByWhatLeadsPastIt) {
  Bytes canary = a_question("use-application-dns", 1);
  canary.insert(canary.end() - 5, {3, 'n', 'e', 't'});
  ask(canary);
  EXPECT_EQ(read_answer(next(client))->rcode, Rcode::name_error);
}

TEST_F(ForwarderTest, WaitsForItsGate) {
  Gatekeeper gate;
  rules.its_gate = &gate;
  ask(a_question("name", 1));
  EXPECT_TRUE(next(resolver, milliseconds(100)).empty());
  ASSERT_TRUE(gate.held);
  gate.held();
  gate.held();  // once too often
  const Bytes question = next(resolver);
  ASSERT_FALSE(question.empty());
  EXPECT_EQ(rules.chosen, 2) << "judged anew";
  reply(an_answer(question));
  EXPECT_FALSE(next(client).empty());
  EXPECT_EQ(gate.told, true);
  forwarder.reset();
  gate.held();  // after the forwarder has gone
}

TEST_F(ForwarderTest, FailsWhatIsOnItsWayWhenAnotherPolicyComes) {
  ask(a_question("name", 1));
  ASSERT_FALSE(next(resolver).empty());
  forwarder->cancel_all();
  EXPECT_EQ(read_answer(next(client))->rcode, Rcode::server_failure);
  EXPECT_EQ(forwarder->pending(), 0u);
}

TEST_F(ForwarderTest, HasRoomForSoManyQuestionsOfOneApp) {
  for (std::size_t i = 0; i <= Forwarder::most_of_one; ++i) {
    ask(a_question("name", static_cast<std::uint16_t>(i)));
    if (i % 64 == 0) next(client, milliseconds(5));
  }
  Bytes last;
  for (int i = 0; i < 50 && last.empty(); ++i) last = next(client, milliseconds(20));
  EXPECT_EQ(forwarder->pending(), Forwarder::most_of_one);
  EXPECT_GE(forwarder->counts().refused, 1u);
}

TEST_F(ForwarderTest, AnswersOverStreamsByAStream) {
  const Descriptor listening = local_socket(SOCK_STREAM);
  ASSERT_EQ(::listen(listening.get(), 4), 0);
  rules.choice.resolver->port = port_of(listening.get());
  const Descriptor stream(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage to{};
  const socklen_t size = socket_address(loopback, forwarder->place().port, to);
  ASSERT_EQ(::connect(stream.get(), reinterpret_cast<const sockaddr*>(&to), size), 0);
  const Bytes query = a_question("name", 9);
  Bytes framed{0, static_cast<std::uint8_t>(query.size())};
  framed.insert(framed.end(), query.begin(), query.end());
  ASSERT_EQ(::send(stream.get(), framed.data(), 5, 0), 5);  // in pieces
  next(listening, milliseconds(50));
  ASSERT_GT(::send(stream.get(), framed.data() + 5, framed.size() - 5, 0), 0);
  next(listening);
  const Descriptor server(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(server);
  Bytes question = next(server);
  ASSERT_EQ(question.size(), framed.size());
  Bytes answer = an_answer(Bytes(question.begin() + 2, question.end()));
  answer.insert(answer.begin(), {0, static_cast<std::uint8_t>(answer.size())});
  ASSERT_GT(::send(server.get(), answer.data(), answer.size(), 0), 0);
  const Bytes back = next(stream);
  ASSERT_GT(back.size(), 2u);
  EXPECT_EQ(Bytes(back.begin() + 2, back.end()), an_answer(query));
}

}  // namespace
}  // namespace vpn::agent::dns
