// What arrives: packets that come in, judged in the states of a VPN's scene. Internal to compiler/report.
#pragma once

#include <optional>
#include <vector>

#include "compiler/report/scene.h"

namespace vpn::report {

/// Packets of each kind that may arrive, by the network and out of a tunnel, to the senders of a cast. `routes`: those
/// from the provider's routes, too. Views in them point to static text.
std::vector<Item> arrivals(const std::vector<Sender>& receivers, bool routes);

/// The packet in that state, by the primary interface, or by that of the tunnel that its answer would take, else of the
/// first that has one; none where there is no such interface. Views in it point into all four.
std::optional<policy::Flow> arriving(const policy::Situation& situation, const Item& item, const Sender& receiver,
                                     const State& state);

}  // namespace vpn::report
