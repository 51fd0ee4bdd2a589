#include "compiler/simulate/apps.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace vpn::simulate {
namespace {

bool fits(const FlowPattern& p, const FlowEnds& f) {
  if (p.protocol >= 0 && p.protocol != f.protocol) return false;
  if (f.local_port < p.local_first || f.local_port > p.local_last) return false;
  if (f.remote_port < p.remote_first || f.remote_port > p.remote_last) return false;
  return (!p.has_local || p.local.contains(f.local)) && (!p.has_remote || p.remote.contains(f.remote));
}

}  // namespace

Attribution::Attribution(AppMap map, Moment beginning) {
  std::map<std::pair<std::string_view, std::string_view>, std::uint32_t> apps;  // by app and spawner
  for (MappedApp& mapped : map.entries) {
    const policy::Flow& as = mapped.as->flow;
    std::uint32_t app = 0;
    if (as.owner == policy::Owner::app || !as.spawned_by.empty())
      app = apps.try_emplace({as.app, as.spawned_by}, static_cast<std::uint32_t>(apps.size() + 1)).first->second;
    const auto number = static_cast<std::uint32_t>(entries_.size());
    const FlowPattern& p = mapped.pattern;
    entries_.push_back({p, p.from.in(beginning), p.until.in(beginning), std::move(mapped.as), app});
    if (p.local_first == p.local_last)
      by_local_port_[p.local_first].push_back(number);
    else
      general_.push_back(number);
  }
}

// The first that fits counts. One that will fit later, or that will not any more, bounds how long that is so.
void Attribution::consider(std::uint32_t number, const FlowEnds& flow, Moment now, std::uint32_t& best,
                           Moment& until) const {
  const Entry& e = entries_[number];
  if (!fits(e.pattern, flow) || e.until <= now) return;
  if (e.from > now) {
    until = std::min(until, e.from);
    return;
  }
  until = std::min(until, e.until);
  best = std::min(best, number);
}

Attribution::Answer Attribution::ask(const FlowEnds& flow, Moment now) const {
  std::uint32_t best = policy::none;
  Answer out;
  if (const auto own = by_local_port_.find(flow.local_port); own != by_local_port_.end())
    for (const std::uint32_t n : own->second) consider(n, flow, now, best, out.until);
  for (const std::uint32_t n : general_) consider(n, flow, now, best, out.until);
  if (best == policy::none) return out;
  out.as = entries_[best].as.get();
  out.app = entries_[best].app;
  return out;
}

}  // namespace vpn::simulate
