// What a proof shows to people: the flow and state that break it, whose fault that is, and what it let pass.
#include <algorithm>

#include "compiler/analyse/examples.h"
#include "compiler/analyse/prover.h"
#include "compiler/analyse/words.h"
#include "compiler/verdict/text.h"
#include "policy/on_demand.h"
#include "policy/situation.h"

namespace vpn::analyse {

namespace fb = policy::fb;
using policy::Rule;

// What is printed is read again and decided anew: an example that `explain` would not confirm is worse than none.
Result<Counterexample> Prover::counterexample(const State& state, const Who& who, const View::Traffic& traffic,
                                              const policy::Decision& decision) const {
  const policy::Flow flow = space_.flow(who, space_.places()[traffic.place], space_.ports()[traffic.port], state);
  Counterexample out;
  out.decision = decision;
  policy::DeviceState device = space_.device_state(state, 0);
  if (state.given == policy::none)
    device = smaller_state(std::move(device), [&](const policy::DeviceState& d) {
      const policy::Decision again = policy::decide(policy::Situation(policy_, d), flow);
      return again.verdict == decision.verdict && again.rule == decision.rule && again.tunnel == decision.tunnel;
    });
  out.flow = policy::flow_json(flow);
  out.state = policy::state_json(device);
  out.flow_words = verdict::flow_text(flow);
  out.state_words = state_words(space_, state);
  const auto read_flow = policy::parse_flow(out.flow);
  const auto read_state = policy::parse_state(out.state);
  if (read_flow && read_state) {
    const policy::Decision again = policy::decide(policy::Situation(policy_, *read_state), read_flow->flow);
    if (again.verdict == decision.verdict && again.rule == decision.rule && again.tunnel == decision.tunnel) {
      out.blame = blame(View(space_, state, nullptr), who, decision);
      return out;
    }
  }
  return fail(ErrorKind::invalid_input, "a counter-example was found that does not hold when it is read again",
              out.flow + " in " + out.state, "this is a fault of the program: please report it");
}

std::uint32_t Prover::bypass_source(const View& view, const policy::DeviceState& device, const Governed& by) const {
  const policy::Plan& plan = *view.situation(0).data().plan;
  if (!by.disconnected_from.empty()) {
    const fb::OnDemandRule* rule = policy::matching_rule(plan.per_app[by.disconnected_from.front()].on_demand, device);
    if (rule != nullptr) return rule->source();
  }
  if (!by.excluded_from.empty())
    for (std::uint32_t l = 0; l < plan.lists.size(); ++l)
      if (plan.lists[l].kind == fb::ListKind::excluded && plan.lists[l].owner == by.excluded_from.front())
        return policy_.body().domain_lists()->Get(l)->source();
  return policy::none;
}

std::vector<Blame> Prover::blame(const View& view, const Who& who, const policy::Decision& decision) const {
  std::vector<Blame> out;
  const policy::Plan& plan = *view.situation(0).data().plan;
  const Governed by = governed(space_, view, 0, who);
  const policy::DeviceState device = space_.device_state(view.state(), 0);
  if (!by.disconnected_from.empty())
    out.push_back({bypass_source(view, device, by), "on-demand disconnects the per-app VPN on this network (S4.a)"});
  else if (!by.excluded_from.empty())
    out.push_back({bypass_source(view, device, by), "the host is excluded from the per-app VPN (S4.b)"});
  if (decision.source != policy::none) {
    out.push_back({decision.source, std::string(verdict::rule_text(decision.rule))});
    return out;
  }
  for (const policy::Plan::Device& d : plan.devices) {
    if (d.include_all) {
      const fb::OnDemandRule* rule =
          d.on_demand != nullptr && d.on_demand->enabled() ? policy::matching_rule(d.on_demand, device) : nullptr;
      if (rule != nullptr && rule->action() != fb::OnDemandAction::connect)
        out.push_back({rule->source(),
                       "on this network on-demand does not connect, so a VPN that is disconnected is not "
                       "engaged, and IncludeAllNetworks not in force"});
      else
        out.push_back({d.include_all_source,
                       "IncludeAllNetworks is in force only while the VPN is engaged: not when a "
                       "user or an administrator has disconnected it, nor when it is invalid"});
    } else if (d.enforce_routes) {
      out.push_back({d.enforce_source,
                     "EnforceRoutes is in force only for the routes that the server gives, and only "
                     "while the VPN is connected or reasserting"});
    } else {
      out.push_back({d.source, "its routes take traffic only while the VPN is connected"});
    }
  }
  if (!plan.per_app.empty() && out.empty())
    out.push_back({plan.per_app[0].source, "per-app VPNs govern only the apps that are mapped to them"});
  return out;
}

Exception Prover::exception(Rule rule, std::uint32_t source, const std::string& flow) const {
  Exception out;
  out.rule = rule;
  out.source = source;
  if (const auto read = policy::parse_flow(flow)) out.flow_words = verdict::flow_text(read->flow);
  if (rule == Rule::S4) {
    const bool listed = policy_.body().domain_lists() != nullptr &&
                        std::any_of(policy_.body().domain_lists()->begin(), policy_.body().domain_lists()->end(),
                                    [&](const fb::DomainList* l) { return l->source() == source; });
    out.what = listed ? "S4.b: the host is in ExcludedDomains of the per-app VPN"
                      : "S4.a: on-demand disconnects the per-app VPN on this network";
    return out;
  }
  out.what = verdict::rule_text(rule);
  // Where a key is absent, the payload is the place of its default.
  const auto* devices = policy_.body().devices();
  out.by_default = (rule == Rule::S5b || rule == Rule::S5c || rule == Rule::S5d || rule == Rule::S5e) &&
                   devices != nullptr && std::any_of(devices->begin(), devices->end(), [&](const fb::Device* d) {
                     return d->source() == source && d->include_all_source() != source;
                   });
  return out;
}

}  // namespace vpn::analyse
