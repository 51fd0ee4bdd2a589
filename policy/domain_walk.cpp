#include "policy/domain_walk.h"

#include <algorithm>
#include <cstring>

namespace vpn::policy {

using namespace domain_layout;

namespace {

constexpr std::array<bool, 256> name_characters() {
  std::array<bool, 256> table{};
  for (std::size_t c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (std::size_t c = '0'; c <= '9'; ++c) table[c] = true;
  for (const char c : {'-', '.', '_'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto is_name_character = name_characters();

/// Bytes up to and with the first one that has bit 7 set; p[0] to p[limit - 1] and seven bytes more are readable.
/// More than `limit` when there is none.
std::size_t text_length(const std::byte* p, std::size_t limit) {
  for (std::size_t at = 0; at < limit; at += 8) {
    const std::uint64_t ends = load_le64(p + at) & 0x8080808080808080;
    if (ends != 0) return at + static_cast<std::size_t>(std::countr_zero(ends)) / 8 + 1;
  }
  return limit + 1;
}

}  // namespace

bool DomainWalk::next() {
  if (damaged_) return false;
  const bool first = left_ == 0;
  if (first) {
    damaged_ = block_ != nullptr && !end_block();
    if (damaged_ || p_ == end_) return false;
    damaged_ = !begin_block();
  }
  damaged_ = damaged_ || !read_entry(first);
  --left_;
  return !damaged_;
}

bool DomainWalk::begin_block() {
  block_ = p_;
  const auto head = static_cast<std::uint8_t>(*p_++);
  left_ = head & count_mask;
  mixed_ = (head & mixed_kinds) != 0;
  // Only a name that has a block to itself may go on beyond it.
  limit_ = left_ == 1 ? end_ : block_ + block_size;
  return left_ != 0 && (head & end_bit) == 0 && (mixed_ || read_number(digits_, kind_));
}

/// What is left of the block is zero.
bool DomainWalk::end_block() {
  const std::byte* rest = p_;
  p_ = blocks_ + (static_cast<std::size_t>(p_ - blocks_) + block_size - 1) / block_size * block_size;
  return std::all_of(rest, p_, [](std::byte b) { return b == std::byte{0}; });
}

bool DomainWalk::read_number(unsigned digits, std::uint32_t& out) {
  out = 0;
  for (unsigned d = 0; d < digits; ++d) {
    const auto digit = static_cast<std::uint8_t>(*p_++);
    if ((digit & end_bit) != 0) return false;
    out |= std::uint32_t{digit} << (7 * d);
  }
  return true;
}

bool DomainWalk::read_entry(bool first) {
  if (p_ >= limit_) return false;
  std::uint32_t shared = 0, more = 0;
  if (!read_number(1, shared)) return false;
  if (shared == shared_escape && !read_number(1, more)) return false;
  if (mixed_ && !read_number(digits_, kind_)) return false;
  if (p_ >= limit_) return false;
  shared += more;
  const std::size_t limit = std::min(static_cast<std::size_t>(limit_ - p_), longest_name);
  const std::size_t size = text_length(p_, limit);
  if (size > limit || shared + size > longest_name || (first && shared != 0)) return false;
  return take_text(shared, size);
}

bool DomainWalk::take_text(std::size_t shared, std::size_t size) {
  std::array<char, longest_name> text;
  std::memcpy(text.data(), p_, size);
  p_ += size;
  text[size - 1] = static_cast<char>(text[size - 1] & 0x7f);
  const std::string_view part(text.data(), size);
  if (part.front() == '.' || part.find("..") != std::string_view::npos) return false;
  if (!std::all_of(part.begin(), part.end(), [](char c) { return is_name_character[static_cast<unsigned char>(c)]; }))
    return false;
  const std::string_view before = name();
  if (part.back() == '.' && (shared == 0 || before[length_ - shared] == '.')) return false;
  // The first byte in which this name differs from the one before it, read from the end, makes it the greater one. The
  // first entry of a block says nothing about what it shares.
  std::size_t same = shared;
  if (shared > length_) return false;
  if (shared == 0) {
    while (same < std::min(size, length_) && part[size - 1 - same] == before[length_ - 1 - same]) ++same;
    if (same == size) return false;
  }
  if (same < length_ && part[size - 1 - (same - shared)] <= before[length_ - 1 - same]) return false;
  std::memcpy(buffer_.data() + buffer_.size() - shared - size, part.data(), size);
  length_ = shared + size;
  return true;
}

std::uint32_t find_in_block(const std::byte* block, unsigned kind_digits, const char* end,
                            std::size_t length) noexcept {
  const auto number = [](const std::byte* p, unsigned digits) {
    std::uint32_t value = 0;
    for (unsigned d = 0; d < digits; ++d) value |= static_cast<std::uint32_t>(p[d]) << (7 * d);
    return value;
  };
  const auto head = static_cast<std::uint8_t>(*block);
  const bool mixed = (head & mixed_kinds) != 0;
  const unsigned entry_digits = mixed ? kind_digits : 0;
  const std::byte* p = block + 1 + (mixed ? 0 : kind_digits);
  // `matched`: bytes that the entry before shares with the name, at their ends. Names ascend, so an entry that shares
  // more with the one before it differs from the name where that one did, and one that shares less is beyond the name.
  std::size_t matched = 0;
  for (unsigned left = head & count_mask; left > 0; --left) {
    std::size_t shared = static_cast<std::uint8_t>(*p++);
    if (shared == shared_escape) shared += static_cast<std::uint8_t>(*p++);
    const std::byte* kind = p;
    p += entry_digits;
    const std::size_t size = text_length(p, longest_name);
    const std::byte* text_end = p + size;
    p = text_end;
    if (shared > matched) continue;
    if (shared < matched) return 0xffffffff;
    const std::size_t limit = std::min(size, length - matched);
    std::size_t same = 0;
    while (same < limit) {
      const auto byte = static_cast<std::uint8_t>(text_end[-1 - static_cast<std::ptrdiff_t>(same)]) & 0x7f;
      const auto wanted = static_cast<std::uint8_t>(*(end - 1 - matched - same));
      if (byte > wanted) return 0xffffffff;
      if (byte < wanted) break;
      ++same;
    }
    matched += same;
    if (same < size && matched == length) return 0xffffffff;  // the name is the end of this entry
    if (same == size && matched == length) return mixed ? number(kind, kind_digits) : number(block + 1, kind_digits);
  }
  return 0xffffffff;
}

}  // namespace vpn::policy
