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

}  // namespace vpn::policy
