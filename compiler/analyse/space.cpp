#include "compiler/analyse/space.h"

#include "compiler/analyse/space_builder.h"

namespace vpn::analyse {

SpaceBuilder::SpaceBuilder(std::span<const policy::Policy* const> policies, Refinement refinement) {
  space_.policies_.assign(policies.begin(), policies.end());
  space_.refinement_ = std::move(refinement);
}

Result<Space> SpaceBuilder::build() {
  // What one policy can hold is bounded by its reader; classes are bounded by what can be gone through.
  constexpr policy::KernelClasses::Limits limits{1u << 20, 1u << 20};
  for (const policy::Policy* p : space_.policies_) {
    situations_.emplace_back(*p, policy::DeviceState{});
    auto classes = policy::KernelClasses::of(situations_.back(), limits);
    if (!classes) return tl::unexpected(classes.error());
    classes_.push_back(std::move(*classes));
  }
  pair_tunnels();
  name_tunnels();
  find_statuses();
  if (auto done = find_networks(); !done) return tl::unexpected(done.error());
  if (auto done = make_states(); !done) return tl::unexpected(done.error());
  classify_apps();
  classify_hosts();
  if (auto done = make_whos(); !done) return tl::unexpected(done.error());
  classify_ports();
  classify_places();
  return std::move(space_);
}

Result<Space> Space::of(std::span<const policy::Policy* const> policies, Refinement refinement) {
  return SpaceBuilder(policies, std::move(refinement)).build();
}

}  // namespace vpn::analyse
