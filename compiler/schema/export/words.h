// Facts of keys in words. Internal to compiler/schema/export.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "compiler/schema/schema.h"

namespace vpn::schema {

template <class T, class F>
std::string joined(const T& items, std::string_view between, F&& word) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : std::string(between)) + word(item);
  return out;
}

std::string values_text(const Key& key);  ///< "Low, High"; "10 to 1440"; empty: any
std::string items_text(const Key& key);   ///< "at least 1"; empty: any number
std::string type_text(const Key& key);    ///< "array of string": the element's type too
const Key& innermost(const Key& key);     ///< the element's element …, or the key itself
std::string platforms_text(std::span<const Availability> platforms);

}  // namespace vpn::schema
