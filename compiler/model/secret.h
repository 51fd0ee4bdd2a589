// Bytes that must not outlive their use: wiped when they go.
#pragma once

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace vpn::model {

/// A password, a key, a container. Moves only; the memory is wiped by the destructor and when it grows.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) { append(text); }
  explicit Secret(std::span<const std::uint8_t> bytes) { append(bytes); }
  ~Secret() { wipe(); }
  Secret(Secret&& other) noexcept { swap(other); }
  Secret& operator=(Secret&& other) noexcept {
    swap(other);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  std::span<const std::uint8_t> bytes() const { return {data_.get(), size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_.get()), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    auto grown = std::make_unique<std::uint8_t[]>(capacity);
    if (size_ != 0) std::memcpy(grown.get(), data_.get(), size_);
    wipe();
    data_ = std::move(grown);
    capacity_ = capacity;
  }
  void append(std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) return;
    if (size_ + bytes.size() > capacity_) reserve(std::max(capacity_ * 2, size_ + bytes.size()));
    std::memcpy(data_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void append(std::string_view text) {
    append(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  }

 private:
  void swap(Secret& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  void wipe() {
    if (data_) OPENSSL_cleanse(data_.get(), capacity_);
  }

  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace vpn::model
