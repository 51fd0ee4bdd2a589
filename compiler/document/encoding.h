// UTF-16 to UTF-8. Internal to compiler/document.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vpn::document {

enum class Encoding : unsigned char { utf8, utf16_little, utf16_big, utf32 };

/// By the byte order mark, or by the NUL that the first character of a file in UTF-16 has.
Encoding detect_encoding(std::string_view bytes);

struct Converted {
  std::string text;                  ///< without byte order mark; U+FFFD where a unit is wrong
  std::optional<std::size_t> wrong;  ///< offset in `text` of the first such place
};

Converted from_utf16(std::string_view bytes, bool big_endian);

}  // namespace vpn::document
