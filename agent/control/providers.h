// Which kinds of tunnels the agent can bring up itself. What is none of these, an outside client brings up
// (agent/tunnel/external.h).
#pragma once

#include <vector>

#include "agent/tunnel/provider.h"

namespace vpn::agent {

struct AgentOptions;

/// In the order in which they are asked.
std::vector<ProviderFactory> provider_factories(const AgentOptions& options);

}  // namespace vpn::agent
