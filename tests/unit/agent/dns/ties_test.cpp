#include "agent/dns/ties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::agent::dns {
namespace {

using std::chrono::seconds;
using testing::IsEmpty;

constexpr policy::DomainClass none = 0, excluded = 1, other = 2;
const TieOwner ledger{7, 0};
const policy::Address one = policy::Address::from_v4(0xc0000201);

// Excluded names are the least strict ones.
class TiesTest : public testing::Test {
 protected:
  std::vector<TieChange> add(const std::string& name, policy::DomainClass domain, std::uint32_t life, seconds now,
                             const TieOwner& owner = ledger) {
    const AddressAnswer answer{one, life};
    auto out = ties.add(owner, name, domain, {&answer, 1}, now);
    EXPECT_TRUE(out);
    return out.value_or(std::vector<TieChange>());
  }
  std::vector<std::string> told;
  Ties ties{[](const TieOwner&, const policy::Address&, policy::DomainClass a, policy::DomainClass b) {
              return a != excluded && b == excluded;
            },
            [this](const TieOwner&, const policy::Address&, const std::string& holds, const std::string& loses) {
              told.push_back(holds + " " + loses);
            }};
};

TEST_F(TiesTest, HoldForTheAnswersLifeAndASecond) {
  const auto made = add("a", excluded, 60, seconds(100));
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].app, 7u);
  EXPECT_EQ(made[0].domain, excluded);
  EXPECT_EQ(made[0].expires, seconds(161));
  EXPECT_EQ(ties.next(), seconds(161));
  EXPECT_THAT(ties.expire(seconds(160)), IsEmpty());
  const auto gone = ties.expire(seconds(161));
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].domain, none);
  EXPECT_EQ(ties.size(), 0u);
  EXPECT_FALSE(ties.next());
}

TEST_F(TiesTest, OfANameInNoListTellTheKernelNothing) {
  EXPECT_THAT(add("plain", none, 60, seconds(0)), IsEmpty());
  EXPECT_EQ(ties.size(), 1u) << "but are remembered, for another name may come";
}

TEST_F(TiesTest, TheStricterNameHoldsAsLongAsItLives) {
  add("open", excluded, 600, seconds(0));
  const auto closed = add("plain", none, 10, seconds(1));
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].domain, none);
  EXPECT_THAT(told, testing::ElementsAre("plain open"));
  EXPECT_THAT(add("plain too", none, 10, seconds(2)), IsEmpty());
  EXPECT_EQ(told.size(), 1u);
  EXPECT_EQ(ties.name_of(7, one), "plain too");
  const auto open = ties.expire(seconds(13));
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].domain, excluded);
  EXPECT_EQ(open[0].expires, seconds(601));
}

TEST_F(TiesTest, OfOneAppAreNoOtherApps) {
  add("open", excluded, 60, seconds(0));
  const auto its = add("plain", other, 60, seconds(0), {8, 7});
  ASSERT_EQ(its.size(), 1u);
  EXPECT_EQ(its[0].app, 8u);
  EXPECT_EQ(ties.name_of(7, one), "open");
  EXPECT_EQ(ties.name_of(9, one), "");
  EXPECT_EQ((TieOwner{0, 7}.key()), 7u) << "what is no app of its own knows what its spawner does";
}

TEST_F(TiesTest, GrowOlderWithALaterAnswerOnly) {
  add("a", excluded, 60, seconds(0));
  EXPECT_THAT(add("a", excluded, 10, seconds(1)), IsEmpty());
  const auto longer = add("a", excluded, 60, seconds(10));
  ASSERT_EQ(longer.size(), 1u);
  EXPECT_EQ(longer[0].expires, seconds(71));
  EXPECT_THAT(ties.expire(seconds(61)), IsEmpty());
}

TEST_F(TiesTest, AreToldAgainForAnotherPolicy) {
  add("a", excluded, 60, seconds(0));
  add("b", none, 60, seconds(0), {8, 0});
  add("c", other, 60, seconds(0), {9, 0});
  ties.remember(10, one, other, seconds(60));
  ties.reclassify([](const std::string& name) { return name == "b" ? excluded : name == "c" ? other : none; });
  const auto again = ties.again(seconds(1));
  ASSERT_EQ(again.size(), 2u) << "the kernel knows none of them any more";
  EXPECT_EQ(again[0].app, 8u);
  EXPECT_EQ(again[0].domain, excluded);
  EXPECT_EQ(again[1].domain, other) << "of the same number, but another policy's";
  EXPECT_EQ(ties.size(), 3u) << "what has no name has no class in it";
  ties.expire(seconds(61));
  EXPECT_EQ(ties.size(), 0u);
}

TEST_F(TiesTest, OfAnEarlierAgentAreKept) {
  ties.remember(7, one, excluded, seconds(60));
  EXPECT_THAT(ties.again(seconds(1)), IsEmpty()) << "the kernel has them";
  const auto stricter = add("plain", none, 10, seconds(1));
  ASSERT_EQ(stricter.size(), 1u);
  EXPECT_EQ(stricter[0].domain, none);
  EXPECT_EQ(ties.expire(seconds(13)).front().domain, excluded);
  EXPECT_EQ(ties.expire(seconds(60)).front().domain, none);
  EXPECT_EQ(ties.size(), 0u);
}

TEST_F(TiesTest, HaveBounds) {
  std::vector<AddressAnswer> all;
  for (std::uint32_t i = 0; i < Ties::most_of_one; ++i) all.push_back({policy::Address::from_v4(i), 60});
  EXPECT_TRUE(ties.add(ledger, "a", excluded, all, seconds(0)));
  const AddressAnswer more{policy::Address::from_v4(0xffffff), 60};
  EXPECT_FALSE(ties.add(ledger, "a", excluded, {&more, 1}, seconds(0)));
  EXPECT_TRUE(ties.add({8, 0}, "a", excluded, {&more, 1}, seconds(0)));
  EXPECT_TRUE(ties.add(ledger, "a", excluded, {&all[5], 1}, seconds(0))) << "what is known already";
  ties.expire(seconds(61));
  EXPECT_EQ(ties.size(), 0u);
}

}  // namespace
}  // namespace vpn::agent::dns
