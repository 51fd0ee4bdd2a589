// What routers have told (router_options.h), as long as it holds. Pure: the time is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "agent/loop/loop.h"
#include "agent/network/facts.h"
#include "agent/network/router_options.h"

namespace vpn::agent {

/// By index of the interface; servers, search domains, portal and NAT64 prefixes, each in the order in which they came.
using RouterFacts = std::map<std::uint32_t, ResolverFacts>;

class RouterTable {
 public:
  using Time = Loop::Clock::time_point;
  /// Of each kind, for each interface: when it has as many, others are not heard before one of them has ended.
  static constexpr std::size_t most_of_kind = 8;
  /// Interfaces have as much as this all together: there may be thousands, and one router behind them all.
  static constexpr std::size_t most = 1024;

  // Whether facts() are others now.
  bool hear(const RouterFact& fact, Time now);
  bool forget(std::uint32_t link);  ///< it went down, or away: its next network is another one
  bool forget_all();
  bool expire(Time now);
  std::optional<Time> next_end() const;  ///< of what ends first
  RouterFacts facts() const;

 private:
  struct Entry {
    RouterFact fact;
    Time until;
  };
  std::vector<Entry> entries_;
};

}  // namespace vpn::agent
