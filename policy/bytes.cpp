#include "policy/bytes.h"

#include <cstdlib>
#include <cstring>

namespace vpn::policy {

void Bytes::Free::operator()(std::byte* block) const noexcept { std::free(block); }

Bytes::Block Bytes::allocate(std::size_t size) noexcept {
  // aligned_alloc wants a multiple of the alignment; an overflow of the rounding cannot be satisfied anyway.
  const std::size_t rounded = (size + file_alignment - 1) & ~(file_alignment - 1);
  if (rounded < size) return nullptr;
  return Block(static_cast<std::byte*>(std::aligned_alloc(file_alignment, rounded == 0 ? file_alignment : rounded)));
}

Bytes Bytes::copy(std::span<const std::byte> bytes) {
  Block block = allocate(bytes.size());
  if (!block) return {};
  if (!bytes.empty()) std::memcpy(block.get(), bytes.data(), bytes.size());
  std::byte* begin = block.get();
  return {std::move(block), begin, bytes.size()};
}

}  // namespace vpn::policy
