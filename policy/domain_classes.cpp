#include "policy/domain_classes.h"

#include <algorithm>
#include <iterator>

namespace vpn::policy {

DomainClasses::DomainClasses() { intern({}); }

std::span<const std::uint32_t> DomainClasses::lists(std::uint32_t cls) const {
  const std::size_t begin = cls == 0 ? 0 : ends_[cls - 1];
  return std::span(refs_).subspan(begin, ends_[cls] - begin);
}

std::uint32_t DomainClasses::intern(const Lists& lists) {
  std::uint64_t hash = hash_k0;
  for (const std::uint32_t list : lists) hash = fold_multiply(hash ^ list, hash_k1);
  const auto [first, last] = classes_.equal_range(hash);
  for (auto known = first; known != last; ++known) {
    if (const auto same = this->lists(known->second); std::equal(same.begin(), same.end(), lists.begin(), lists.end()))
      return known->second;
  }
  // Ancestors' lists are counted in, so a deep tree of many lists could ask for their product.
  if (refs_.size() + lists.size() > domain_layout::max_refs) {
    too_many_ = true;
    return 0;
  }
  refs_.insert(refs_.end(), lists.begin(), lists.end());
  ends_.push_back(static_cast<std::uint32_t>(refs_.size()));
  const auto number = static_cast<std::uint32_t>(classes_.size());
  classes_.emplace(hash, number);
  return number;
}

DomainClasses::Lists DomainClasses::united(std::uint32_t cls, const Lists& more) const {
  const auto own = lists(cls);
  Lists out;
  out.reserve(own.size() + more.size());
  std::set_union(own.begin(), own.end(), more.begin(), more.end(), std::back_inserter(out));
  return out;
}

std::uint32_t DomainClasses::kind(std::uint32_t inherited, std::uint32_t list, bool below_only) {
  const std::uint64_t single = std::uint64_t{inherited} << 32 | std::uint64_t{list} << 1 | (below_only ? 1 : 0);
  if (single == last_single_) return last_kind_;
  auto [it, is_new] = singles_.try_emplace(single, 0);
  if (is_new) it->second = below_only ? kind(inherited, {}, Lists{list}) : kind(inherited, Lists{list}, {});
  last_single_ = single;
  return last_kind_ = it->second;
}

std::uint32_t DomainClasses::kind(std::uint32_t inherited, const Lists& whole, const Lists& below) {
  if (too_many_) return 0;
  domain_layout::Kind k{};
  k.self = intern(united(inherited, whole));
  k.below = intern(united(k.self, below));
  k.own_whole = intern(whole);
  k.own_below = intern(below);
  const auto [it, is_new] = kind_numbers_.try_emplace({k.self, k.below, k.own_whole, k.own_below}, 0);
  if (is_new) {
    it->second = static_cast<std::uint32_t>(kinds_.size());
    kinds_.push_back(k);
    too_many_ = too_many_ || kinds_.size() >= domain_layout::max_kinds;
  }
  return it->second;
}

}  // namespace vpn::policy
