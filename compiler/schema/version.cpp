#include <charconv>

#include "compiler/schema/schema.h"

namespace vpn::schema {

bool Version::parse(std::string_view text, Version& out) {
  std::uint16_t parts[3] = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0;; ++i) {
    if (i == 3) return false;
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc{}) return false;
    if (next == end) break;
    if (*next != '.') return false;
    at = next + 1;
  }
  out = {parts[0], parts[1], parts[2]};
  return true;
}

std::string Version::to_string() const {
  std::string text = std::to_string(major) + '.' + std::to_string(minor);
  if (patch != 0) text += '.' + std::to_string(patch);
  return text;
}

}  // namespace vpn::schema
