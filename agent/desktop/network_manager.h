// What NetworkManager tells of networks on D-Bus, read from one answer of its object manager. Whoever owns the name may
// say anything: what is read is bounded and checked, and what the agent does with it opens nothing.
#pragma once

#include <systemd/sd-bus.h>

#include <nlohmann/json_fwd.hpp>

namespace vpn::agent::desktop {

inline constexpr const char* network_manager = "org.freedesktop.NetworkManager";

/// Reads `a{oa{sa{sv}}}` and gives "networks" and "portal" of the agent's facts (agent/control/machine_facts.h). Below
/// 0: the message is another.
int read_network_manager(sd_bus_message* answer, nlohmann::json& facts);

}  // namespace vpn::agent::desktop
