#include "compiler/format/terminal.h"

#include <utf8proc.h>

#include <array>
#include <cstdio>

#include "compiler/document/characters.h"

namespace vpn::format {
namespace {

constexpr unsigned tab_stop = 4;
constexpr std::string_view replacement = "\xEF\xBF\xBD";

struct Decoded {
  utf8proc_int32_t point = -1;  ///< -1: not UTF-8
  std::size_t bytes = 1;
};

Decoded decode(std::string_view text) {
  Decoded d;
  const auto* data = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto n = utf8proc_iterate(data, static_cast<utf8proc_ssize_t>(text.size()), &d.point);
  if (n <= 0) return Decoded{};
  d.bytes = static_cast<std::size_t>(n);
  return d;
}

std::string encode(utf8proc_int32_t point) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto n = utf8proc_encode_char(point, bytes.data());
  return {reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(n)};
}

/// Characters that move the cursor, switch colours or reorder the line must not reach the terminal (CVE-2021-42574).
bool is_unsafe_format(utf8proc_int32_t point) {
  if (point == 0x200D || point == 0x200C) return false;  // joiners inside words and emoji
  const auto category = utf8proc_category(point);
  return category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
         category == UTF8PROC_CATEGORY_CC;
}

Cell show(utf8proc_int32_t point, std::string_view bytes) {
  if (point < 0) return {std::string(replacement), 1, 0};
  if (point < 0x20) return {encode(0x2400 + point), 1, 0};  // control pictures
  if (point == 0x7f) return {encode(0x2421), 1, 0};
  if (is_unsafe_format(point)) {
    std::array<char, 16> name{};
    const int n = std::snprintf(name.data(), name.size(), "<U+%04X>", static_cast<unsigned>(point));
    return {std::string(name.data(), static_cast<std::size_t>(n)), static_cast<unsigned>(n), 0};
  }
  const int width = utf8proc_charwidth(point);
  return {std::string(bytes), width < 0 ? 1U : static_cast<unsigned>(width), 0};
}

}  // namespace

std::vector<Cell> cells(std::string_view text) {
  std::vector<Cell> result;
  result.reserve(text.size());
  unsigned column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded d = decode(text.substr(at));
    Cell cell;
    if (d.point == '\t') {
      cell.width = tab_stop - column % tab_stop;
      cell.shown.assign(cell.width, ' ');
    } else {
      cell = show(d.point, text.substr(at, d.bytes));
    }
    cell.offset = static_cast<std::uint32_t>(at);
    column += cell.width;
    at += d.bytes;
    result.push_back(std::move(cell));
  }
  return result;
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Decoded d = decode(text.substr(at));
    if (d.point == '\t') {
      result += ' ';
    } else {
      result += show(d.point, text.substr(at, d.bytes)).shown;
    }
    at += d.bytes;
  }
  return result;
}

std::string xml_text(std::string_view text) {
  std::string result;
  std::string valid = document::valid_utf8(text);
  // XML 1.0 has no way to write most control characters, nor U+FFFE and U+FFFF.
  for (std::size_t at = 0; (at = valid.find("\xEF\xBF", at)) != std::string::npos; at += 3)
    if (static_cast<unsigned char>(valid[at + 2]) >= 0xBE) valid[at + 2] = '\xBD';
  for (const char c : valid) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\n' && c != '\t') {
      result += replacement;
    } else {
      result += c;
    }
  }
  return result;
}

unsigned display_width(std::string_view text) {
  unsigned width = 0;
  for (const Cell& c : cells(text)) width += c.width;
  return width;
}

}  // namespace vpn::format
