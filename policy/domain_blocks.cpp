#include "policy/domain_blocks.h"

#include <algorithm>
#include <cstring>

namespace vpn::policy {

using namespace domain_layout;

std::uint32_t DomainBlocks::add(std::string_view name, std::size_t shared, std::uint32_t kind) {
  if (count_ == 0 || !append(name, shared, kind)) {
    close();
    begin(name, kind);
  }
  return static_cast<std::uint32_t>((out_.size() - first_) / block_size);
}

void DomainBlocks::begin(std::string_view name, std::uint32_t kind) {
  count_ = 1;
  mixed_ = false;
  kind_ = kind;
  size_ = 1;  // the first byte is set by close()
  put_number(kind, digits_);
  put_shared(0);
  put_text(name, name.size());
}

/// False when the block is full.
bool DomainBlocks::append(std::string_view name, std::size_t shared, std::uint32_t kind) {
  const bool turns = !mixed_ && kind != kind_;  // from one kind for all to one for each entry
  const std::size_t text = name.size() - shared;
  std::size_t size = size_ + (shared >= shared_escape ? 2 : 1) + text;
  if (turns) size += std::size_t{count_} * digits_;
  if (mixed_) size += digits_;
  if (count_ == count_mask || size > block_size) return false;
  if (turns) mix_kinds();
  put_shared(shared);
  if (mixed_) put_number(kind, digits_);
  put_text(name, text);
  ++count_;
  return true;
}

void DomainBlocks::mix_kinds() {
  const auto old = block_;
  const std::size_t old_size = size_;
  size_ = 1;
  bool at_start = true;
  for (std::size_t i = 1 + digits_; i < old_size; ++i) {
    put(old[i]);
    if (at_start) {
      if (old[i] == shared_escape) put(old[++i]);
      put_number(kind_, digits_);
    }
    at_start = (old[i] & end_bit) != 0;
  }
  mixed_ = true;
}

void DomainBlocks::close() {
  if (count_ == 0) return;
  block_[0] = static_cast<std::uint8_t>(count_ | (mixed_ ? mixed_kinds : 0));
  const std::size_t end = (size_ + block_size - 1) / block_size * block_size;
  std::fill(block_.begin() + static_cast<std::ptrdiff_t>(size_), block_.begin() + static_cast<std::ptrdiff_t>(end),
            std::uint8_t{0});
  const auto bytes = std::as_bytes(std::span(block_).first(end));
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  count_ = 0;
}

void DomainBlocks::put_number(std::uint32_t value, unsigned digits) {
  for (; digits > 0; --digits, value >>= 7) put(static_cast<std::uint8_t>(value & 0x7f));
}

void DomainBlocks::put_shared(std::size_t shared) {
  if (shared < shared_escape) return put(static_cast<std::uint8_t>(shared));
  put(shared_escape);
  put(static_cast<std::uint8_t>(shared - shared_escape));
}

/// The first `size` bytes of the name. Most texts are short: copying 16 bytes, where the name has them, costs less than
/// asking how many there are.
void DomainBlocks::put_text(std::string_view name, std::size_t size) {
  std::uint8_t* to = block_.data() + size_;
  if (size <= 16 && name.size() >= 16) {
    std::memcpy(to, name.data(), 16);
  } else {
    std::memcpy(to, name.data(), size);
  }
  size_ += size;
  block_[size_ - 1] |= end_bit;
}

}  // namespace vpn::policy
