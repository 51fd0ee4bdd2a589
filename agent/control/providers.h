// Which kinds of tunnels the agent can bring up itself. What is none of these, an outside client brings up
// (agent/tunnel/external.h).
#pragma once

#include <string>
#include <vector>

#include "agent/tunnel/provider.h"

namespace vpn::agent {

struct AgentOptions;

/// In the order in which they are asked.
std::vector<ProviderFactory> provider_factories(const AgentOptions& options);

/// The folder in cgroup v2 for the program that enrols identities: beside the daemons', and nobody's. Empty: there is
/// no place for one.
std::string enrolment_cgroup(const AgentOptions& options);

}  // namespace vpn::agent
