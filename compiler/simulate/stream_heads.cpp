#include "compiler/simulate/stream_heads.h"

#include <algorithm>

namespace vpn::simulate {

void StreamHeads::forget(std::uint32_t flow) {
  const auto head = heads_.find(flow);
  if (head == heads_.end()) return;
  ages_.erase(head->second.age);
  heads_.erase(head);
}

void StreamHeads::consume(std::uint32_t flow, std::size_t bytes) {
  const auto found = heads_.find(flow);
  if (found == heads_.end() || bytes == 0) return;
  Head& head = found->second;
  const std::size_t count = std::min(bytes, head.bytes.size());
  head.bytes.erase(head.bytes.begin(), head.bytes.begin() + static_cast<std::ptrdiff_t>(count));
  head.begin += static_cast<std::uint32_t>(count);
  std::map<std::uint32_t, std::vector<std::uint8_t>> nearer;
  for (auto& [distance, segment] : head.waiting)
    if (distance >= count) nearer.emplace(distance - static_cast<std::uint32_t>(count), std::move(segment));
  head.waiting = std::move(nearer);
}

void StreamHeads::make_room() {
  if (heads_.size() >= most_streams) forget(ages_.begin()->second);
}

// False: it does not join what is there.
bool StreamHeads::append(Head& head, std::uint32_t distance, std::span<const std::uint8_t> payload) {
  if (distance > head.bytes.size()) return false;
  const std::size_t known = head.bytes.size() - distance;
  if (known >= payload.size()) return true;
  const auto fresh = payload.subspan(known, std::min(payload.size() - known, most_bytes - head.bytes.size()));
  head.bytes.insert(head.bytes.end(), fresh.begin(), fresh.end());
  return true;
}

std::span<const std::uint8_t> StreamHeads::add(std::uint32_t flow, std::uint32_t sequence,
                                               std::span<const std::uint8_t> payload) {
  auto found = heads_.find(flow);
  if (found == heads_.end()) {
    make_room();
    found = heads_.try_emplace(flow).first;
    found->second.begin = sequence;
    found->second.age = next_age_++;
    ages_.emplace(found->second.age, flow);
  }
  Head& head = found->second;
  const std::uint32_t distance = sequence - head.begin;
  if (distance >= most_bytes) return head.bytes;  // before the first segment, or too far behind it
  if (!append(head, distance, payload)) {
    if (head.waiting.size() < most_waiting) head.waiting.try_emplace(distance, payload.begin(), payload.end());
    return head.bytes;
  }
  while (!head.waiting.empty() && append(head, head.waiting.begin()->first, head.waiting.begin()->second))
    head.waiting.erase(head.waiting.begin());
  return head.bytes;
}

}  // namespace vpn::simulate
