#include "agent/network/router_table.h"

#include <algorithm>

namespace vpn::agent {

bool RouterTable::hear(const RouterFact& fact, Time now) {
  std::size_t others = 0;
  for (auto e = entries_.begin(); e != entries_.end(); ++e) {
    if (e->fact.link != fact.link || e->fact.kind != fact.kind) continue;
    ++others;
    if (e->fact.router != fact.router || e->fact.text != fact.text) continue;
    if (fact.lifetime.count() == 0) {
      entries_.erase(e);
      return true;
    }
    e->until = now + fact.lifetime;
    return false;
  }
  // The first portal stays: with each other one the agent would look anew, and open its window anew.
  const std::size_t room = fact.kind == RouterFact::Kind::captive_portal ? 1 : most_of_kind;
  if (fact.lifetime.count() == 0 || others >= room || entries_.size() >= most) return false;
  entries_.push_back({fact, now + fact.lifetime});
  return true;
}

bool RouterTable::forget(std::uint32_t link) {
  return std::erase_if(entries_, [&](const Entry& e) { return e.fact.link == link; }) != 0;
}

bool RouterTable::forget_all() {
  const bool any = !entries_.empty();
  entries_.clear();
  return any;
}

bool RouterTable::expire(Time now) {
  return std::erase_if(entries_, [&](const Entry& e) { return e.until <= now; }) != 0;
}

std::optional<RouterTable::Time> RouterTable::next_end() const {
  const auto first = std::min_element(entries_.begin(), entries_.end(),
                                      [](const Entry& a, const Entry& b) { return a.until < b.until; });
  return first == entries_.end() ? std::nullopt : std::optional(first->until);
}

RouterFacts RouterTable::facts() const {
  const auto add = [](auto& to, const auto& what) {
    if (std::find(to.begin(), to.end(), what) == to.end()) to.push_back(what);
  };
  RouterFacts out;
  for (const Entry& e : entries_) {
    ResolverFacts& facts = out[e.fact.link];
    switch (e.fact.kind) {
      case RouterFact::Kind::resolver:
        add(facts.dns_servers, e.fact.text);
        break;
      case RouterFact::Kind::search_domain:
        add(facts.search_domains, e.fact.text);
        break;
      case RouterFact::Kind::captive_portal:
        facts.captive_portal = e.fact.text;
        break;
      case RouterFact::Kind::nat64:
        add(facts.nat64, e.fact.nat64);
        break;
    }
  }
  return out;
}

}  // namespace vpn::agent
