#include "agent/dns/ties.h"

#include <algorithm>

namespace vpn::agent::dns {
namespace {

Ties::Time soonest(const auto& names) {
  return std::min_element(names.begin(), names.end(),
                          [](const auto& a, const auto& b) { return a.expires < b.expires; })
      ->expires;
}

}  // namespace

void Ties::wait_for(const Key& key, const Known& known, bool wait) {
  if (known.names.empty()) return;
  if (wait) {
    due_.emplace(soonest(known.names), key);
  } else {
    due_.erase({soonest(known.names), key});
  }
}

// Chooses the name that counts, and says what the kernel has to know. Class 0 is what the kernel takes without a tie.
void Ties::settle(const Key& key, Known& known, std::vector<TieChange>& out) {
  TieChange change{key.first, key.second, 0, {}};
  if (!known.names.empty()) {
    known.counts = 0;
    for (std::size_t i = 1; i < known.names.size(); ++i)
      if (stricter_(known.owner, key.second, known.names[i].domain, known.names[known.counts].domain)) known.counts = i;
    change.domain = known.names[known.counts].domain;
    // The kernel ends a tie by itself. Where another name would count then, it is for expire() to tell it, in time.
    for (const Named& n : known.names) change.expires = std::max(change.expires, n.expires);
    const std::size_t other = known.counts == 0 ? 1 : 0;
    if (other < known.names.size() && !known.told_shared) {
      known.told_shared = true;
      if (shared_) shared_(known.owner, key.second, known.names[known.counts].name, known.names[other].name);
    }
  }
  if (change.domain == 0) change.expires = {};
  if (change.domain == known.told_domain && change.expires == known.told) return;
  known.told_domain = change.domain;
  known.told = change.expires;
  out.push_back(change);
}

std::optional<std::vector<TieChange>> Ties::add(const TieOwner& owner, const std::string& name,
                                                policy::DomainClass domain, std::span<const AddressAnswer> addresses,
                                                Time now) {
  const auto news = static_cast<std::size_t>(std::count_if(addresses.begin(), addresses.end(), [&](const auto& a) {
    return !known_.contains({owner.key(), a.address});
  }));
  const auto have = counts_.find(owner.key());
  if (known_.size() + news > most || (have == counts_.end() ? 0 : have->second) + news > most_of_one)
    return std::nullopt;
  std::vector<TieChange> out;
  for (const AddressAnswer& a : addresses) {
    const Key key{owner.key(), a.address};
    const auto [it, fresh] = known_.try_emplace(key);
    Known& known = it->second;
    if (fresh) ++counts_[owner.key()];
    wait_for(key, known, false);
    known.owner = owner;
    const Time expires = now + std::chrono::seconds(a.seconds) + grace;
    const auto same =
        std::find_if(known.names.begin(), known.names.end(), [&](const Named& n) { return n.domain == domain; });
    if (same == known.names.end()) {
      known.names.push_back({domain, name, expires});
    } else {
      same->name = name;
      same->expires = std::max(same->expires, expires);
    }
    settle(key, known, out);
    wait_for(key, known, true);
  }
  return out;
}

std::vector<TieChange> Ties::expire(Time now) {
  std::vector<TieChange> out;
  while (!due_.empty() && due_.begin()->first <= now) {
    const Key key = due_.begin()->second;
    Known& known = known_.find(key)->second;
    due_.erase(due_.begin());
    std::erase_if(known.names, [&](const Named& n) { return n.expires <= now; });
    settle(key, known, out);
    if (!known.names.empty()) {
      wait_for(key, known, true);
      continue;
    }
    if (--counts_[key.first] == 0) counts_.erase(key.first);
    known_.erase(key);
  }
  return out;
}

std::optional<Ties::Time> Ties::next() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

std::vector<TieChange> Ties::again(Time now) {
  std::vector<TieChange> out = expire(now);
  for (auto& [key, known] : known_) settle(key, known, out);
  return out;
}

void Ties::reclassify(const std::function<policy::DomainClass(const std::string& name)>& domain_of) {
  for (auto it = known_.begin(); it != known_.end();) {
    auto& [key, known] = *it;
    wait_for(key, known, false);
    std::erase_if(known.names, [](const Named& n) { return n.name.empty(); });
    for (Named& n : known.names) n.domain = domain_of(n.name);
    known.counts = 0;
    known.told = {};
    known.told_domain = 0;
    wait_for(key, known, true);
    if (!known.names.empty()) {
      ++it;
      continue;
    }
    if (--counts_[key.first] == 0) counts_.erase(key.first);
    it = known_.erase(it);
  }
}

void Ties::remember(std::uint32_t app, const policy::Address& address, policy::DomainClass domain, Time expires) {
  const Key key{app, address};
  const auto [it, fresh] = known_.try_emplace(key);
  if (!fresh) return;
  ++counts_[app];
  it->second.owner = {app, 0};
  it->second.names.push_back({domain, {}, expires});
  it->second.told = expires;
  it->second.told_domain = domain;
  wait_for(key, it->second, true);
}

std::string Ties::name_of(std::uint32_t app, const policy::Address& address) const {
  const auto it = known_.find({app, address});
  return it == known_.end() ? std::string() : it->second.names[it->second.counts].name;
}

}  // namespace vpn::agent::dns
