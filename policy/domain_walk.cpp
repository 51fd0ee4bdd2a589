#include "policy/domain_walk.h"

#include <algorithm>

namespace vpn::policy {

using namespace domain_layout;

bool DomainWalk::follows(std::size_t size) const {
  std::size_t same = 0;
  const auto byte = [&](std::size_t i) {
    return static_cast<char>(static_cast<std::uint8_t>(p_[size - 1 - i]) & 0x7f);
  };
  const auto before = [&](std::size_t i) { return name_end()[-1 - static_cast<std::ptrdiff_t>(i)]; };
  while (same < size && same < length_ && byte(same) == before(same)) ++same;
  return same < size && (same == length_ || byte(same) > before(same));
}

const std::byte* DomainWalk::block_end(const std::byte* block) const {
  const std::size_t used = static_cast<std::size_t>(p_ - block);
  const std::byte* end = block + (used + block_size - 1) / block_size * block_size;
  return std::all_of(p_, end, [](std::byte b) { return b == std::byte{0}; }) ? end : nullptr;
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
    const std::size_t size = domain_text_length(p, longest_name);
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
