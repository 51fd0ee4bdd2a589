// Names to be sorted by their bytes read from the end. For domain_builder.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace vpn::policy {

/// One call of DomainTableBuilder::add().
struct DomainItem {
  const char* text;
  std::uint32_t membership;  ///< list number, shifted; bit 0: below only
  std::uint32_t length;

  std::string_view name() const { return {text, length}; }
};

/// By the name's bytes read from the end, then by membership.
void sort_by_suffix(std::vector<DomainItem>& items);

/// Number of bytes that two names share at their ends.
std::size_t shared_suffix(std::string_view a, std::string_view b);

}  // namespace vpn::policy
