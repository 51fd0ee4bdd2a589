#include "agent/control/providers.h"

#include "agent/control/agent.h"

namespace vpn::agent {

std::vector<ProviderFactory> provider_factories(const AgentOptions&) { return {}; }

}  // namespace vpn::agent
