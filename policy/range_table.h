// Addresses to classes: disjoint sorted ranges with an index in front, for up to millions of prefixes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "policy/address.h"

namespace vpn::policy {

/// One prefix in one dimension: a dimension is a longest-match function of its own (S6 of one VPN, say).
struct RangeEntry {
  Prefix prefix;
  std::uint16_t dimension = 0;
  std::uint8_t value = 0;     ///< what the dimension gives for addresses whose longest match this is; not 0
  std::uint8_t priority = 0;  ///< of two entries with one prefix in one dimension the lower priority number wins
};

/// All dimensions at once: an address has one class, a class one value per dimension (0 where nothing matches).
/// Classes are the distinct tuples of values; class 0 is the one where nothing matches.
/// Immutable after build; look-ups do not allocate. Copies share the ranges. A table that was moved from can only be
/// assigned to or destroyed.
class RangeTable {
 public:
  RangeTable();  ///< an empty table: every address has class 0
  ~RangeTable();
  RangeTable(const RangeTable&);
  RangeTable& operator=(const RangeTable&);
  RangeTable(RangeTable&&) noexcept;
  RangeTable& operator=(RangeTable&&) noexcept;

  /// n log n in the number of entries. `dimensions` is above every entry's dimension (an entry that breaks this is
  /// left out). Of entries that are alike but for their value the lower value wins.
  static RangeTable build(std::span<const RangeEntry> entries, std::uint16_t dimensions);

  std::uint32_t find(const Address& a) const noexcept;  ///< class of an address
  /// Fetches what find() will read first, so that the caller can do something else meanwhile. Large tables miss caches.
  void prefetch(const Address& a) const noexcept;
  std::uint8_t value(std::uint32_t cls, std::uint16_t dimension) const noexcept { return values(cls)[dimension]; }
  /// The values of a class, one for each dimension; for callers that ask for several.
  const std::uint8_t* values(std::uint32_t cls) const noexcept {
    return values_.data() + std::size_t{cls} * dimensions_;
  }
  std::uint32_t class_count() const noexcept;
  /// The first address and the class of each range of an address family: ascending, from its lowest address on, two
  /// neighbours never of one class.
  using RangeVisitor = std::function<void(const Address& first, std::uint32_t cls)>;
  void for_each_range(bool v6, const RangeVisitor& visit) const;
  std::size_t range_count(bool v6) const noexcept;  ///< not below the number of for_each_range()'s
  std::uint16_t dimensions() const noexcept { return dimensions_; }

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
  std::vector<std::uint8_t> values_;
  std::uint16_t dimensions_ = 0;
};

}  // namespace vpn::policy
