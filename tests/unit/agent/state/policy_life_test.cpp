#include "agent/state/policy_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::agent {
namespace {

namespace act = policy_action;
namespace ev = policy_event;
using std::chrono::seconds;

PolicyStamp stamp(std::uint64_t serial) {
  PolicyStamp s;
  s.serial = serial;
  s.digest.fill(static_cast<std::uint8_t>(serial));
  return s;
}

struct Driven {
  PolicyLife life;
  std::vector<std::string> did;
  template <class E>
  Driven& operator()(E event) {
    struct Word {
      std::string operator()(const act::Activate& a) const { return "activate " + std::to_string(a.policy.serial); }
      std::string operator()(const act::Keep& a) const { return "keep " + std::to_string(a.policy.serial); }
      std::string operator()(const act::StartConfirm& a) const { return "wait " + std::to_string(a.time.count()); }
      std::string operator()(const act::StopConfirm&) const { return "stop"; }
      std::string operator()(const act::Refuse&) const { return "refuse"; }
      std::string operator()(const act::Tell&) const { return "tell"; }
    };
    PolicyStep next = step(life, event);
    life = next.state;
    did.clear();
    for (const PolicyAction& a : next.actions) did.push_back(std::visit(Word{}, a));
    return *this;
  }
};

TEST(PolicyLife, AppliesForGood) {
  Driven p;
  p(ev::Apply{stamp(3), seconds(0)});
  EXPECT_THAT(p.did, testing::ElementsAre("activate 3", "keep 3"));
  EXPECT_EQ(p.life.lowest_serial, 3u);
}

TEST(PolicyLife, TheSerialNeverGoesDown) {
  Driven p;
  p(ev::Apply{stamp(3), seconds(0)})(ev::Apply{stamp(2), seconds(0)});
  EXPECT_THAT(p.did, testing::ElementsAre("refuse"));
  EXPECT_EQ(p.life.active->serial, 3u);
  p(ev::Apply{stamp(3), seconds(0)});
  EXPECT_THAT(p.did, testing::ElementsAre("activate 3", "keep 3"));
}

TEST(PolicyLife, OnTrialNothingIsKeptUntilItIsConfirmed) {
  Driven p;
  p(ev::Apply{stamp(3), seconds(0)})(ev::Apply{stamp(4), seconds(60)});
  EXPECT_THAT(p.did, testing::ElementsAre("activate 4", "wait 60"));
  EXPECT_EQ(p.life.lowest_serial, 3u);
  p(ev::Confirm{});
  EXPECT_THAT(p.did, testing::ElementsAre("stop", "keep 4"));
  EXPECT_EQ(p.life.lowest_serial, 4u);
  p(ev::ConfirmExpired{});
  EXPECT_THAT(p.did, testing::IsEmpty());
}

TEST(PolicyLife, WithoutConfirmationItFallsBack) {
  Driven p;
  p(ev::Apply{stamp(3), seconds(0)})(ev::Apply{stamp(4), seconds(60)})(ev::ConfirmExpired{});
  EXPECT_THAT(p.did, testing::ElementsAre("tell", "activate 3"));
  EXPECT_EQ(p.life.active->serial, 3u);
  EXPECT_EQ(p.life.lowest_serial, 3u);
  p(ev::Confirm{});
  EXPECT_THAT(p.did, testing::ElementsAre("refuse"));
}

TEST(PolicyLife, AFailureFallsBackAtOnceWhereItCan) {
  Driven p;
  p(ev::Apply{stamp(3), seconds(0)})(ev::Apply{stamp(4), seconds(60)})(ev::ActivationFailed{"too large"});
  EXPECT_THAT(p.did, testing::ElementsAre("stop", "tell", "activate 3"));
  p(ev::ActivationFailed{"again"});
  EXPECT_THAT(p.did, testing::IsEmpty());  // nothing to go back to: the guard blocks
  EXPECT_EQ(p.life.active->serial, 3u);
}

TEST(PolicyLife, OneTrialAtATime) {
  Driven p;
  p(ev::Apply{stamp(3), seconds(0)})(ev::Apply{stamp(4), seconds(60)})(ev::Apply{stamp(5), seconds(0)});
  EXPECT_THAT(p.did, testing::ElementsAre("refuse"));
  EXPECT_EQ(p.life.active->serial, 4u);
}

TEST(PolicyLife, TheFirstPolicyHasNothingToFallBackTo) {
  Driven p;
  p(ev::Apply{stamp(3), seconds(60)});
  EXPECT_THAT(p.did, testing::ElementsAre("activate 3", "keep 3"));
}

TEST(PolicyLife, ATrialHasABound) {
  Driven p;
  p(ev::Apply{stamp(3), longest_confirm + seconds(1)});
  EXPECT_THAT(p.did, testing::ElementsAre("refuse"));
  p(ev::Apply{stamp(3), seconds(-1)});
  EXPECT_THAT(p.did, testing::ElementsAre("refuse"));
}

}  // namespace
}  // namespace vpn::agent
