// Owned bytes at the alignment that a policy file needs in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace vpn::policy {

/// What the domain table inside a policy asks for (policy/domain_table.h); also the alignment of a policy file's body.
inline constexpr std::size_t file_alignment = 64;

/// A block of bytes that begins at a multiple of file_alignment. Moves are free; nothing is copied unless asked for.
class Bytes {
 public:
  struct Free {
    void operator()(std::byte* block) const noexcept;
  };
  using Block = std::unique_ptr<std::byte, Free>;

  Bytes() = default;
  /// Takes the block; `begin` and `size` say which part of it counts. `begin` is aligned.
  Bytes(Block block, std::byte* begin, std::size_t size) : block_(std::move(block)), begin_(begin), size_(size) {}
  /// A block of at least `size` bytes, its content undefined. Null when there is no memory.
  static Block allocate(std::size_t size) noexcept;
  /// A copy. Empty when there is no memory.
  static Bytes copy(std::span<const std::byte> bytes);

  std::byte* data() noexcept { return begin_; }
  const std::byte* data() const noexcept { return begin_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::byte& operator[](std::size_t i) noexcept { return begin_[i]; }
  const std::byte& operator[](std::size_t i) const noexcept { return begin_[i]; }
  std::byte* begin() noexcept { return begin_; }
  std::byte* end() noexcept { return begin_ + size_; }
  const std::byte* begin() const noexcept { return begin_; }
  const std::byte* end() const noexcept { return begin_ + size_; }

 private:
  Block block_;
  std::byte* begin_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace vpn::policy
