// Random numbers for property tests: the seed is printed with every failure and can be given in VPN_TEST_SEED.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <random>
#include <string>

namespace vpn::test {

class Random {
 public:
  Random() : Random(choose()) {}
  explicit Random(std::uint64_t seed)
      : seed_(seed), trace_(__FILE__, __LINE__, "VPN_TEST_SEED=" + std::to_string(seed_)), engine_(seed_) {}
  /// 0 to `bound` - 1.
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::uint64_t bits() { return engine_(); }
  template <class Container>
  const auto& pick(const Container& c) {
    return c[below(std::size(c))];
  }

 private:
  static std::uint64_t choose() {
    const char* given = std::getenv("VPN_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  }
  std::uint64_t seed_;
  ::testing::ScopedTrace trace_;
  std::mt19937_64 engine_;
};

}  // namespace vpn::test
