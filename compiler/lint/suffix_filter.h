// Tells in a few nanoseconds that a name is no public suffix; whether it is one, policy::is_public_suffix says (which
// costs a hundred times more). The filter is built from Mozilla's list by compiler/lint/generate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "policy/hash.h"

namespace vpn::lint {

/// 64 KB: one name in five hundred is looked up in vain.
inline constexpr std::size_t suffix_filter_words = 8192;

/// Rules as they stand, and the names below which every name is a suffix ("*.example"), are told apart by the seed.
/// Seeds that differ in every byte: those of one differing bit make one short name's hash that of another (io, jo).
enum class SuffixRule : std::uint64_t { name = 0x5bd1e995c2b2ae35, wildcard = 0xa3617f0d94d049bb };

struct SuffixBits {
  std::uint32_t first, second;
};

inline SuffixBits suffix_bits(std::string_view name, SuffixRule rule) {
  const std::uint64_t hash = policy::hash_text(name.data(), name.size(), static_cast<std::uint64_t>(rule));
  constexpr std::uint32_t mask = suffix_filter_words * 64 - 1;
  return {static_cast<std::uint32_t>(hash) & mask, static_cast<std::uint32_t>(hash >> 32) & mask};
}

std::span<const std::uint64_t, suffix_filter_words> suffix_filter();  ///< generated

inline bool may_hold(std::string_view name, SuffixRule rule) {
  const auto filter = suffix_filter();
  const SuffixBits bits = suffix_bits(name, rule);
  return ((filter[bits.first / 64] >> (bits.first % 64)) & (filter[bits.second / 64] >> (bits.second % 64)) & 1) != 0;
}

/// False: `normalised` is no public suffix.
inline bool may_be_public_suffix(std::string_view normalised) {
  if (may_hold(normalised, SuffixRule::name)) return true;
  const auto dot = normalised.find('.');
  return dot != std::string_view::npos && may_hold(normalised.substr(dot + 1), SuffixRule::wildcard);
}

}  // namespace vpn::lint
