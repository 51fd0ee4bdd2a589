#include "agent/network/counters.h"

#include <gtest/gtest.h>

namespace vpn::agent {
namespace {

constexpr std::string_view listing =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier\n"
    "    lo:  100  2 0 0 0 0 0 0  100  3 0 0 0 0 0 0\n"
    "  tun0: 5000 44 0 0 0 0 0 0 7000 55 0 0 0 0 0 0\n"
    "tun0:1:    1  1 0 0 0 0 0 0    1 77 0 0 0 0 0 0\n"
    "  cut0:    1  1 0 0\n";

TEST(Counters, ReadWhatWasSent) {
  EXPECT_EQ(packets_sent(listing, "tun0"), 55u);
  EXPECT_EQ(packets_sent(listing, "tun0:1"), 77u);
  EXPECT_EQ(packets_sent(listing, "tun"), std::nullopt);
  EXPECT_EQ(packets_sent(listing, "cut0"), std::nullopt);
  EXPECT_EQ(packets_sent(listing, ""), std::nullopt);
  EXPECT_EQ(packets_sent("", "tun0"), std::nullopt);
}

TEST(Counters, OfThisNamespace) {
  EXPECT_TRUE(packets_sent(std::string("lo")));
  EXPECT_FALSE(packets_sent(std::string("nothing-like-it")));
}

}  // namespace
}  // namespace vpn::agent
