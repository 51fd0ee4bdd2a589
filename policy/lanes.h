// The two questions of domain look-ups to many bytes at once, with SSE2 where there is one and in plain C++ everywhere.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/little_endian.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace vpn::policy {

namespace plain {

/// Bit i: the i-th of sixteen 32-bit numbers is `wanted` but for its lower `ignored` bits.
inline std::uint32_t equal_lanes(const std::byte* numbers, std::uint32_t wanted, unsigned ignored) {
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < 16; ++i)
    mask |= ((load_le32(numbers + std::size_t{4} * i) ^ wanted) >> ignored == 0 ? 1u : 0u) << i;
  return mask;
}

/// Bit i: the i-th of 64 bytes has bit 7 set.
inline std::uint64_t top_bits(const std::byte* bytes) {
  std::uint64_t mask = 0;
  for (unsigned word = 0; word < 8; ++word) {
    const std::uint64_t tops = load_le64(bytes + std::size_t{8} * word) >> 7 & 0x0101010101010101;
    mask |= (tops * 0x0102040810204080 >> 56) << (8 * word);
  }
  return mask;
}

}  // namespace plain

#if defined(__SSE2__)

inline std::uint32_t equal_lanes(const std::byte* numbers, std::uint32_t wanted, unsigned ignored) {
  const __m128i all = _mm_set1_epi32(static_cast<int>(wanted));
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(ignored));
  const auto equal = [&](std::size_t quarter) {
    const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(numbers + 16 * quarter));
    return _mm_cmpeq_epi32(_mm_srl_epi32(_mm_xor_si128(four, all), shift), _mm_setzero_si128());
  };
  const __m128i lower = _mm_packs_epi32(equal(0), equal(1)), upper = _mm_packs_epi32(equal(2), equal(3));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(lower, upper)));
}

inline std::uint64_t top_bits(const std::byte* bytes) {
  std::uint64_t mask = 0;
  for (unsigned part = 0; part < 4; ++part) {
    const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + std::size_t{16} * part));
    mask |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(sixteen))) << (16 * part);
  }
  return mask;
}

#else
using plain::equal_lanes;
using plain::top_bits;
#endif

}  // namespace vpn::policy
