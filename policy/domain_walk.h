// Reading the blocks of a domain table: all entries in order, or one name in one block. For domain_table.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "policy/domain_layout.h"

namespace vpn::policy {

/// Walks all entries and checks what it reads: names strictly ascending and valid, everything inside the blocks.
/// So it serves untrusted bytes and verified ones alike.
class DomainWalk {
 public:
  /// `blocks` are followed by at least 16 readable bytes (the first kind).
  DomainWalk(const std::byte* blocks, std::uint32_t block_count, unsigned kind_digits)
      : blocks_(blocks),
        end_(blocks + std::size_t{block_count} * domain_layout::block_size),
        p_(blocks),
        digits_(kind_digits) {}

  /// The next entry; false at the end and at the first fault.
  bool next();
  bool damaged() const { return damaged_; }
  std::string_view name() const { return {name_end() - length_, length_}; }
  std::uint32_t kind() const { return kind_; }
  /// Number of the block that holds the entry.
  std::uint32_t block() const {
    return static_cast<std::uint32_t>(static_cast<std::size_t>(block_ - blocks_) / domain_layout::block_size);
  }

 private:
  const char* name_end() const { return buffer_.data() + buffer_.size(); }
  bool begin_block();
  bool end_block();
  bool read_number(unsigned digits, std::uint32_t& out);
  bool read_entry(bool first);
  bool take_text(std::size_t shared, std::size_t size);

  const std::byte* blocks_;
  const std::byte* end_;
  const std::byte* p_;
  const std::byte* block_ = nullptr;
  const std::byte* limit_ = nullptr;  // of the present block's entries
  unsigned digits_;
  std::uint32_t left_ = 0;  // entries of the block that are still to come
  bool mixed_ = false;
  bool damaged_ = false;
  std::uint32_t kind_ = 0;
  std::size_t length_ = 0;
  std::array<char, 256> buffer_{};  // the name is at its end, so that what names share stays where it is
};

/// The kind of the name of `length` bytes before `end`, or 0xffffffff when the block does not hold it. The block has
/// been verified; 16 bytes behind the blocks are readable.
std::uint32_t find_in_block(const std::byte* block, unsigned kind_digits, const char* end, std::size_t length) noexcept;

}  // namespace vpn::policy
