// Whether a class of flows, or a state, is one that a selector means.
#pragma once

#include "compiler/analyse/property.h"

namespace vpn::analyse {

/// The space must have been made with a refinement that has the selector's words. `decision` is what the flow meets.
bool selects(const Space& space, const FlowSelector& selector, const Who& who, const View::Traffic& traffic,
             const policy::Decision& decision);
bool selects(const Space& space, const StateSelector& selector, const State& state);

/// A word of FlowSelector::hosts.
bool selects(std::string_view pattern, std::string_view host);

/// What selectors tell apart is added to `out`.
void refine(const FlowSelector& flows, Refinement& out);
void refine(const StateSelector& states, Refinement& out);

}  // namespace vpn::analyse
