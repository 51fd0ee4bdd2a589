// Reading the blocks of a domain table in order, checking all that is read.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "policy/domain_layout.h"
#include "policy/name_bytes.h"

namespace vpn::policy {

/// Length of the text at `p`: bytes up to and with the first one that has bit 7 set. More than `limit` when it is not
/// among the first `limit`; up to seven bytes more are read.
inline std::size_t domain_text_length(const std::byte* p, std::size_t limit) {
  for (std::size_t at = 0; at < limit; at += 8) {
    const std::uint64_t ends = load_le64(p + at) & 0x8080808080808080;
    if (ends != 0) return at + static_cast<std::size_t>(std::countr_zero(ends)) / 8 + 1;
  }
  return limit + 1;
}

/// Bytes that no name has, and dots before a dot, in a word of eight (bit 7 clear).
inline std::uint64_t domain_text_faults(std::uint64_t word) {
  const NameBytes bytes(word);
  return bytes.invalid() | (bytes.dots & (bytes.dots >> 8));
}

/// Walks all entries and checks what it reads: names strictly ascending and valid, everything inside the blocks. So it
/// serves untrusted bytes and verified ones alike.
class DomainWalk {
 public:
  /// At least 16 bytes before and behind the blocks are readable (the header, the first bucket).
  DomainWalk(const std::byte* blocks, std::uint32_t block_count, unsigned kind_digits)
      : blocks_(blocks), end_(blocks + std::size_t{block_count} * domain_layout::block_size), digits_(kind_digits) {
    name_.back() = '.';  // behind the name: a dot at its end has a dot behind it
  }

  /// Calls begin(block, entries) for each block and visit(name, kind) for each entry, up to the first fault; false when
  /// there is one.
  template <class Begin, class Visit>
  bool run(Begin begin, Visit visit) {
    for (const std::byte* block = blocks_; block != end_;) {
      const auto head = static_cast<std::uint8_t>(*block);
      const unsigned count = head & domain_layout::count_mask;
      const bool mixed = (head & domain_layout::mixed_kinds) != 0;
      // Only a name that has a block to itself may go on beyond it.
      limit_ = count == 1 ? end_ : block + domain_layout::block_size;
      p_ = block + 1;
      std::uint32_t kind = 0;
      if (count == 0 || (head & domain_layout::end_bit) != 0 || (!mixed && !read_number(digits_, kind))) return false;
      const auto number =
          static_cast<std::uint32_t>(static_cast<std::size_t>(block - blocks_) / domain_layout::block_size);
      begin(number, count);
      for (unsigned i = 0; i < count; ++i) {
        if (!read_entry(i == 0, mixed, kind)) return false;
        visit(std::string_view(name_end() - length_, length_), kind);
      }
      block = block_end(block);
      if (block == nullptr) return false;
    }
    return true;
  }

 private:
  const char* name_end() const { return name_.data() + name_.size() - 1; }
  char* name_end() { return name_.data() + name_.size() - 1; }

  bool read_number(unsigned digits, std::uint32_t& out) {
    std::uint32_t value = 0, seen = 0;
    for (unsigned d = 0; d < digits; ++d) {
      const auto digit = static_cast<std::uint8_t>(*p_++);
      seen |= digit;
      value |= std::uint32_t{digit} << (7 * d);
    }
    out = value;
    return (seen & domain_layout::end_bit) == 0;
  }

  bool read_entry(bool first, bool mixed, std::uint32_t& kind) {
    if (p_ >= limit_) return false;
    std::uint32_t shared = 0, more = 0;
    if (!read_number(1, shared)) return false;
    if (shared == domain_layout::shared_escape && !read_number(1, more)) return false;
    if (mixed && !read_number(digits_, kind)) return false;
    if (p_ >= limit_) return false;
    shared += more;
    const auto room = static_cast<std::size_t>(limit_ - p_);
    const std::size_t most = room < domain_layout::longest_name ? room : domain_layout::longest_name;
    const std::size_t size = domain_text_length(p_, most);
    if (size > most || shared + size > domain_layout::longest_name || shared > length_) return false;
    if (first ? shared != 0 || !follows(size)
              : shared < length_ && last_byte(size) <= name_end()[-1 - static_cast<std::ptrdiff_t>(shared)])
      return false;
    return take(shared, size);
  }

  /// The text's last byte: the first one, read from the end, in which this name differs from the one before it, which
  /// it must be greater than.
  char last_byte(std::size_t size) const { return static_cast<char>(static_cast<std::uint8_t>(p_[size - 1]) & 0x7f); }

  /// The first name of a block, which shares nothing with the one before, must be greater than it.
  bool follows(std::size_t size) const;

  /// Makes the text, before what it shares, the name. What is checked is read from the file again: a load from where
  /// smaller pieces were just stored would wait for them.
  bool take(std::size_t shared, std::size_t size) {
    constexpr std::uint64_t without_end_bits = 0x7f7f7f7f7f7f7f7f;
    const std::byte* text_end = p_ + size;
    char* end = name_end() - shared;
    // Sixteen bytes up to the text's end, wherever it begins: in the buffer there is room, and in the file more before
    // it.
    store_le(end - 8, load_le64(text_end - 8) & without_end_bits);
    store_le(end - 16, load_le64(text_end - 16) & without_end_bits);
    if (size > 16) std::memcpy(end - size, p_, size - 16);
    length_ = shared + size;
    const auto first = static_cast<char>(static_cast<std::uint8_t>(*p_) & 0x7f);
    const auto last = static_cast<char>(static_cast<std::uint8_t>(text_end[-1]) & 0x7f);
    std::uint64_t faults = first == '.' || (last == '.' && *end == '.') ? 1 : 0;
    p_ = text_end;
    // Seven bytes at a time, with the one behind them: dots may meet anywhere.
    for (; size > 8; size -= 7, text_end -= 7) faults |= domain_text_faults(load_le64(text_end - 8) & without_end_bits);
    // Bytes that are not the text's count as an 'a'.
    const std::uint64_t foreign = size == 8 ? 0 : ~std::uint64_t{0} >> (8 * size);
    return (faults | domain_text_faults((load_le64(text_end - 8) & without_end_bits & ~foreign) |
                                        (0x6161616161616161 & foreign))) == 0;
  }

  /// Where the next block begins, or null when what is left of this one is not zero.
  const std::byte* block_end(const std::byte* block) const;

  const std::byte* blocks_;
  const std::byte* end_;
  unsigned digits_;
  const std::byte* p_ = nullptr;
  const std::byte* limit_ = nullptr;  // of the present block's entries
  std::size_t length_ = 0;
  std::array<char, 288> name_{};  // at its end, so that what names share stays where it is
};

}  // namespace vpn::policy
