// Bytes that may hold a secret: in locked memory where lock_secrets() was called, and wiped when it is given back.
#pragma once

#include <openssl/crypto.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vpn::agent {

/// Puts what is wiped from now on, and OpenSSL's private keys, into memory of its own that is never swapped out and in
/// no core dump. Once in a process. `bytes`: how much there is, a power of two; what does not fit is wiped, but not
/// locked. False: the kernel does not lock it (RLIMIT_MEMLOCK).
inline bool lock_secrets(std::size_t bytes) { return CRYPTO_secure_malloc_init(bytes, 32) == 1; }

template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class U>
  explicit WipingAllocator(const WipingAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) {
    if (CRYPTO_secure_malloc_initialized() == 1) {
      if (void* locked = CRYPTO_secure_malloc(count * sizeof(T), nullptr, 0)) return static_cast<T*>(locked);
    }
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* p, std::size_t count) noexcept {
    if (CRYPTO_secure_allocated(p) == 1) return CRYPTO_secure_clear_free(p, count * sizeof(T), nullptr, 0);
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
