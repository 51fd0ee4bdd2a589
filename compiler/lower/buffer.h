// The memory that a policy file is built in: aligned, and handed over without a copy. Internal to compiler/lower/.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstring>
#include <new>

#include "policy/bytes.h"

namespace vpn::lower {

class AlignedAllocator final : public flatbuffers::Allocator {
 public:
  /// Throws std::bad_alloc, which lower() turns into an Error: FlatBuffers knows no other way to say it.
  std::uint8_t* allocate(std::size_t size) override {
    policy::Bytes::Block block = policy::Bytes::allocate(size);
    if (!block) throw std::bad_alloc();
    return reinterpret_cast<std::uint8_t*>(block.release());
  }
  void deallocate(std::uint8_t* p, std::size_t) override { policy::Bytes::Free{}(reinterpret_cast<std::byte*>(p)); }
};

/// Takes what the builder has written, without copying it.
inline policy::Bytes release(flatbuffers::FlatBufferBuilder& builder) {
  std::size_t capacity = 0;
  std::size_t offset = 0;
  auto* block = reinterpret_cast<std::byte*>(builder.ReleaseRaw(capacity, offset));
  return {policy::Bytes::Block(block), block + offset, capacity - offset};
}

}  // namespace vpn::lower
