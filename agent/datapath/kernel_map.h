// Calls to the kernel's maps that give a Result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/files/descriptor.h"
#include "policy/result.h"

namespace vpn::agent {

/// An error of kind `environment` from errno.
tl::unexpected<Error> kernel_error(std::string what, int error, std::string help = {});

/// Memory of a mappable map, unmapped at the end.
class Mapping {
 public:
  Mapping() = default;
  static Result<Mapping> of(int map_fd, std::size_t bytes);
  Mapping(Mapping&& other) noexcept
      : start_(std::exchange(other.start_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(start_, other.start_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Mapping();
  void* get() const { return start_; }

 private:
  void* start_ = nullptr;
  std::size_t bytes_ = 0;
};

/// What a hash map of the kernel is to hold, and what it holds now: writes differences only, new entries before old
/// ones go. K and V are plain structs without padding.
template <class K, class V>
class MirroredMap {
 public:
  explicit MirroredMap(int fd = -1) : fd_(fd) {}
  /// What the kernel has from an earlier agent.
  Result<void> load();
  Result<void> replace(const std::map<std::string, V>& wanted);
  Result<void> set(const K& key, const V& value);
  Result<void> erase(const K& key);
  std::size_t size() const { return held_.size(); }
  const std::map<std::string, V>& held() const { return held_; }
  const V* find(const K& key) const {
    const auto it = held_.find(bytes(key));
    return it == held_.end() ? nullptr : &it->second;
  }
  static std::string bytes(const K& key) { return {reinterpret_cast<const char*>(&key), sizeof(K)}; }

 private:
  int fd_;
  std::map<std::string, V> held_;
};

namespace detail {
Result<void> load_map(int fd, std::size_t key_size, std::size_t value_size,
                      const std::function<void(const char* key, const char* value)>& each);
Result<void> write_entry(int fd, const void* key, const void* value);
Result<void> erase_entry(int fd, const void* key);
}  // namespace detail

template <class K, class V>
Result<void> MirroredMap<K, V>::load() {
  return detail::load_map(fd_, sizeof(K), sizeof(V), [&](const char* key, const char* value) {
    V v;
    std::memcpy(&v, value, sizeof(v));
    held_.insert_or_assign(std::string(key, sizeof(K)), v);
  });
}

template <class K, class V>
Result<void> MirroredMap<K, V>::replace(const std::map<std::string, V>& wanted) {
  for (const auto& [key, value] : wanted) {
    const auto held = held_.find(key);
    if (held != held_.end() && std::memcmp(&held->second, &value, sizeof(V)) == 0) continue;
    if (auto done = detail::write_entry(fd_, key.data(), &value); !done) return done;
    held_.insert_or_assign(key, value);
  }
  for (auto held = held_.begin(); held != held_.end();) {
    if (wanted.contains(held->first)) {
      ++held;
      continue;
    }
    if (auto done = detail::erase_entry(fd_, held->first.data()); !done) return done;
    held = held_.erase(held);
  }
  return {};
}

template <class K, class V>
Result<void> MirroredMap<K, V>::set(const K& key, const V& value) {
  if (auto done = detail::write_entry(fd_, &key, &value); !done) return done;
  held_.insert_or_assign(bytes(key), value);
  return {};
}

template <class K, class V>
Result<void> MirroredMap<K, V>::erase(const K& key) {
  if (held_.erase(bytes(key)) == 0) return {};
  return detail::erase_entry(fd_, &key);
}

}  // namespace vpn::agent
