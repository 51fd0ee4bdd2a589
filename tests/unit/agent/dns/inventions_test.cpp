#include "agent/dns/inventions.h"

#include <gtest/gtest.h>

namespace vpn::agent::dns {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

TEST(Inventions, AnAddressStandsForOneName) {
  Inventions all(131'071);  // the last of the range: it goes on at its beginning
  const auto a = all.address_of("a.example", minutes(0)), b = all.address_of("b.example", minutes(0));
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->to_string(), "198.19.255.255");
  EXPECT_EQ(b->to_string(), "198.18.0.0");
  EXPECT_EQ(all.address_of("a.example", minutes(1)), a);
  EXPECT_EQ(all.name_of(*a, minutes(1)), "a.example");
  EXPECT_EQ(all.name_of(*b, minutes(1)), "b.example");
  for (const char* other :
       {"198.18.0.1", "198.17.255.255", "198.20.0.0", "192.0.2.1", "2001:db8::1", "::ffff:198.18.0.0"})
    EXPECT_EQ(all.name_of(*policy::Address::parse(other), minutes(1)), "") << other;
}

TEST(Inventions, WhatIsUsedIsNobodyElses) {
  Inventions all(0);
  for (std::size_t i = 0; i < Inventions::most; ++i)
    ASSERT_TRUE(all.address_of("n" + std::to_string(i) + ".example", minutes(0)));
  EXPECT_FALSE(all.address_of("late.example", minutes(59)));
  const auto first = all.address_of("n0.example", minutes(59));
  const auto late = all.address_of("late.example", hours(1));
  ASSERT_TRUE(late);
  EXPECT_NE(late, first) << "that one was asked for just now";
  EXPECT_EQ(all.name_of(*late, hours(1)), "late.example");
  EXPECT_EQ(all.size(), Inventions::most);
}

}  // namespace
}  // namespace vpn::agent::dns
