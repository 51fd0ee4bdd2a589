// Counters and states as OpenMetrics text. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "policy/types.h"

namespace vpn::agent {

struct CounterLine {
  std::string app, verdict, rule, tunnel;  ///< tunnel: empty where none governs
  bool incoming = false;
  std::uint64_t packets = 0, bytes = 0;
};

struct MetricsInput {
  bool in_force = false, audit = false;
  std::uint64_t serial = 0, drops_lost = 0;
  std::vector<std::pair<std::string, policy::TunnelStatus>> tunnels;
  std::vector<CounterLine> counters;
  std::vector<std::pair<std::string, std::uint64_t>> lookups;  ///< outcome, and how many of governed apps had it
};

/// With `# EOF`. Lines with the same labels (helpers of different apps) are added up.
std::string openmetrics(const MetricsInput& input);

/// The app of a counter: its identifier, or other, unattributed, forwarded.
std::string owner_name(std::uint8_t owner, const std::string& app);

}  // namespace vpn::agent
