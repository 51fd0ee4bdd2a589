// The verdict function: decide(policy, state, flow), rules S0 to S8 of docs/semantics.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "policy/flow.h"
#include "policy/policy.h"
#include "policy/types.h"

namespace vpn::policy {

struct Decision {
  Verdict verdict = Verdict::drop;
  Rule rule = Rule::S8;
  std::uint32_t tunnel = none;  ///< index into the policy's tunnels; set whenever one governs
  std::uint32_t source = none;  ///< index into the policy's sources
};

/// Of two names that share an address the one with the stricter verdict counts: what leaves past the tunnel is less
/// strict than what stays in it or goes nowhere ("Domain match").
constexpr bool is_stricter(const Decision& a, const Decision& b) {
  const auto strict = [](Verdict v) { return v == Verdict::drop || v == Verdict::tunnel || v == Verdict::proxy; };
  return strict(a.verdict) && !strict(b.verdict);
}

/// A rule that was looked at and passed over, for `explain`.
struct Passed {
  Rule rule;
  std::string_view why;  ///< static text
  std::uint32_t tunnel = none;
  std::uint32_t source = none;
};

/// A policy specialised to one device state: everything that does not depend on the flow is decided once, here.
/// Immutable and safe to share between threads; keeps a reference to the policy, which must outlive it.
class Situation {
 public:
  Situation(const Policy& policy, const DeviceState& state);
  /// The same policy in another state. Shares what does not depend on the state: with many apps far cheaper than anew.
  Situation in(const DeviceState& state) const;
  /// The same state, but one tunnel of the policy that was `connected` is `reasserting`. Shares the ranges of
  /// addresses: cheap however many routes there are.
  Situation reasserting(std::uint32_t tunnel) const;
  ~Situation();
  Situation(Situation&&) noexcept;
  Situation& operator=(Situation&&) noexcept;
  struct Data;
  const Data& data() const { return *data_; }
  const Policy& policy() const { return *policy_; }

 private:
  Situation(const Policy* policy, std::unique_ptr<const Data> data);
  const Policy* policy_;
  std::unique_ptr<const Data> data_;
};

/// The verdict for one flow. No allocation (a host name that is not in A-label form excepted), no locks, no I/O.
/// Total: every flow has a verdict; `passed` collects the rules that were passed over when it is given.
Decision decide(const Situation& situation, const Flow& flow, std::vector<Passed>* passed = nullptr);

}  // namespace vpn::policy
