#include "policy/domain_walk.h"

#include <algorithm>

namespace vpn::policy {

using namespace domain_layout;

bool DomainWalk::follows(std::size_t size) const {
  const std::size_t both = std::min(size, length_);
  for (std::size_t same = 0;; same += 8) {
    // Eight bytes of each, read from the end: the byte nearest to it is uppermost.
    const std::uint64_t text = load_le64(p_ + size - same - 8) & 0x7f7f7f7f7f7f7f7f;
    const std::uint64_t before = load_le64(reinterpret_cast<const std::byte*>(name_end()) - same - 8);
    const std::size_t here = same + static_cast<std::size_t>(std::countl_zero(text ^ before)) / 8;
    if (here >= both) return size > length_;
    if (text != before) return text > before;
  }
}

const std::byte* DomainWalk::block_end(const std::byte* block) const {
  const std::size_t used = static_cast<std::size_t>(p_ - block);
  const std::byte* end = block + (used + block_size - 1) / block_size * block_size;
  std::uint64_t rest = 0;
  const std::byte* at = p_;
  for (; end - at >= 8; at += 8) rest |= load_le64(at);
  for (; at != end; ++at) rest |= static_cast<std::uint64_t>(*at);
  return rest == 0 ? end : nullptr;
}

}  // namespace vpn::policy
