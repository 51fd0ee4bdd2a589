#include "compiler/lint/name_set.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "compiler/lint/lookup.h"
#include "policy/ascii.h"
#include "policy/domain_table.h"
#include "policy/hash.h"

namespace vpn::lint {
namespace {

/// Unknown outside this process, so that nobody can write a list whose names all meet in one slot. What is found does
/// not depend on it, only where it is kept.
std::uint64_t secret() {
  static const std::uint64_t value = [] {
    std::uint64_t bytes = 0;
    if (::getentropy(&bytes, sizeof bytes) != 0) bytes = reinterpret_cast<std::uintptr_t>(&bytes);
    return bytes;
  }();
  return value;
}

constexpr std::uint64_t tag_mask = 0xffffffff00000000u;

}  // namespace

std::uint64_t hash_of(std::string_view text) noexcept { return policy::hash_text(text.data(), text.size(), secret()); }

std::uint64_t hash_without_case(std::string_view text) {
  std::array<char, 64> small;
  std::string large;
  char* folded = small.data();
  if (text.size() > small.size()) {
    large.resize(text.size());
    folded = large.data();
  }
  std::transform(text.begin(), text.end(), folded, ascii::lower);
  return hash_of({folded, text.size()});
}

NameSet::NameSet(const document::Value& array) : items_(array.array()) {
  const std::uint64_t slots = std::bit_ceil(std::uint64_t{items_.size()} * 2 + 2);
  slots_ = std::make_unique<std::uint64_t[]>(slots);
  mask_ = slots - 1;
}

void NameSet::prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_], 1); }

bool NameSet::is_entry(std::uint32_t index, std::string_view name, bool& below_only) const {
  std::string_view entry = items_[index].string();
  below_only = entry.starts_with("*.");
  if (below_only) entry.remove_prefix(2);
  if (entry == name) return true;
  // The text may be another form of the same name; seldom asked, for the hash is the same already.
  std::string storage;
  std::string_view normalised;
  return policy::normalise_name(entry, storage, normalised) == policy::NameFault::none && normalised == name;
}

std::uint32_t NameSet::insert(std::string_view name, std::uint64_t hash, bool below_only, std::uint32_t index) {
  std::uint64_t at = hash & mask_;
  for (; slots_[at] != 0; at = (at + 1) & mask_) {
    if (((slots_[at] ^ hash) & tag_mask) != 0) continue;
    const auto other = static_cast<std::uint32_t>(slots_[at]) - 1;
    bool other_below = false;
    if (is_entry(other, name, other_below) && other_below == below_only) return other;
  }
  slots_[at] = (hash & tag_mask) | (std::uint64_t{index} + 1);
  ++count_;
  return Membership::none;
}

Membership NameSet::find(std::string_view name) const {
  Membership found;
  if (count_ == 0) return found;
  const std::uint64_t hash = hash_of(name);
  for (std::uint64_t at = hash & mask_; slots_[at] != 0; at = (at + 1) & mask_) {
    if (((slots_[at] ^ hash) & tag_mask) != 0) continue;
    const auto index = static_cast<std::uint32_t>(slots_[at]) - 1;
    bool below_only = false;
    if (is_entry(index, name, below_only)) (below_only ? found.below : found.whole) = index;
  }
  return found;
}

}  // namespace vpn::lint
