// Whose traffic a policy governs, read from the policy and apart from the verdict: what a verdict is held against.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/analyse/space.h"

namespace vpn::analyse {

/// Whether a flow leaves the device beside every tunnel.
constexpr bool is_outside(policy::Verdict v) { return v == policy::Verdict::direct || v == policy::Verdict::system; }

struct Governed {
  bool by_always_on = false;                     ///< S3
  bool by_engaged = false;                       ///< S5
  std::uint32_t by_per_app = policy::none;       ///< S4: the VPN that decides
  policy::TunnelStatus status{};                 ///< its tunnel's
  std::vector<std::uint32_t> excluded_from;      ///< S4.b: VPNs passed over before it, for the host is excluded
  std::vector<std::uint32_t> disconnected_from;  ///< S4.a: likewise, for on-demand disconnects them here
  bool by_any() const { return by_always_on || by_engaged || by_per_app != policy::none; }
  bool by_any_before_bypass() const { return by_any() || !excluded_from.empty() || !disconnected_from.empty(); }
};

/// All that a sender's verdicts depend on of per-app VPNs in a state: with View::shared_key() all that they depend on.
void append(const Governed& g, ClassKey& key);

Governed governed(const Space& space, const View& view, std::size_t k, const Who& who);

}  // namespace vpn::analyse
