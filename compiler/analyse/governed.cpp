#include "compiler/analyse/governed.h"

#include "policy/situation.h"

namespace vpn::analyse {

Governed governed(const Space& space, const View& view, std::size_t k, const Who& who) {
  Governed out;
  const policy::Situation& situation = view.situation(k);
  const policy::Situation::Data& d = situation.data();
  const policy::Plan& plan = *d.plan;
  if (plan.always_on) {
    out.by_always_on = true;
    return out;
  }
  out.by_engaged = d.engaged != nullptr;
  if (who.owner == policy::Owner::unattributed && plan.words != 0) out.by_per_app = 0;
  if (who.members.empty()) return out;
  const policy::Policy& policy = situation.policy();
  const Who::Member& member = who.members.front();
  const std::uint32_t app = policy.apps().find(space.owners()[member.owner].example);
  const std::uint32_t spawner = policy.apps().find(space.spawners()[member.spawner].example);
  const auto names = policy.domains().lists(space.hosts()[member.host].classes[k]);
  plan.each_governing(app, spawner, names, [&](std::uint32_t vpn, bool is_excluded) {
    if ((d.bypassed[vpn / 64] >> (vpn % 64) & 1u) != 0)
      out.disconnected_from.push_back(vpn);
    else if (is_excluded)
      out.excluded_from.push_back(vpn);
    else
      out.by_per_app = vpn;
    return out.by_per_app != policy::none;
  });
  if (out.by_per_app != policy::none) out.status = d.tunnels[plan.per_app[out.by_per_app].tunnel].status;
  return out;
}

void append(const Governed& g, ClassKey& key) {
  key.push_back(g.by_per_app);
  key.push_back(static_cast<std::uint64_t>(g.status));
  for (const std::vector<std::uint32_t>* vpns : {&g.disconnected_from, &g.excluded_from}) {
    key.push_back(vpns->size());
    key.insert(key.end(), vpns->begin(), vpns->end());
  }
}

}  // namespace vpn::analyse
