#include "compiler/analyse/two_policies.h"

#include "compiler/analyse/examples.h"
#include "compiler/analyse/words.h"
#include "compiler/verdict/text.h"
#include "policy/ascii.h"
#include "policy/json/json.h"

namespace vpn::analyse {

using policy::DeviceState;
using policy::Verdict;

TwoPolicies::TwoPolicies(const Space& space) : space_(space) {
  for (std::size_t k = 0; k < space.policies().size(); ++k) {
    const policy::Policy& policy = *space.policies()[k];
    any_.emplace_back(policy, DeviceState{});
    for (const Tunnel& t : space.tunnels()) {
      if (t.index[k] == policy::none) continue;
      const std::string own = policy.body().tunnels()->Get(t.index[k])->id()->str();
      if (own != t.id) others_.at(k).emplace(ascii::lower_case(t.id), own);
    }
  }
}

Side TwoPolicies::side_of(const policy::Decision& decision, std::size_t k) const {
  Side out{decision.verdict, policy::none};
  if (decision.verdict != Verdict::tunnel && decision.verdict != Verdict::proxy) return out;
  for (std::uint32_t t = 0; t < space_.tunnels().size(); ++t)
    if (space_.tunnels()[t].index[k] == decision.tunnel) out.tunnel = t;
  return out;
}

DeviceState TwoPolicies::device(const State& state) const {
  DeviceState out = space_.device_state(state, 1);
  const DeviceState old = space_.device_state(state, 0);
  for (const Tunnel& t : space_.tunnels()) {
    if (t.index[1] != policy::none) continue;
    for (const policy::TunnelState& s : old.tunnels)
      if (ascii::equal_without_case(s.id, t.id)) out.tunnels.push_back(s);
  }
  return out;
}

DeviceState TwoPolicies::renamed(DeviceState device, std::size_t k) const {
  if (others_.at(k).empty()) return device;
  for (policy::TunnelState& s : device.tunnels)
    if (const auto other = others_.at(k).find(ascii::lower_case(s.id)); other != others_.at(k).end())
      s.id = other->second;
  return device;
}

policy::Decision TwoPolicies::decide(std::size_t k, const DeviceState& device, const policy::Flow& flow) const {
  return policy::decide(any_[k].in(renamed(device, k)), flow);
}

void TwoPolicies::show(const State& state, DeviceState device, const policy::Flow& flow, Change& change) const {
  if (state.given == policy::none)
    device = smaller_state(std::move(device), [&](const DeviceState& d) {
      return side_of(decide(0, d, flow), 0) == change.before && side_of(decide(1, d, flow), 1) == change.after;
    });
  change.old_decision = decide(0, device, flow);
  change.new_decision = decide(1, device, flow);
  change.flow = policy::flow_json(flow);
  change.state = policy::state_json(renamed(device, 0));
  change.new_state = policy::state_json(renamed(device, 1));
  change.flow_words = verdict::flow_text(flow);
  change.state_words = state_words(space_, state);
}

}  // namespace vpn::analyse
