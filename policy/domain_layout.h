// The bytes of a domain table. docs/policy-format.md has a worked dump.
//
//   header   64 bytes
//   blocks   of 128 bytes: names in the order of their bytes read from the end, each without what it shares, at its
//   end,
//            with the name before it in the block (front coding)
//   buckets  of 64 bytes: 16 slots of 32 bits. A name is in the bucket that its hash gives or, where that is full, in
//            the next one that is not, `longest_probe` buckets on at most. A slot is a tag (upper bits of the slot, low
//            bits of the hash) above the number of the name's block; all ones is an empty slot.
//   kinds    of 16 bytes: what an entry gives to itself, what it gives to names below it (ancestors counted in), its
//   own
//            lists for itself and below, its own lists for below only: four classes
//   classes  the end of each class's lists in `lists`, 32 bits each
//   lists    list numbers, 32 bits each
//
// A block: a byte with the number of entries and `mixed_kinds`; the kind of all of them, unless mixed; entries. An
// entry: the number of shared bytes; its kind, where they are mixed; its text, bit 7 set on the last byte and only
// there. Numbers are little-endian in base 128, so that bit 7 is the end of an entry wherever it stands. A name that
// does not fit a block begins one and goes on through as many of the next 128 bytes as it needs; the rest of the last
// is unused (zero).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "policy/hash.h"
#include "policy/little_endian.h"

namespace vpn::policy::domain_layout {

inline constexpr std::uint32_t magic = 0x31445056;  // "VPD1"

struct DomainHeader {
  std::uint32_t magic;
  std::uint32_t names;
  std::uint32_t buckets;
  std::uint32_t blocks;
  std::uint32_t kinds;
  std::uint32_t classes;
  std::uint32_t refs;
  std::uint32_t longest_probe;
  std::uint64_t seed;
  std::uint64_t depths;  // bit n: there are names of n + 1 labels (bit 63: of 64 and more)
  std::uint64_t reserved;
  std::uint64_t checksum;  // of all bytes but these
};
static_assert(sizeof(DomainHeader) == 64);

inline constexpr std::size_t bucket_size = 64, slots_per_bucket = 16;
inline constexpr std::size_t block_size = 128;
inline constexpr std::size_t kind_size = 16;
inline constexpr std::uint32_t empty_slot = 0xffffffff;
inline constexpr std::uint32_t probe_limit = 64;
inline constexpr std::size_t longest_name = 253;
inline constexpr unsigned max_block_bits = 24;  // leaves eight bits for the tag
inline constexpr std::uint32_t max_kinds = 1u << 28;
inline constexpr std::uint32_t max_refs = 1u << 24;

inline constexpr std::uint8_t mixed_kinds = 0x40, count_mask = 0x3f, end_bit = 0x80;
inline constexpr std::uint8_t shared_escape = 0x7f;  // as a first digit: the second one is added to it

struct Kind {
  std::uint32_t self, below;           // ancestors counted in
  std::uint32_t own_whole, own_below;  // as added
};
static_assert(sizeof(Kind) == kind_size);

/// Bits of a slot that hold the block's number. One number is left over: no name's slot is all ones.
inline unsigned block_bits(std::uint64_t blocks) { return static_cast<unsigned>(std::bit_width(blocks)); }

/// Digits in base 128 that any kind's number takes.
inline unsigned kind_digits(std::uint32_t kinds) {
  unsigned digits = 0;
  for (std::uint32_t highest = kinds - 1; highest != 0; highest >>= 7) ++digits;
  return digits;
}

inline std::size_t depth_bit(std::size_t labels) { return (labels < 64 ? labels : 64) - 1; }

/// All of a table but its checksum, four words at a time.
inline std::uint64_t checksum(std::span<const std::byte> bytes) {
  std::uint64_t lanes[4] = {hash_k0, hash_k1, hash_k2, bytes.size()};
  const auto word = [&](std::size_t at) {
    return at + 8 == sizeof(DomainHeader) ? 0
                                          : load_le64(bytes.data() + at);  // the checksum's own place counts as zero
  };
  std::size_t at = 0;
  for (; at + 32 <= bytes.size(); at += 32) {
    for (std::size_t lane = 0; lane < 4; ++lane)
      lanes[lane] = fold_multiply(lanes[lane] ^ word(at + 8 * lane), hash_k1 + lane * 2);
  }
  for (; at < bytes.size(); ++at) lanes[0] = fold_multiply(lanes[0] ^ static_cast<std::uint64_t>(bytes[at]), hash_k2);
  return fold_multiply(lanes[0] ^ std::rotl(lanes[1], 17), hash_k2) ^
         fold_multiply(lanes[2] ^ std::rotl(lanes[3], 31), hash_k0);
}

}  // namespace vpn::policy::domain_layout
