// Lookups that need a tunnel which on-demand starts: the first thing that most apps do is to look a name up, so it
// starts the tunnel as their packets do, and waits for it as their connections do. Where the network's rule evaluates
// hosts (EvaluateConnection), a lookup is the moment at which that is done.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "agent/control/host_evaluations.h"
#include "agent/dns/lookup_gate.h"

namespace vpn::agent {

class LookupHolds final : public LookupGate {
 public:
  struct Rules {
    std::function<bool(std::uint32_t tunnel)> may_wait;  ///< it is down, and starts or would start
    std::function<void(std::uint32_t tunnel)> used;      ///< somebody needs it
    std::function<void(std::uint32_t tunnel, const std::string& why)> needed;  ///< a host does, by an evaluating rule
  };
  /// `hosts` outlives it, and calls nobody back after it has gone.
  LookupHolds(Rules rules, HostEvaluations& hosts) : rules_(std::move(rules)), hosts_(hosts) {}

  bool may_proceed(const LookupAsked& asked, Proceed proceed) override;
  bool answered(const LookupAsked& asked, bool resolved, Proceed again) override;
  bool wants_all() const override;

  /// What waits for it is judged anew: the tables with the tunnel are in force, or it is not waited for any more.
  void release(std::uint32_t tunnel);
  /// Another policy: its tunnels have other numbers.
  void forget() { held_.clear(); }

 private:
  bool held_for(std::uint32_t tunnel, Proceed proceed);

  Rules rules_;
  HostEvaluations& hosts_;
  std::map<std::uint32_t, std::vector<Proceed>> held_;
};

}  // namespace vpn::agent
