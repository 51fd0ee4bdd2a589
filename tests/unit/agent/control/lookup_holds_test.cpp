#include "agent/control/lookup_holds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manual_loop.h"

namespace vpn::agent {
namespace {

using testing::ElementsAre;

class LookupHoldsTest : public testing::Test {
 protected:
  bool ask(policy::Verdict verdict, std::uint32_t tunnel, int number) {
    LookupAsked asked;
    asked.verdict.verdict = verdict;
    asked.verdict.tunnel = tunnel;
    return holds_.may_proceed(asked, [this, number] { gone_on_.push_back(number); });
  }
  std::vector<std::uint32_t> used_;
  std::vector<int> gone_on_;
  std::uint32_t waits_ = 1;  // for this tunnel
  ManualLoop loop_;
  HostEvaluations hosts_{loop_, {}};
  LookupHolds holds_{{[this](std::uint32_t tunnel) { return tunnel == waits_; },
                      [this](std::uint32_t tunnel) { used_.push_back(tunnel); },
                      {}},
                     hosts_};
};

TEST_F(LookupHoldsTest, WhatNeedsNoTunnelGoesOn) {
  EXPECT_TRUE(ask(policy::Verdict::direct, policy::none, 1));
  EXPECT_TRUE(ask(policy::Verdict::tunnel, 1, 2)) << "it is up";
  EXPECT_TRUE(ask(policy::Verdict::drop, policy::none, 3));
  EXPECT_TRUE(ask(policy::Verdict::drop, 0, 4)) << "nobody starts that one";
  EXPECT_TRUE(used_.empty());
}

TEST_F(LookupHoldsTest, WhatNeedsOneThatStartsWaitsForItAlone) {
  EXPECT_FALSE(ask(policy::Verdict::drop, 1, 1));
  EXPECT_FALSE(ask(policy::Verdict::drop, 1, 2));
  EXPECT_THAT(used_, ElementsAre(1, 1));
  holds_.release(0);
  EXPECT_TRUE(gone_on_.empty());
  holds_.release(1);
  EXPECT_THAT(gone_on_, ElementsAre(1, 2));
  holds_.release(1);
  EXPECT_EQ(gone_on_.size(), 2u) << "once";
}

TEST_F(LookupHoldsTest, AnotherPolicyHasOtherTunnels) {
  EXPECT_FALSE(ask(policy::Verdict::drop, 1, 1));
  holds_.forget();
  holds_.release(1);
  EXPECT_TRUE(gone_on_.empty());
}

TEST_F(LookupHoldsTest, AnswersAreHandedOn) {
  EXPECT_TRUE(holds_.answered({}, false, [] {}));
}

}  // namespace
}  // namespace vpn::agent
