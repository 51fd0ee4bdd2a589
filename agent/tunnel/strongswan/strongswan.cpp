#include "agent/tunnel/strongswan/strongswan.h"

#include "agent/tunnel/secrets.h"
#include "agent/tunnel/strongswan/strongswan_provider.h"
#include "policy_generated.h"

namespace vpn::agent {

ProviderFactory strongswan_factory(StrongswanOptions options) {
  return [options = std::move(options)](Loop& loop, const TunnelConfiguration& configuration,
                                        Provider::Listener listener) -> std::unique_ptr<Provider> {
    const auto* tunnel = configuration.policy->body().tunnels()->Get(configuration.tunnel);
    if (tunnel->provider() != policy::fb::Provider::ikev2 && tunnel->provider() != policy::fb::Provider::ipsec)
      return nullptr;
    return std::make_unique<strongswan::StrongswanProvider>(loop, options, std::move(listener));
  };
}

}  // namespace vpn::agent
