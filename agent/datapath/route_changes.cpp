// The difference of two route plans.
#include <algorithm>
#include <map>
#include <utility>

#include "agent/datapath/route_plan.h"

namespace vpn::agent {
namespace {

using Entry = RouteChanges::Entry;

/// What `to` has and `from` has not, or not so; both sorted by destination and metric. With `same_key` an entry of
/// `from` with the same destination and metric is enough to leave it out.
void missing(std::uint32_t table, const std::vector<Route>& from, const std::vector<Route>& to, bool same_key,
             std::vector<Entry>& out) {
  const auto key = [](const Route& r) { return std::pair(r.destination, r.metric); };
  auto at = from.begin();
  for (const Route& route : to) {
    at = std::find_if(at, from.end(), [&](const Route& r) { return key(r) >= key(route); });
    const bool found = at != from.end() && key(*at) == key(route);
    if (!found || (!same_key && *at != route)) out.push_back({table, route});
  }
}

}  // namespace

RouteChanges route_changes(const RoutePlan& from, const RoutePlan& to) {
  RouteChanges out;
  std::map<std::uint32_t, std::pair<const RouteTable*, const RouteTable*>> tables;
  for (const RouteTable& t : from.tables) tables[t.number].first = &t;
  for (const RouteTable& t : to.tables) tables[t.number].second = &t;
  const std::vector<Route> none;
  for (const auto& [number, pair] : tables) {
    const auto& before = pair.first != nullptr ? pair.first->routes : none;
    const auto& after = pair.second != nullptr ? pair.second->routes : none;
    missing(number, before, after, false, out.set_routes);
    missing(number, after, before, true, out.remove_routes);
  }
  std::set_difference(to.rules.begin(), to.rules.end(), from.rules.begin(), from.rules.end(),
                      std::back_inserter(out.add_rules));
  std::set_difference(from.rules.begin(), from.rules.end(), to.rules.begin(), to.rules.end(),
                      std::back_inserter(out.remove_rules));
  return out;
}

}  // namespace vpn::agent
