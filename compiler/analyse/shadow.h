// Rules of a policy that can never decide. For prove.cpp.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "compiler/analyse/governed.h"
#include "compiler/analyse/prove.h"
#include "compiler/analyse/space.h"
#include "policy/plan.h"

namespace vpn::analyse {

/// Watches a run over all flows and states, and says what never came up.
class Shadows {
 public:
  explicit Shadows(const Space& space) : space_(space), policy_(*space.policies()[0]) {}
  void see(const View& view, const Who& who, const Governed& by);
  void see(const Who& who, const policy::Decision& decision);
  /// Errors (`invalid_input`): on-demand rules that cannot be gone through.
  Result<std::vector<Shadowed>> find();

 private:
  void find_always_on(const policy::Plan& plan);
  void find_app_exceptions(const policy::Plan& plan);
  void find_per_app(const policy::Plan& plan);
  void find_devices(const policy::Plan& plan);
  Result<void> find_on_demand(const policy::fb::OnDemand* on_demand);
  bool decided(policy::Rule rule, std::uint32_t source) const;
  void add(std::uint32_t source, std::string what, std::string why);
  std::string name_of(std::uint32_t tunnel) const;

  const Space& space_;
  const policy::Policy& policy_;
  const policy::Plan* plan_ = nullptr;
  std::set<std::pair<policy::Rule, std::uint32_t>> decided_;
  std::set<std::pair<policy::Rule, std::uint32_t>> decided_for_;  // rule, class of the app
  std::set<std::pair<std::uint32_t, std::uint32_t>> governs_;     // class of the app, per-app VPN
  std::set<std::uint32_t> tunnels_;                               // of S7
  std::set<std::uint32_t> excludes_;                              // per-app VPNs
  std::vector<Shadowed> out_;
};

}  // namespace vpn::analyse
