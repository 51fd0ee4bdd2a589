#include "agent/control/tunnels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "manual_loop.h"
#include "policy_generated.h"
#include "tests/support/policy_maker.h"

namespace vpn::agent {
namespace {

using policy::TunnelStatus;
using std::chrono::milliseconds;

// What a provider was told, and what the test lets it say.
struct Daemon {
  Provider::Listener listener;
  std::string told;
  bool alive = true;
  void report(TunnelStatus status, std::uint64_t question = 0) {
    ProviderReport r;
    r.status = status;
    if (question != 0) r.question = Question{Question::Kind::password, "who?", false, false, question};
    listener(r);
  }
};

class FakeProvider final : public Provider {
 public:
  explicit FakeProvider(std::shared_ptr<Daemon> daemon) : daemon_(std::move(daemon)) {}
  FakeProvider(const FakeProvider&) = delete;
  FakeProvider& operator=(const FakeProvider&) = delete;
  ~FakeProvider() override { daemon_->alive = false; }
  Result<void> configure(const TunnelConfiguration&) override { return {}; }
  void connect(const ConnectRequest&) override { daemon_->told += "connect "; }
  void disconnect() override { daemon_->told += "disconnect "; }
  std::string_view kind() const override { return "fake"; }
  bool answer(std::uint64_t question, WipedBytes answer) override {
    daemon_->told.append("answer ").append(std::to_string(question)).append(" ").append(text_of(answer)).append(" ");
    return true;
  }

 private:
  std::shared_ptr<Daemon> daemon_;
};

std::shared_ptr<policy::Policy> policy_of(std::initializer_list<const char*> devices) {
  test::PolicyMaker maker;
  for (const char* id : devices) maker.device(id);
  for (const auto& tunnel : maker.body.tunnels) tunnel->provider = test::made::Provider::ikev2;
  return std::make_shared<policy::Policy>(maker.make());
}

class TunnelsTest : public testing::Test {
 protected:
  ~TunnelsTest() override { std::filesystem::remove_all(folder_); }
  void set(std::shared_ptr<policy::Policy> next) {
    if (policy_) tunnels_.drop(*next, config_, policy_);
    policy_ = std::move(next);
    tunnels_.set(*policy_, secrets_, config_, folder_, {});
  }
  std::shared_ptr<Daemon> daemon(const std::string& id) { return daemons_[id]; }

  std::string folder_ = testing::TempDir() + "tunnels-test-" + std::to_string(::getpid());
  ManualLoop loop_;
  Secrets secrets_;
  Config config_;
  std::map<std::string, std::shared_ptr<Daemon>> daemons_;  // the newest of each tunnel
  std::vector<std::string> told_;
  std::optional<std::uint64_t> packets_;  // sent into any tunnel
  std::shared_ptr<policy::Policy> policy_;
  Tunnels tunnels_{loop_,
                   {[this](Loop&, const TunnelConfiguration& c, Provider::Listener listener) {
                     auto made = std::make_shared<Daemon>(Daemon{std::move(listener), {}, true});
                     daemons_[c.policy->body().tunnels()->Get(c.tunnel)->id()->str()] = made;
                     return std::make_unique<FakeProvider>(made);
                   }},
                   {[](std::uint32_t, TunnelStatus, TunnelStatus) {}, [] {},
                    [this](const std::string& text) { told_.push_back(text); },
                    [this](std::uint32_t, bool waits) { told_.emplace_back(waits ? "waits" : "waits no more"); },
                    [this](const std::string&) { return packets_; }}};
};

TEST_F(TunnelsTest, WhatAPolicyDropsIsTakenDownAndEnds) {
  set(policy_of({"D", "E"}));
  const auto stays = daemon("D"), goes = daemon("E");
  ASSERT_TRUE(tunnels_.want("E"));
  goes->report(TunnelStatus::connected);
  const std::weak_ptr<policy::Policy> old = policy_;
  set(policy_of({"D"}));
  EXPECT_EQ(goes->told, "disconnect ");
  EXPECT_TRUE(goes->alive) << "it has to end its daemon first";
  EXPECT_FALSE(old.expired()) << "it was configured with that";
  EXPECT_EQ(stays->told, "") << "that one goes on";
  ASSERT_EQ(tunnels_.named().size(), 1u);
  goes->report(TunnelStatus::disconnecting);
  loop_.advance(milliseconds(10));
  EXPECT_TRUE(goes->alive);
  goes->report(TunnelStatus::disconnected);
  EXPECT_TRUE(goes->alive) << "not within a call of its own";
  loop_.advance(milliseconds(1));
  EXPECT_FALSE(goes->alive);
  EXPECT_TRUE(old.expired());
  EXPECT_EQ(tunnels_.leaving(), 0u);
}

TEST_F(TunnelsTest, AfterSleepWhatIsWantedIsTriedAtOnce) {
  set(policy_of({"D", "E"}));
  Link wlan;
  wlan.index = 2;
  wlan.name = "wlan0";
  wlan.up = true;
  const NetworkView view{{wlan}, {}, {{*policy::Prefix::parse("0.0.0.0/0"), 2, std::nullopt, 0}}};
  tunnels_.network_changed(view, device_state(view, {}, tunnels_.named()), {});
  ASSERT_TRUE(tunnels_.want("E"));
  daemon("E")->report(TunnelStatus::connected);
  daemon("D")->told.clear();
  daemon("E")->told.clear();
  tunnels_.rest(true);
  tunnels_.used(0);
  tunnels_.rest(false);
  EXPECT_EQ(daemon("E")->told, "");
  tunnels_.wake();
  EXPECT_EQ(daemon("E")->told, "connect ") << "it may be out of reach, and not know it";
  EXPECT_EQ(daemon("D")->told, "") << "nobody wants that one";
}

TEST_F(TunnelsTest, AnAnswerIsForTheQuestionThatIsOpen) {
  set(policy_of({"D"}));
  tunnels_.want("D");
  EXPECT_FALSE(tunnels_.answer("D", 7, wiped("secret"))) << "it asks for nothing";
  daemon("D")->report(TunnelStatus::connecting, 7);
  EXPECT_EQ(tunnels_.named()[0].life->status, TunnelStatus::connecting);
  EXPECT_FALSE(tunnels_.answer("D", 6, wiped("secret")));
  EXPECT_FALSE(tunnels_.answer("E", 7, wiped("secret")));
  EXPECT_TRUE(tunnels_.answer("d", 7, wiped("secret")));
  EXPECT_THAT(daemon("D")->told, testing::EndsWith("answer 7 secret "));
  EXPECT_FALSE(tunnels_.named()[0].life->report.question);
  EXPECT_FALSE(tunnels_.answer("D", 7, wiped("secret"))) << "once";
}

TEST_F(TunnelsTest, OneThatDoesNotEndIsGivenUp) {
  set(policy_of({"D", "E"}));
  const auto goes = daemon("E");
  set(policy_of({"D"}));
  loop_.advance(milliseconds(5000));
  EXPECT_TRUE(goes->alive);
  loop_.advance(milliseconds(2000));
  EXPECT_FALSE(goes->alive);
  EXPECT_THAT(told_.back(), testing::HasSubstr("does not say that it has ended"));
}

// A policy on trial that falls back: the tunnel comes again while its daemon is still ending.
TEST_F(TunnelsTest, OneThatComesBackWaitsForItsEnd) {
  set(policy_of({"D", "E"}));
  const auto first = daemon("E");
  set(policy_of({"D"}));
  set(policy_of({"D", "E"}));
  ASSERT_TRUE(tunnels_.want("E"));
  EXPECT_EQ(daemon("E"), first) << "there is no second one yet";
  EXPECT_EQ(tunnels_.provider_kind(1), "none");
  first->report(TunnelStatus::disconnected);
  loop_.advance(milliseconds(1));
  EXPECT_FALSE(first->alive);
  EXPECT_NE(daemon("E"), first);
  EXPECT_EQ(tunnels_.provider_kind(1), "fake");
}

TEST_F(TunnelsTest, OneThatAnotherProviderHasIsTakenDown) {
  set(policy_of({"D"}));
  const auto goes = daemon("D");
  config_.external["D"].watched = true;
  config_.external["D"].options.settings.interface = "wg0";
  set(policy_of({"D"}));
  EXPECT_EQ(goes->told, "disconnect ");
  goes->report(TunnelStatus::disconnected);
  loop_.advance(milliseconds(1));
  EXPECT_FALSE(goes->alive);
  EXPECT_EQ(tunnels_.provider_kind(0), "external");
}

}  // namespace
}  // namespace vpn::agent
