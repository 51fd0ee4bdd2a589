// Which bytes may stand in a text at all.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace vpn::document {

struct BadCharacter {
  std::size_t offset = 0;
  std::size_t length = 1;
  bool control = false;  ///< well encoded, but a character that XML 1.0 forbids; false: no UTF-8
};

/// The first byte sequence that is no UTF-8 (RFC 3629), or a character that XML 1.0 (2.2) forbids.
/// `has_marks` is set when a character is in the text with which placeholders of templates begin: { $ % @.
std::optional<BadCharacter> find_bad_character(std::string_view text, bool& has_marks);

/// The first of those characters in [begin, end); `end` when there is none.
std::size_t find_mark(std::string_view text, std::size_t begin, std::size_t end);

/// Length of the UTF-8 sequence at `offset`, 0 when there is none; `code_point` is set with it.
std::size_t decode_utf8(std::string_view text, std::size_t offset, char32_t& code_point);

/// `text` with U+FFFD in place of each byte that is no UTF-8.
std::string valid_utf8(std::string_view text);

void append_utf8(std::string& out, char32_t code_point);

/// A character of XML 1.0, production [2].
bool is_xml_character(char32_t code_point);

}  // namespace vpn::document
