// Timing for ratios: both sides in turn in one process, medians of the rounds.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace vpn::bench {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// Seconds that `repeat` calls of `work` take, divided by `repeat`.
template <class Work>
double seconds_each(std::size_t repeat, Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < repeat; ++i) work();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  return spent.count() / static_cast<double>(repeat);
}

struct Pair {
  double ours = 0;  ///< median seconds of a call
  double peer = 0;
};

/// A B A B …, `rounds` of each after one that does not count.
template <class Ours, class Peer>
Pair interleaved(std::size_t rounds, std::size_t repeat, Ours&& ours, Peer&& peer) {
  std::vector<double> a, b;
  for (std::size_t i = 0; i <= rounds; ++i) {
    const double first = seconds_each(repeat, ours);
    const double second = seconds_each(repeat, peer);
    if (i == 0) continue;
    a.push_back(first);
    b.push_back(second);
  }
  return {median(a), median(b)};
}

/// Keeps the compiler from dropping a result.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

}  // namespace vpn::bench
