// Lookups that need a tunnel which on-demand starts: the first thing that most apps do is to look a name up, so it
// starts the tunnel as their packets do, and waits for it as their connections do.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "agent/dns/lookup_gate.h"

namespace vpn::agent {

class LookupHolds final : public LookupGate {
 public:
  struct Rules {
    std::function<bool(std::uint32_t tunnel)> may_wait;  ///< it is down, and starts or would start
    std::function<void(std::uint32_t tunnel)> used;      ///< somebody needs it
  };
  explicit LookupHolds(Rules rules) : rules_(std::move(rules)) {}

  bool may_proceed(const LookupAsked& asked, Proceed proceed) override;
  bool answered(const LookupAsked& asked, bool resolved, Proceed again) override;

  /// What waits for it is judged anew: the tables with the tunnel are in force, or it is not waited for any more.
  void release(std::uint32_t tunnel);
  /// Another policy: its tunnels have other numbers.
  void forget() { held_.clear(); }

 private:
  Rules rules_;
  std::map<std::uint32_t, std::vector<Proceed>> held_;
};

}  // namespace vpn::agent
