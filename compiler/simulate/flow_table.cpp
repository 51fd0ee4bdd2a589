#include "compiler/simulate/flow_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "policy/hash.h"

namespace vpn::simulate {

std::uint64_t FlowKey::hash(std::uint64_t seed) const {
  using policy::fold_multiply;
  const std::uint64_t rest = static_cast<std::uint64_t>(a_port) << 48 | static_cast<std::uint64_t>(b_port) << 32 |
                             static_cast<std::uint64_t>(protocol) << 24 | static_cast<std::uint64_t>(icmp_type) << 16 |
                             static_cast<std::uint64_t>(hop_limit) << 8 | flags;
  const std::uint64_t low = fold_multiply(a_low ^ seed, b_low ^ policy::hash_k1);
  const std::uint64_t high = fold_multiply(a_high ^ policy::hash_k2, b_high ^ seed ^ policy::hash_k0);
  return fold_multiply(low ^ rest, high ^ seed ^ (static_cast<std::uint64_t>(quote) << 32) ^ policy::hash_k1);
}

FlowTable::FlowTable(std::uint64_t seed, std::size_t most)
    : seed_(seed), most_(std::min<std::size_t>(most, policy::none - 2)), slots_(1u << 12) {}

void FlowTable::FreeChunk::operator()(FlowEntry* chunk) const { std::free(chunk); }

// Most of what a packet costs is that its flow is not in the cache; at least its page is known so.
void FlowTable::add_chunk() {
  constexpr std::size_t size = per_chunk * sizeof(FlowEntry);
  void* memory = std::aligned_alloc(size, size);
  if (memory == nullptr) throw std::bad_alloc();
  ::madvise(memory, size, MADV_HUGEPAGE);
  chunks_.emplace_back(static_cast<FlowEntry*>(memory));  // find() makes entries of it, one by one
}

void FlowTable::place(std::uint64_t hash, std::uint32_t number) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].flow != 0) at = (at + 1) & mask;
  slots_[at] = {static_cast<std::uint32_t>(hash >> 32), number + 1};
}

void FlowTable::grow() {
  slots_.assign(slots_.size() * 2, {});
  for (std::uint32_t i = 0; i < size_; ++i) place((*this)[i].key.hash(seed_), i);
}

std::uint32_t FlowTable::look_up(const FlowKey& key, std::uint64_t hash) const {
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].flow != 0; at = (at + 1) & mask)
    if (slots_[at].tag == tag && (*this)[slots_[at].flow - 1].key == key) return slots_[at].flow - 1;
  return policy::none;
}

std::uint32_t FlowTable::find(const FlowKey& key, std::uint64_t hash, bool& fresh) {
  const std::uint32_t there = look_up(key, hash);
  fresh = there == policy::none && size_ < most_;
  if (!fresh) return there;
  if (size_ * std::size_t{2} >= slots_.size()) grow();
  if (size_ % per_chunk == 0) add_chunk();
  const std::uint32_t number = size_++;
  std::construct_at(&(*this)[number])->key = key;
  place(hash, number);
  return number;
}

}  // namespace vpn::simulate
