// Which of many examples a person is shown.
#pragma once

#include <functional>

#include "compiler/analyse/space.h"

namespace vpn::analyse {

/// How much a person has to read to understand a flow in a state: the sum of the three.
unsigned cost_of(const Space& space, const State& state);
unsigned cost_of(const Space& space, const Who& who);
unsigned cost_of(const Space& space, const View::Traffic& traffic);

/// The state without what `still_shows` does not need: addresses, routes, endpoints.
policy::DeviceState smaller_state(policy::DeviceState state,
                                  const std::function<bool(const policy::DeviceState&)>& still_shows);

}  // namespace vpn::analyse
