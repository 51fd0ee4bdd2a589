#include "agent/state/host_rule.h"

#include <algorithm>

#include "policy/domain_table.h"
#include "policy/flat_text.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

const policy::fb::OnDemand* on_demand_of(const policy::Policy& policy, std::uint32_t tunnel) {
  const policy::fb::Policy& body = policy.body();
  if (body.devices() != nullptr)
    for (const auto* d : *body.devices())
      if (d->tunnel() == tunnel) return d->on_demand();
  if (body.per_app() != nullptr)
    for (const auto* v : *body.per_app())
      if (v->tunnel() == tunnel) return v->on_demand();
  return nullptr;
}

HostRule read_parameter(const policy::fb::EvaluateParameter& parameter, std::uint32_t index) {
  HostRule out;
  out.index = index;
  out.source = parameter.source();
  out.never = parameter.never();
  out.url = policy::copy(parameter.url_probe());
  if (parameter.dns_servers() == nullptr) return out;
  out.needs_servers = parameter.dns_servers()->size() != 0;
  for (const auto* text : *parameter.dns_servers())
    if (const auto address = policy::Address::parse(text->string_view())) out.dns_servers.push_back(*address);
  return out;
}

}  // namespace

std::optional<HostRule> host_rule(const policy::Policy& policy, std::uint32_t tunnel, std::uint32_t rule,
                                  std::string_view host) {
  const policy::fb::OnDemand* on_demand = on_demand_of(policy, tunnel);
  if (on_demand == nullptr || on_demand->rules() == nullptr || rule >= on_demand->rules()->size()) return std::nullopt;
  const policy::fb::OnDemandRule* found = on_demand->rules()->Get(rule);
  if (found->action() != policy::fb::OnDemandAction::evaluate || found->parameters() == nullptr) return std::nullopt;
  const auto lists = policy.domains().lists(policy.domains().lookup(host));
  std::uint32_t index = 0;
  for (const auto* parameter : *found->parameters()) {
    if (std::find(lists.begin(), lists.end(), parameter->domains()) != lists.end())
      return read_parameter(*parameter, index);
    ++index;
  }
  return std::nullopt;
}

std::vector<bool> device_wide(const policy::Policy& policy) {
  const policy::fb::Policy& body = policy.body();
  std::vector<bool> out(body.tunnels() == nullptr ? 0 : body.tunnels()->size());
  // Nothing after S3 is reached while an always-on VPN is installed.
  if (body.devices() != nullptr && body.always_on() == nullptr)
    for (const auto* d : *body.devices()) out[d->tunnel()] = true;
  return out;
}

}  // namespace vpn::agent
