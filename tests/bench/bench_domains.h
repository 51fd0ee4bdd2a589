// Domain names for benchmarks and tests, with the statistics of real exclusion lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vpn::bench {

/// `count` distinct names, the same for the same arguments everywhere: one to four labels before a public suffix, hosts
/// that share registered domains, about 18 bytes on average. In no order.
std::vector<std::string> domains(std::size_t count, std::uint64_t seed = 1);

/// Hosts to look up: in turn a name of the list, one below such a name, and one that no list holds.
struct Hosts {
  std::vector<std::string> listed, below, unlisted;
};
Hosts hosts_for(const std::vector<std::string>& names, std::size_t count, std::uint64_t seed = 2);

/// A generator of random numbers that is the same on every machine (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits();
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(bits() % bound); }

 private:
  std::uint64_t state_;
};

}  // namespace vpn::bench
