#include "agent/state/guard_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::agent {
namespace {

namespace act = guard_action;
namespace ev = guard_event;

struct Driven {
  GuardLife life;
  std::vector<std::string> did;
  template <class E>
  Driven& operator()(E event) {
    struct Word {
      std::string operator()(const act::Block&) const { return "block"; }
      std::string operator()(const act::Repair& a) const { return "repair " + part_names(a.parts); }
      std::string operator()(const act::StartRetry& a) const { return "retry " + std::to_string(a.after.count()); }
      std::string operator()(const act::AnnounceReady&) const { return "ready"; }
      std::string operator()(const act::Tell& a) const { return a.loud ? "alarm" : "tell"; }
      std::string operator()(const act::GiveUp&) const { return "give up"; }
    };
    GuardStep next = step(life, event);
    life = std::move(next.state);
    did.clear();
    for (const GuardAction& a : next.actions) did.push_back(std::visit(Word{}, a));
    return *this;
  }
};

TEST(GuardLife, IsReadyWhenEverythingIsInPlace) {
  Driven g;
  EXPECT_EQ(g.life.phase, GuardPhase::starting);
  g(ev::Done{part_programs});
  EXPECT_EQ(g.life.phase, GuardPhase::adopting);
  g(ev::Done{part_gate | part_routes | part_network});
  EXPECT_THAT(g.did, testing::IsEmpty());
  g(ev::Done{part_table});
  EXPECT_EQ(g.life.phase, GuardPhase::in_force);
  EXPECT_THAT(g.did, testing::ElementsAre("tell", "ready"));
  g(ev::Done{part_table});
  EXPECT_THAT(g.did, testing::IsEmpty());
}

TEST(GuardLife, TheOrderOfThePartsDoesNotMatter) {
  Driven g;
  g(ev::Done{part_network})(ev::Done{part_table | part_gate | part_routes});
  EXPECT_EQ(g.life.phase, GuardPhase::starting);
  g(ev::Done{part_programs});
  EXPECT_EQ(g.life.phase, GuardPhase::in_force);
}

TEST(GuardLife, WhateverFailsBlocksFirstAndIsTriedAgain) {
  for (const std::uint8_t part : {part_programs, part_gate, part_routes, part_table, part_network}) {
    Driven g;
    g(ev::Done{all_parts})(ev::Failed{part, "gone", false});
    EXPECT_EQ(g.life.phase, GuardPhase::degraded);
    EXPECT_THAT(g.did, testing::ElementsAre("block", "alarm", "retry 500"));
    g(ev::RetryDue{});
    EXPECT_THAT(g.did, testing::ElementsAre("repair " + part_names(part)));
    g(ev::Done{part});
    EXPECT_THAT(g.did, testing::ElementsAre("tell"));  // systemd was told once
    EXPECT_EQ(g.life.phase, GuardPhase::in_force);
    EXPECT_TRUE(g.life.fault.empty());
  }
}

TEST(GuardLife, RepeatedFailuresWaitLongerAndKeepOneTimer) {
  Driven g;
  g(ev::Done{all_parts});
  for (const char* expected :
       {"retry 500", "retry 1000", "retry 2000", "retry 4000", "retry 8000", "retry 10000", "retry 10000"}) {
    g(ev::Failed{part_gate, "no", false});
    EXPECT_THAT(g.did, testing::ElementsAre("block", "alarm", expected));
    g(ev::Failed{part_routes, "no", false});
    EXPECT_THAT(g.did, testing::ElementsAre("block", "alarm"));
    g(ev::RetryDue{});
    EXPECT_THAT(g.did, testing::ElementsAre("repair gate, routes"));
    g.life.failures -= 1;
  }
}

TEST(GuardLife, AnEnvironmentThatRefusesEndsTheStartOnly) {
  Driven g;
  g(ev::Failed{part_programs, "no CAP_BPF", true});
  EXPECT_THAT(g.did, testing::ElementsAre("block", "give up"));
  Driven running;
  running(ev::Done{all_parts})(ev::Failed{part_programs, "no CAP_BPF", true});
  EXPECT_THAT(running.did, testing::ElementsAre("block", "alarm", "retry 500"));
}

TEST(GuardLife, ARetryThatIsNotNeededAnyMoreDoesNothing) {
  Driven g;
  g(ev::Done{all_parts})(ev::Failed{part_gate, "x", false})(ev::Done{part_gate})(ev::RetryDue{});
  EXPECT_THAT(g.did, testing::IsEmpty());
}

TEST(GuardLife, Words) {
  EXPECT_EQ(to_string(GuardPhase::in_force), "in-force");
  EXPECT_EQ(part_names(all_parts), "programs, gate, routes, table, network");
  EXPECT_EQ(part_names(0), "");
}

}  // namespace
}  // namespace vpn::agent
