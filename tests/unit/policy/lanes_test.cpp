#include "policy/lanes.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/policy/random.h"

namespace vpn::policy {
namespace {

TEST(Lanes, WhatTheMachineOffersGivesTheSameAsPlainCode) {
  test::Random random;
  for (int i = 0; i < 20000; ++i) {
    std::array<std::byte, 65> bytes{};
    for (auto& b : bytes) b = static_cast<std::byte>(random.chance(30) ? random.bits() : 0xff * random.below(2));
    const std::byte* at = bytes.data() + random.below(2);
    const auto wanted =
        random.chance(70) ? load_le32(at + 4 * random.below(16)) : static_cast<std::uint32_t>(random.bits());
    const auto ignored = static_cast<unsigned>(random.below(32));
    std::uint32_t equal = 0;
    std::uint64_t tops = 0;
    for (std::size_t k = 0; k < 16; ++k)
      equal |= (load_le32(at + 4 * k) >> ignored == wanted >> ignored ? 1u : 0u) << k;
    for (unsigned k = 0; k < 64; ++k) tops |= std::uint64_t{(static_cast<unsigned>(at[k]) >> 7) & 1u} << k;
    ASSERT_EQ(equal_lanes(at, wanted, ignored), equal);
    ASSERT_EQ(plain::equal_lanes(at, wanted, ignored), equal);
    ASSERT_EQ(top_bits(at), tops);
    ASSERT_EQ(plain::top_bits(at), tops);
  }
}

}  // namespace
}  // namespace vpn::policy
