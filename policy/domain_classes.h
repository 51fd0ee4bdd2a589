// Sets of lists as classes, and kinds of entries, while a domain table is built. For domain_builder.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "policy/domain_layout.h"

namespace vpn::policy {

/// Numbers sets of lists (classes) and the four sets of an entry (kinds) in the order in which they are first asked
/// for.
class DomainClasses {
 public:
  using Lists = std::vector<std::uint32_t>;
  DomainClasses();

  /// The kind of an entry in one list, under an ancestor that gives `inherited` to what is below it.
  std::uint32_t kind(std::uint32_t inherited, std::uint32_t list, bool below_only);
  /// Likewise for an entry in several lists; both sets sorted and distinct.
  std::uint32_t kind(std::uint32_t inherited, const Lists& whole, const Lists& below);

  /// The class that an entry of this kind gives to names below it.
  std::uint32_t below(std::uint32_t kind) const { return kinds_[kind].below; }
  std::span<const domain_layout::Kind> kinds() const { return kinds_; }
  std::span<const std::uint32_t> class_ends() const { return ends_; }
  std::span<const std::uint32_t> refs() const { return refs_; }
  bool too_many() const { return too_many_; }  ///< beyond the file's limits; what was numbered since is worthless

 private:
  std::uint32_t intern(const Lists& lists);
  Lists united(std::uint32_t cls, const Lists& more) const;
  std::span<const std::uint32_t> lists(std::uint32_t cls) const;

  std::unordered_multimap<std::uint64_t, std::uint32_t> classes_;  // by the hash of their lists
  std::vector<std::uint32_t> ends_, refs_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>, std::uint32_t> kind_numbers_;
  std::vector<domain_layout::Kind> kinds_;
  std::unordered_map<std::uint64_t, std::uint32_t> singles_;  // kinds of entries in one list
  std::uint64_t last_single_ = ~std::uint64_t{0};
  std::uint32_t last_kind_ = 0;
  bool too_many_ = false;
};

}  // namespace vpn::policy
