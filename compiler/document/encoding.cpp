#include "compiler/document/encoding.h"

#include "compiler/document/characters.h"

namespace vpn::document {

Encoding detect_encoding(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xff\xfe\0\0"sv) || bytes.starts_with("\0\0\xfe\xff"sv)) return Encoding::utf32;
  if (bytes.starts_with("\xff\xfe")) return Encoding::utf16_little;
  if (bytes.starts_with("\xfe\xff")) return Encoding::utf16_big;
  if (bytes.starts_with("<\0"sv) || bytes.starts_with("{\0"sv)) return Encoding::utf16_little;
  if (bytes.starts_with("\0<"sv) || bytes.starts_with("\0{"sv)) return Encoding::utf16_big;
  return Encoding::utf8;
}

Converted from_utf16(std::string_view bytes, bool big_endian) {
  constexpr char32_t replacement = 0xfffd, mark = 0xfeff;
  Converted out;
  out.text.reserve(bytes.size() / 2 + bytes.size() / 8);
  const auto unit = [&](std::size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]), second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<char32_t>(big_endian ? first << 8 | second : second << 8 | first);
  };
  std::size_t at = 0;
  while (at < bytes.size()) {
    char32_t c = at + 1 < bytes.size() ? unit(at) : 0xd800;  // half a unit is as wrong as half a pair
    at += 2;
    if (c == mark && at == 2) continue;
    if (c >= 0xd800 && c < 0xe000) {
      const char32_t low = c < 0xdc00 && at + 1 < bytes.size() ? unit(at) : 0;
      if (low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        at += 2;
      } else {
        c = replacement;
        if (!out.wrong) out.wrong = out.text.size();
      }
    }
    append_utf8(out.text, c);
  }
  return out;
}

}  // namespace vpn::document
