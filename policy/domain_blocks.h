// Packs the entries of a domain table into blocks. For domain_builder.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "policy/domain_layout.h"

namespace vpn::policy {

class DomainBlocks {
 public:
  /// Blocks are appended to `out`; a kind is written with `kind_digits` digits.
  DomainBlocks(std::vector<std::byte>& out, unsigned kind_digits)
      : out_(out), first_(out.size()), digits_(kind_digits) {}

  /// `name` shares its last `shared` bytes with the name before it. The number of the block that it went to.
  std::uint32_t add(std::string_view name, std::size_t shared, std::uint32_t kind);
  /// Ends the last block.
  void close();

 private:
  void begin(std::string_view name, std::uint32_t kind);
  bool append(std::string_view name, std::size_t shared, std::uint32_t kind);
  void mix_kinds();
  void put(std::uint8_t byte) { block_[size_++] = byte; }
  void put_number(std::uint32_t value, unsigned digits);
  void put_shared(std::size_t shared);
  void put_text(std::string_view name, std::size_t size);

  // Room for the longest name with everything before it, and for a copy that goes 16 bytes beyond.
  std::array<std::uint8_t, 3 * domain_layout::block_size> block_{};
  std::size_t size_ = 0;
  std::vector<std::byte>& out_;
  std::size_t first_;
  unsigned digits_;
  unsigned count_ = 0;
  std::uint32_t kind_ = 0;
  bool mixed_ = false;
};

}  // namespace vpn::policy
