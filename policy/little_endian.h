// Numbers in a policy file are little-endian and may stand at any address.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vpn::policy {

static_assert(std::endian::native == std::endian::little, "policy files are used in place on little-endian machines");

template <class T>
inline T load_le(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
inline std::uint64_t load_le64(const void* p) { return load_le<std::uint64_t>(p); }
inline std::uint32_t load_le32(const void* p) { return load_le<std::uint32_t>(p); }

/// Zero to seven bytes, without reading beyond them.
inline std::uint64_t load_le_short(const char* p, std::size_t length) {
  if (length >= 4) {
    const std::uint64_t upper = load_le32(p + length - 4);
    return load_le32(p) | upper << (8 * (length - 4));
  }
  if (length == 0) return 0;
  const auto byte = [p](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(p[i])}; };
  return byte(0) | byte(length / 2) << (8 * (length / 2)) | byte(length - 1) << (8 * (length - 1));
}

template <class T>
inline void store_le(void* p, T value) {
  std::memcpy(p, &value, sizeof value);
}

}  // namespace vpn::policy
