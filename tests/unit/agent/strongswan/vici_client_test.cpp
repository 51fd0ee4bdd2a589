#include "agent/tunnel/strongswan/vici_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "tests/unit/agent/strongswan/poll_loop.h"

namespace vpn::agent::strongswan {
namespace {

using std::chrono::milliseconds;

// A client and the other end of its socket, on which the test plays charon.
class ViciClientTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    far_ = Descriptor(pair[1]);
    client_ = std::make_unique<ViciClient>(
        loop_, Descriptor(pair[0]),
        ViciClient::Handlers{[this](std::string_view name, const Section&) { events_.emplace_back(name); },
                             [this](const std::string& reason) { closed_.push_back(reason); }});
  }

  void run(milliseconds time = milliseconds(20)) { loop_.run(time); }
  void send(std::string_view bytes) { ASSERT_EQ(::write(far_.get(), bytes.data(), bytes.size()), std::ssize(bytes)); }
  void send(PacketType type, std::string name = {}, Section message = {}) {
    send(text_of(*encode(Packet{type, std::move(name), std::move(message)})));
  }
  /// What the client has sent: names of requests.
  std::vector<std::string> received() {
    std::array<std::byte, 65536> buffer{};
    ssize_t count = 0;
    while ((count = ::read(far_.get(), buffer.data(), buffer.size())) > 0) {
      stream_.append(std::span(buffer).first(static_cast<std::size_t>(count)));
    }
    std::vector<std::string> out;
    for (auto packet = stream_.next(); packet && *packet; packet = stream_.next()) out.push_back((*packet)->name);
    return out;
  }
  ViciClient::Reply note(std::string name) {
    return [this, name](const Result<Section>& reply) {
      answers_.push_back(name + (reply ? " yes" : " no: " + reply.error().what));
    };
  }
  static Section verdict(std::string_view success, std::string_view reason = {}) {
    Section out;
    out.set("success", success);
    if (!reason.empty()) out.set("errmsg", reason);
    return out;
  }

  test::PollLoop loop_;
  Descriptor far_;
  PacketStream stream_;
  std::unique_ptr<ViciClient> client_;
  std::vector<std::string> events_, closed_, answers_;
};

using Names = std::vector<std::string>;

TEST_F(ViciClientTest, AsksOneAfterTheOther) {
  client_->request("first", {}, note("first"));
  client_->request("second", {}, note("second"));
  EXPECT_TRUE(received().empty()) << "nothing is sent from within a call";
  run();
  EXPECT_EQ(received(), Names{"first"});
  send(PacketType::command_response);
  run();
  EXPECT_EQ(answers_, Names{"first yes"});
  EXPECT_EQ(received(), Names{"second"});
  send(PacketType::command_response, {}, verdict("no", "it is late"));
  run();
  EXPECT_EQ(answers_, (Names{"first yes", "second no: it is late"}));
  EXPECT_TRUE(closed_.empty());
}

TEST_F(ViciClientTest, TakesEventsAtAnyTime) {
  client_->subscribe("child-updown", note("subscription"));
  run();
  EXPECT_EQ(received(), Names{"child-updown"});
  send(PacketType::event_confirm);
  client_->request("list-sas", {}, note("list"));
  run();
  send(PacketType::event, "list-sa");
  send(PacketType::event, "child-updown");
  send(PacketType::command_response);
  run();
  EXPECT_EQ(events_, (Names{"list-sa", "child-updown"}));
  EXPECT_EQ(answers_, (Names{"subscription yes", "list yes"}));
}

TEST_F(ViciClientTest, SaysWhatCharonDoesNotKnow) {
  client_->request("future", {}, note("future"));
  client_->subscribe("future", note("event"));
  run();
  send(PacketType::command_unknown);
  run();
  send(PacketType::event_unknown);
  run();
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_NE(answers_[0].find("future no"), std::string::npos);
  EXPECT_NE(answers_[1].find("event no"), std::string::npos);
}

TEST_F(ViciClientTest, AnswersWhatIsTooLongItself) {
  Section section;
  section.set(std::string(300, 'n'), "v");
  client_->request("a", std::move(section), note("a"));
  client_->request("b", {}, note("b"));
  EXPECT_TRUE(answers_.empty());
  run();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(received(), Names{"b"});
}

TEST_F(ViciClientTest, SendsWhatTheSocketTakesOnlyInPieces) {
  Section section;
  for (int i = 0; i < 8; ++i) section.set("v", std::string(60'000, 'v'));
  client_->request("large", std::move(section), note("large"));
  Names names;
  for (int i = 0; i < 50 && names.empty(); ++i) {
    run(milliseconds(5));
    names = received();
  }
  EXPECT_EQ(names, Names{"large"});
  send(PacketType::command_response);
  run();
  EXPECT_EQ(answers_, Names{"large yes"});
}

TEST_F(ViciClientTest, EndsWithTheConnection) {
  client_->request("a", {}, note("a"));
  run();
  far_ = Descriptor();
  run();
  EXPECT_EQ(closed_.size(), 1u);
  EXPECT_TRUE(answers_.empty());
  client_->request("b", {}, note("b"));
  run();
  EXPECT_EQ(closed_.size(), 1u);
  EXPECT_TRUE(answers_.empty());
}

TEST_F(ViciClientTest, EndsWithAnAnswerThatNobodyAskedFor) {
  send(PacketType::command_response);
  run();
  EXPECT_EQ(closed_.size(), 1u);
}

TEST_F(ViciClientTest, EndsWithNonsense) {
  send(std::string_view("\377\377\377\377", 4));
  run();
  EXPECT_EQ(closed_.size(), 1u);
}

TEST_F(ViciClientTest, EndsWithRequestsOfTheOtherSide) {
  send(PacketType::command_request, "version");
  run();
  EXPECT_EQ(closed_.size(), 1u);
}

TEST_F(ViciClientTest, DoesNotWaitForEver) {
  client_->request("a", {}, note("a"), milliseconds(30));
  run(milliseconds(100));
  ASSERT_EQ(closed_.size(), 1u);
  EXPECT_NE(closed_[0].find("does not answer"), std::string::npos);
}

TEST_F(ViciClientTest, MayBeDestroyedByItsCallbacks) {
  client_->request("a", {}, [this](const Result<Section>&) { client_.reset(); });
  client_->request("b", {}, note("b"));
  run();
  send(PacketType::command_response);
  send(PacketType::event, "later");
  run();
  EXPECT_EQ(client_, nullptr);
  EXPECT_TRUE(answers_.empty());
  EXPECT_TRUE(events_.empty());
}

TEST_F(ViciClientTest, MayBeDestroyedByAnEventAndAtItsEnd) {
  ViciClient* client = client_.get();
  ASSERT_NE(client, nullptr);
  std::array<int, 2> pair{};
  for (const bool by_event : {true, false}) {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    Descriptor far(pair[1]);
    std::unique_ptr<ViciClient> mine;
    const auto destroy = [&mine] { mine.reset(); };
    mine = std::make_unique<ViciClient>(loop_, Descriptor(pair[0]),
                                        ViciClient::Handlers{[destroy](std::string_view, const Section&) { destroy(); },
                                                             [destroy](const std::string&) { destroy(); }});
    const auto event = encode(Packet{PacketType::event, "e", {}});
    if (by_event) {
      ASSERT_EQ(::write(far.get(), event->data(), event->size()), std::ssize(*event));
    } else {
      far = Descriptor();
    }
    run();
    EXPECT_EQ(mine, nullptr);
  }
}

TEST(ViciConnect, SaysWhereNobodyListens) {
  test::PollLoop loop;
  const auto client = ViciClient::connect(loop, "/nonexistent/charon.vici", {});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().kind, ErrorKind::unreadable);
  EXPECT_EQ(client.error().where, "/nonexistent/charon.vici");
  EXPECT_FALSE(ViciClient::connect(loop, "/" + std::string(200, 'a'), {}));
}

TEST(ViciConnect, KnowsTheProcessThatListens) {
  std::string folder = testing::TempDir() + "viciXXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/s";
  const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  test::PollLoop loop;
  const auto client = ViciClient::connect(loop, path, {});
  ASSERT_TRUE(client);
  EXPECT_EQ((*client)->peer(), ::getpid());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vpn::agent::strongswan
