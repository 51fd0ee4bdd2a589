// Which on-demand rule the present network selects ("On-demand" of docs/semantics.md).
#pragma once

#include "policy/flow.h"
#include "policy_generated.h"

namespace vpn::policy {

/// First rule all of whose criteria hold in `state`; null when none does (the action is then Ignore).
/// Not enabled on-demand has rules all the same: callers look at `enabled` themselves.
const fb::OnDemandRule* matching_rule(const fb::OnDemand* on_demand, const DeviceState& state);

/// The same for who can ask the network: a probe without a result is not taken for one that failed.
struct NetworkRule {
  const fb::OnDemandRule* rule = nullptr;       ///< null: none holds, or it is not known yet
  std::uint32_t index = 0;                      ///< of the rule, or of the one that waits
  const flatbuffers::String* awaits = nullptr;  ///< the URL whose result decides; null: all is known
};
NetworkRule network_rule(const fb::OnDemand* on_demand, const DeviceState& state);

/// Criteria by themselves: DNSDomainMatch (a name of the network, in A-labels and lower case) and DNSServerAddressMatch
/// (a server as the network writes it; `address` is that text parsed).
bool search_domain_matches(std::string_view pattern, std::string_view domain);
bool server_matches(std::string_view pattern, std::string_view text, const std::optional<Address>& address);

/// Action of the present network's rule; `ignore` when none matches.
fb::OnDemandAction network_action(const fb::OnDemand* on_demand, const DeviceState& state);

/// The interface that `state.primary_interface` names, or null: one that is not listed is none, nor is a tunnel's.
const InterfaceState* primary_interface(const DeviceState& state);

/// Whether `name` is the interface of a tunnel, connected or not.
bool is_tunnel_interface(const DeviceState& state, std::string_view name);

}  // namespace vpn::policy
