// Names by hash: what finds duplicates and overlaps in lists of a million in linear time and little memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "compiler/document/value.h"

namespace vpn::lint {

/// Of text as it stands, and of text with ASCII letters in lower case.
std::uint64_t hash_of(std::string_view text) noexcept;
std::uint64_t hash_without_case(std::string_view text);

/// What a domain list says about a name.
struct Membership {
  std::uint32_t whole = 0xffffffffu;  ///< index of the entry `name`
  std::uint32_t below = 0xffffffffu;  ///< index of the entry `*.name`
  static constexpr std::uint32_t none = 0xffffffffu;
};

/// The names of one array of strings, by their index; 8 bytes a slot, at most half of the slots taken. Names are
/// entered and asked for as normalised.
class NameSet {
 public:
  NameSet() = default;
  explicit NameSet(const document::Value& array);

  bool empty() const { return count_ == 0; }
  std::uint32_t size() const { return count_; }

  /// Brings the name's slot into the cache.
  void prefetch(std::uint64_t hash) const;
  /// Enters `name` (without "*."; `below_only` says that it had one) of the array's `index`-th string. Gives the index
  /// of the entry that was there before, or Membership::none.
  std::uint32_t insert(std::string_view name, std::uint64_t hash, bool below_only, std::uint32_t index);
  /// Entries for the very name.
  Membership find(std::string_view name) const;

 private:
  bool is_entry(std::uint32_t index, std::string_view name, bool& below_only) const;

  std::unique_ptr<std::uint64_t[]> slots_;  ///< upper half of the hash, index + 1; 0: free
  std::uint64_t mask_ = 0;
  std::uint32_t count_ = 0;
  std::span<const document::Value> items_;
};

}  // namespace vpn::lint
