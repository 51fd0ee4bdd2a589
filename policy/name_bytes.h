// The characters of normalised names, eight at a time.
#pragma once

#include <cstdint>

namespace vpn::policy {

/// Which bytes of a word are what: the top bit of each byte. The bytes' own top bits are clear.
struct NameBytes {
  static constexpr std::uint64_t ones = 0x0101010101010101, tops = 0x80 * ones;

  explicit NameBytes(std::uint64_t word)
      : dots(range(word, '.', '.')),
        hyphens(range(word, '-', '-')),
        others(range(word, 'a', 'z') | range(word, '0', '9') | range(word, '_', '_')) {}

  std::uint64_t invalid() const { return ~(dots | hyphens | others) & tops; }

  std::uint64_t dots, hyphens, others;

 private:
  /// Bytes from `first` to `last`. Adding to a byte below 0x80 carries into its own top bit and no further.
  static std::uint64_t range(std::uint64_t word, unsigned first, unsigned last) {
    return ((word + (0x80 - first) * ones) ^ (word + (0x7f - last) * ones)) & tops;
  }
};

}  // namespace vpn::policy
