// Exact set of domain names with suffix look-up, built once, read in place from a policy file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace vpn::policy {

/// Class of a name: names with the same list memberships share one. 0: in no list.
using DomainClass = std::uint32_t;

/// Read-only view of a domain table; the bytes must outlive it and be 64-byte aligned (for speed; four bytes are a
/// must).
class DomainTable {
 public:
  DomainTable() = default;  ///< an empty table
  /// Checks all of the structure: after success no look-up can read outside `bytes`, and all names are sorted and
  /// valid. Errors: `invalid_input`. `is_verified`: a stronger digest has been found to hold over the bytes, so their
  /// checksum is left out; everything else is checked all the same.
  static Result<DomainTable> open(std::span<const std::byte> bytes, bool is_verified = false);

  /// Class of a host under "Domain match" of docs/semantics.md: an entry `example.com` holds for itself and below,
  /// `*.example.com` only below; the class is the union over all entries that hold. `host` must be normalised
  /// (A-labels, lower case, no trailing dot): of one that is not, only what follows its last fault can match. No
  /// allocation.
  DomainClass lookup(std::string_view host) const noexcept;

  /// Lists (their numbers, ascending) that a class stands for.
  std::span<const std::uint32_t> lists(DomainClass c) const noexcept;
  std::uint32_t class_count() const noexcept { return classes_; }  ///< including class 0
  std::uint64_t size() const noexcept { return names_; }  ///< entries (distinct names; `x` and `*.x` count as one)

  /// All entries in the table's order: name (without "*."), lists that hold for the name itself and below it,
  /// lists that hold only below it (each ascending, as the entry itself was added, ancestors not counted in).
  using Visitor = std::function<void(std::string_view name, std::span<const std::uint32_t> whole,
                                     std::span<const std::uint32_t> below)>;
  void for_each(const Visitor& visit) const;

 private:
  friend struct DomainTableCheck;

  // The sections of the file (policy/domain_layout.h).
  const std::byte* buckets_ = nullptr;
  const std::byte* blocks_ = nullptr;
  const std::byte* kinds_ = nullptr;
  const std::byte* class_ends_ = nullptr;
  const std::byte* refs_ = nullptr;
  std::uint64_t seed_ = 0;
  std::uint64_t depths_ = 0;
  std::uint32_t names_ = 0;
  std::uint32_t block_count_ = 0;
  std::uint32_t bucket_count_ = 0;
  std::uint32_t longest_probe_ = 0;
  std::uint32_t classes_ = 1;
  std::uint8_t block_bits_ = 0;
  std::uint8_t kind_digits_ = 0;
};

/// Collects names and writes the table. Same set of calls in any order: same bytes.
/// Text is not copied: it must live until finish().
class DomainTableBuilder {
 public:
  DomainTableBuilder();
  ~DomainTableBuilder();
  /// `name` normalised, non-empty, without "*."; `below_only` for a `*.` entry; `list` below 65,535.
  void add(std::string_view name, std::uint32_t list, bool below_only);
  void reserve(std::size_t names);
  /// The table's bytes. Empty when nothing was added. The builder is empty afterwards.
  /// Errors (`invalid_input`): a name or list outside the limits of add(), or more than 32-bit offsets can hold.
  Result<std::vector<std::byte>> finish();

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

/// Outcome of normalising a name as users write it.
enum class NameFault : std::uint8_t { none, empty, too_long, bad_label, bad_character, not_idna };

/// A-labels, lower case, no trailing dot (RFC 5890, UTS 46 through libidn2). Where the input is normalised already,
/// `out` views the input and `storage` is left alone; else `out` views `storage`. Underscores are allowed (SRV, DKIM
/// names). `storage` must not be what `input` views.
NameFault normalise_name(std::string_view input, std::string& storage, std::string_view& out);

/// The normalised suffixes under which anybody registers names (Mozilla's public suffix list through libpsl): "co.uk",
/// "com".
bool is_public_suffix(std::string_view normalised);

}  // namespace vpn::policy
