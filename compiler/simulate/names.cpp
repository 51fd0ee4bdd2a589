#include "compiler/simulate/names.h"

#include <algorithm>

#include "policy/hash.h"

namespace vpn::simulate {

std::size_t AddressHash::operator()(const policy::Address& a) const {
  const std::uint64_t half = policy::fold_multiply(a.low ^ seed, policy::hash_k1 ^ (a.v6 ? 1u : 0u));
  return policy::fold_multiply(half ^ a.high, policy::hash_k2);
}

std::size_t NameHash::operator()(std::string_view name) const {
  return policy::hash_text(name.data(), name.size(), seed);
}

Names::Names(const policy::DomainTable& domains, std::uint64_t seed)
    : domains_(domains), ties_(0, AddressHash{seed}), ids_(0, NameHash{seed}), texts_(1) {}

NameId Names::intern(std::string_view name) {
  if (name.empty()) return 0;
  const auto known = ids_.find(name);
  if (known != ids_.end()) return known->second;
  if (text_size_ + name.size() > most_text || texts_.size() >= most_text / 16) return 0;
  text_size_ += name.size();
  const auto id = static_cast<NameId>(texts_.size());
  texts_.push_back(ids_.emplace(std::string(name), id).first->first);
  return id;
}

policy::DomainClass Names::domain_of(std::string_view name) const {
  std::string storage;
  std::string_view normal;
  if (policy::normalise_name(name, storage, normal) != policy::NameFault::none) return 0;
  return domains_.lookup(normal);
}

// Of each class of names one: names of a class are judged alike. True: verdicts may be other ones now.
bool Names::add_one(const Tie& tie, const policy::Address& address) {
  if (ties_.size() >= most_addresses && !ties_.contains(address)) drop_old(tie.from);
  if (ties_.size() >= most_addresses && !ties_.contains(address)) {
    ++refused_;
    return false;
  }
  std::vector<Tie>& all = ties_[address];
  const auto same =
      std::find_if(all.begin(), all.end(), [&](const Tie& t) { return t.app == tie.app && t.domain == tie.domain; });
  Tie renewed = tie;
  bool held = false;
  if (same != all.end()) {
    held = same->until >= tie.from;
    renewed.until = std::max(same->until, tie.until);
    all.erase(same);
  } else if (all.size() >= most_of_one) {
    ++refused_;
    return false;
  }
  all.push_back(renewed);
  return !held && std::any_of(all.begin(), all.end(), [](const Tie& t) { return t.domain != 0; });
}

bool Names::add(std::string_view name, std::uint32_t app, std::span<const dns::AddressAnswer> addresses, Moment now) {
  const NameId id = intern(name);
  if (id == 0) {
    refused_ += addresses.size();
    return false;
  }
  const policy::DomainClass domain = domain_of(name);
  bool changed = false;
  for (const dns::AddressAnswer& a : addresses)
    changed |= add_one({id, domain, app, now, now + Moment{a.seconds} * second + grace}, a.address);
  return changed;
}

std::span<const Names::Tie> Names::of(const policy::Address& address) const {
  const auto known = ties_.find(address);
  return known == ties_.end() ? std::span<const Tie>{} : std::span<const Tie>(known->second);
}

// Not more often than it is likely to find something.
void Names::drop_old(Moment now) {
  if (now < next_drop_) return;
  next_drop_ = now + second;
  for (auto known = ties_.begin(); known != ties_.end();) {
    std::erase_if(known->second, [&](const Tie& t) { return t.until < now; });
    known = known->second.empty() ? ties_.erase(known) : std::next(known);
  }
}

}  // namespace vpn::simulate
