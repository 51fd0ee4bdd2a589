// The hash of names in the tables of a policy file: part of the file format, so the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "policy/little_endian.h"

namespace vpn::policy {

/// Both halves of the 128-bit product, folded (the step of wyhash and its relatives).
inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline constexpr std::uint64_t hash_k0 = 0x9e3779b97f4a7c15, hash_k1 = 0xd1b54a32d192ed03, hash_k2 = 0x8cb92ba72f3d8dd7;

/// Hash of a text, read from its end in words of eight bytes, so that the suffixes of one text share their steps.
/// `seed` is chosen when a table is built: texts that are made to collide collide under one seed only.
class SuffixHash {
 public:
  explicit SuffixHash(std::uint64_t seed) : state_(seed ^ hash_k0) {}
  /// The next eight bytes towards the beginning.
  void word(std::uint64_t bytes) { state_ = fold_multiply(state_ ^ bytes, hash_k1); }
  /// The hash when `rest` (up to seven bytes in the low end) is before the words, `length` bytes in all.
  std::uint64_t finish(std::uint64_t rest, std::size_t length) const {
    return fold_multiply(state_ ^ rest, hash_k2 ^ length);
  }

 private:
  std::uint64_t state_;
};

inline std::uint64_t hash_text(const char* text, std::size_t length, std::uint64_t seed) {
  SuffixHash hash(seed);
  std::size_t left = length;
  for (; left >= 8; left -= 8) hash.word(load_le64(text + left - 8));
  std::uint64_t rest = 0;
  if (length >= 8) {
    rest = load_le64(text) & ((std::uint64_t{1} << (8 * left)) - 1);
  } else {
    rest = load_le_short(text, left);
  }
  return hash.finish(rest, length);
}

/// The seed of a table's n-th attempt. What the first attempt's collisions were aimed at does not help against the
/// next.
inline std::uint64_t hash_seed(std::uint64_t content, std::uint32_t attempt) {
  return attempt == 0 ? 0 : fold_multiply(content ^ hash_k1, hash_k2 ^ attempt);
}

/// `hash` spread over 0 to `range` - 1.
inline std::uint32_t hash_place(std::uint64_t hash, std::uint32_t range) {
  return static_cast<std::uint32_t>(((hash >> 32) * range) >> 32);
}

}  // namespace vpn::policy
