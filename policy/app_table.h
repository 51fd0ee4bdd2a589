// Identifiers of apps to their index: an exact hash table over sorted names, read in place from a policy file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace vpn::policy {

/// Read-only view; the bytes must outlive it and be 8-byte aligned.
class AppTable {
 public:
  AppTable() = default;  ///< an empty table
  /// Checks all of the structure: after success no look-up can read outside `bytes`.
  static Result<AppTable> open(std::span<const std::byte> bytes);
  /// Index of the identifier in sorted order, or `none` (policy/types.h). Byte-wise exact. No allocation.
  std::uint32_t find(std::string_view identifier) const noexcept;
  std::uint32_t size() const noexcept;
  std::string_view name(std::uint32_t index) const noexcept;  ///< index below size()

 private:
  const std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
};

/// The table for identifiers that are sorted byte-wise and distinct.
std::vector<std::byte> build_app_table(std::span<const std::string_view> sorted_identifiers);

}  // namespace vpn::policy
