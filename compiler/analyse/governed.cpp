#include "compiler/analyse/governed.h"

#include <bit>

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
  const auto class_of = [&](std::uint32_t a) -> const policy::Plan::AppClass& {
    return plan.classes[a == policy::none ? 0 : plan.app_classes[a]];
  };
  const std::uint32_t roles = class_of(app).roles | class_of(spawner).roles;
  const auto lists = policy.domains().lists(space.hosts()[member.host].classes[k]);
  for (std::size_t w = 0; w < plan.words; ++w) {
    const policy::Plan::NamedVpns named = plan.named(lists, roles, w);
    std::uint64_t all = plan.mapped(app, class_of(app), class_of(spawner), w) | named.triggered;
    for (; all != 0; all &= all - 1) {
      const auto bit = static_cast<unsigned>(std::countr_zero(all));
      const auto vpn = static_cast<std::uint32_t>(w * 64 + bit);
      const std::uint64_t mask = std::uint64_t{1} << bit;
      if ((d.bypassed[w] & mask) != 0) {
        out.disconnected_from.push_back(vpn);
      } else if ((named.excluded & mask) != 0) {
        out.excluded_from.push_back(vpn);
      } else {
        out.by_per_app = vpn;
        return out;
      }
    }
  }
  return out;
}

}  // namespace vpn::analyse
