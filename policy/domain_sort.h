// Names to be sorted by their bytes read from the end. For domain_builder.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace vpn::policy {

/// One call of DomainTableBuilder::add().
struct DomainItem {
  const char* text;
  std::uint32_t membership;  ///< list number, shifted; bit 0: below only
  std::uint32_t length;

  std::string_view name() const { return {text, length}; }
};

/// Sixteen bytes of a name, read from the end, in six bits each: compares as the bytes do.
struct SuffixKey {
  std::uint64_t high;
  std::uint32_t low;
  std::uint32_t item;  ///< number of the item

  bool same_bytes(const SuffixKey& other) const { return high == other.high && low == other.low; }
};

/// The key of the bytes that precede the last `skipped` ones.
SuffixKey suffix_key(std::string_view name, std::size_t skipped, std::uint32_t item);

/// Sorts the keys, each made with nothing skipped, by their items' names read from the end, then by membership.
/// n log n, and near n for names of up to sixteen bytes. Names are of the characters that normalise_name() lets
/// through; others are sorted in some order of their own.
void sort_by_suffix(std::vector<SuffixKey>& keys, const std::vector<DomainItem>& items);

/// Number of bytes that two names share at their ends.
std::size_t shared_suffix(std::string_view a, std::string_view b);

}  // namespace vpn::policy
