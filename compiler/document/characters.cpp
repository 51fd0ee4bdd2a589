#include "compiler/document/characters.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace vpn::document {
namespace {

/// Sixteen bytes at a time, in the vector types that GCC and clang share, on every processor.
using Bytes = std::uint8_t __attribute__((vector_size(16)));
constexpr std::size_t lane = sizeof(Bytes), block = 16 * lane;

bool any(Bytes b) {
  std::uint64_t halves[2];
  std::memcpy(halves, &b, sizeof halves);
  return (halves[0] | halves[1]) != 0;
}

Bytes load(const char* bytes) {
  Bytes b;
  std::memcpy(&b, bytes, lane);
  return b;
}

Bytes marks_of(Bytes c) { return Bytes((c == '{') | (c == '$') | (c == '%') | (c == '@')); }

/// Whether all bytes are ASCII that XML allows. `count` is a multiple of `lane`.
bool is_plain(const char* bytes, std::size_t count, bool& has_marks) {
  Bytes bad{}, marks{};
  for (std::size_t i = 0; i < count; i += lane) {
    const Bytes c = load(bytes + i);
    bad |= Bytes((c - 0x20 >= 0x60) & (c != '\n') & (c != '\t') & (c != '\r'));
    marks |= marks_of(c);
  }
  has_marks |= any(marks);
  return !any(bad);
}

bool is_mark(char c) { return c == '{' || c == '$' || c == '%' || c == '@'; }

}  // namespace

bool is_xml_character(char32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c < 0xd800 || (c >= 0xe000 && c <= 0x10ffff && c != 0xfffe && c != 0xffff);
}

std::size_t decode_utf8(std::string_view text, std::size_t offset, char32_t& code_point) {
  const auto byte = [&](std::size_t i) {
    return offset + i < text.size() ? static_cast<unsigned char>(text[offset + i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first < 0x80) {
    code_point = first;
    return 1;
  }
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0) return 0;
  char32_t c = first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
    c = (c << 6) | (byte(i) & 0x3fu);
  }
  const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
  if (overlong || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) return 0;
  code_point = c;
  return length;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    char32_t c = 0;
    const std::size_t length = decode_utf8(text, i, c);
    if (length == 0) {
      append_utf8(out, 0xfffd);
    } else {
      out += text.substr(i, length);
    }
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

std::optional<BadCharacter> find_bad_character(std::string_view text, bool& has_marks) {
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t count = std::min(block, (text.size() - i) / lane * lane);
    if (count != 0 && is_plain(text.data() + i, count, has_marks)) {
      i += count;
      continue;
    }
    for (const std::size_t end = std::min(i + block, text.size()); i < end;) {
      char32_t c = 0;
      const std::size_t length = decode_utf8(text, i, c);
      if (length == 0) return BadCharacter{i, 1, false};
      if (!is_xml_character(c)) return BadCharacter{i, length, true};
      has_marks |= is_mark(text[i]);
      i += length;
    }
  }
  return std::nullopt;
}

std::size_t find_mark(std::string_view text, std::size_t begin, std::size_t end) {
  std::size_t i = begin;
  while (i < end && text.size() - i >= lane && !any(marks_of(load(text.data() + i)))) i += lane;
  while (i < end && !is_mark(text[i])) ++i;
  return std::min(i, end);
}

}  // namespace vpn::document
