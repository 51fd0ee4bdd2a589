// Identifiers of apps to their index: an exact hash table over sorted names, read in place from a policy file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "policy/result.h"
#include "policy/types.h"

namespace vpn::policy {

/// Read-only view; the bytes must outlive it. Any alignment will do.
class AppTable {
 public:
  AppTable() = default;  ///< an empty table
  /// Checks all of the structure: after success no look-up can read outside `bytes`, every name is found under its
  /// index, and names are sorted byte-wise, distinct and not empty. Errors: `invalid_input`.
  static Result<AppTable> open(std::span<const std::byte> bytes);
  /// Index of the identifier in sorted order, or `none` (policy/types.h). Byte-wise exact. No allocation.
  std::uint32_t find(std::string_view identifier) const noexcept { return find(prepare(identifier)); }
  /// An identifier on its way to find(): fetches what that will read first, so that the caller can do something else
  /// meanwhile. Large tables miss caches.
  struct Wanted {
    std::string_view identifier;
    std::uint64_t hash = 0;
  };
  Wanted prepare(std::string_view identifier) const noexcept;
  std::uint32_t find(const Wanted& wanted) const noexcept;
  std::uint32_t size() const noexcept { return count_; }
  std::string_view name(std::uint32_t index) const noexcept;  ///< index below size()

 private:
  const std::byte* slots_ = nullptr;
  const std::byte* offsets_ = nullptr;
  const std::byte* records_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t slot_count_ = 0;
  std::uint64_t seed_ = 0;
};

/// The table for identifiers that are sorted byte-wise, distinct and not empty. Same identifiers: same bytes.
/// Errors (`invalid_input`): not sorted, or more than the file's 32-bit offsets can hold.
Result<std::vector<std::byte>> build_app_table(std::span<const std::string_view> sorted_identifiers);

}  // namespace vpn::policy
