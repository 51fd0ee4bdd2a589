// The hash that the generated tables and Key::find share.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace vpn::schema {

/// An empty slot of Key::slots.
inline constexpr std::uint16_t empty_slot = 0xffff;

/// Looks at the length and at most 16 bytes: the first and the last eight. Collisions are resolved by probing the next
/// slot.
inline std::uint32_t name_hash(std::string_view name) noexcept {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  if (name.size() >= sizeof head) {
    std::memcpy(&head, name.data(), sizeof head);
    std::memcpy(&tail, name.data() + name.size() - sizeof tail, sizeof tail);
  } else {
    for (const char c : name) head = head << 8 | static_cast<unsigned char>(c);
  }
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15u;
  std::uint64_t h = (head ^ (tail << 29 | tail >> 35)) + name.size();
  h *= odd;
  return static_cast<std::uint32_t>(h >> 32);
}

}  // namespace vpn::schema
