// Bytes that may hold a secret: their memory is wiped when it is given back.
#pragma once

#include <openssl/crypto.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vpn::agent {

template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class U>
  explicit WipingAllocator(const WipingAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* p, std::size_t count) noexcept {
    OPENSSL_cleanse(p, count * sizeof(T));
    std::allocator<T>().deallocate(p, count);
  }
  friend bool operator==(const WipingAllocator&, const WipingAllocator&) { return true; }
};

/// Never shrinks or grows in place without wiping what it leaves behind; std::string would keep short texts in itself.
using WipedBytes = std::vector<std::byte, WipingAllocator<std::byte>>;
/// For texts with long secrets in them, such as keys in PEM: some twenty characters may stay in the object itself.
using WipedText = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;

inline WipedBytes wiped(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }
inline WipedBytes wiped(std::string_view text) { return wiped(std::as_bytes(std::span(text))); }
inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace vpn::agent
