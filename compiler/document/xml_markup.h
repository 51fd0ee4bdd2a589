// The pieces of XML that pugixml reads more leniently than XML 1.0 allows, checked in the text itself: white space,
// comments, processing instructions, tags, references, the prolog. Each check takes time linear in what it passes over.
// Internal to compiler/document.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/document/reader.h"

namespace vpn::document::xml {

constexpr std::size_t failed = static_cast<std::size_t>(-1);

namespace detail {
enum : std::uint8_t { space = 1, name_start = 2, name = 4 };
constexpr std::array<std::uint8_t, 256> classes = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool letter = ((c | 0x20u) >= 'a' && (c | 0x20u) <= 'z') || c == '_' || c == ':' || c >= 0x80;
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') table[c] = space;
    if (letter) table[c] = name_start | name;
    if ((c >= '0' && c <= '9') || c == '-' || c == '.') table[c] = name;
  }
  return table;
}();
constexpr bool is(char c, std::uint8_t classes_of) {
  return (classes[static_cast<unsigned char>(c)] & classes_of) != 0;
}
}  // namespace detail

constexpr bool is_space(char c) { return detail::is(c, detail::space); }
constexpr bool is_name_start(char c) {
  return detail::is(c, detail::name_start);
}  ///< every byte from 0x80 on is a letter
constexpr bool is_name(char c) { return detail::is(c, detail::name); }

inline bool starts_with(std::string_view text, std::size_t at, std::string_view what) {
  return at <= text.size() && text.size() - at >= what.size() &&
         std::memcmp(text.data() + at, what.data(), what.size()) == 0;
}

inline std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

/// Behind the name that begins at `at`; `at` when none does.
inline std::size_t name_end(std::string_view text, std::size_t at) {
  if (at >= text.size() || !is_name_start(text[at])) return at;
  while (at < text.size() && is_name(text[at])) ++at;
  return at;
}

inline std::string in_angles(std::string_view name) { return "<" + shown(name) + ">"; }

/// Each of these starts at the '<' (or '&') and returns the offset behind the piece, or `failed` with `fault` set.
std::size_t comment_end(std::string_view text, std::size_t at, Fault& fault);
std::size_t instruction_end(std::string_view text, std::size_t at, Fault& fault);
std::size_t cdata_end(std::string_view text, std::size_t at, Fault& fault);
std::size_t reference_end(std::string_view text, std::size_t at, Fault& fault);

/// From behind the name of a start tag to behind its '>'.
std::size_t tag_end(std::string_view text, std::size_t tag, std::size_t name_end, bool& is_empty, Fault& fault);

/// Character data without '<': references are known ones, and "]]>" is not in it.
bool check_text(std::string_view text, std::size_t begin, std::size_t end, Fault& fault);

struct Prolog {
  std::size_t root = failed;  ///< offset of the root's '<'; `failed`: the fault says why
  bool has_declaration = false;
  std::size_t space_before = 0;  ///< where the declaration begins when white space stands before it
};

/// Declaration, comments, document type. Comments are added to `comments`.
Prolog read_prolog(std::string_view text, bool converted, std::vector<Comment>& comments, Fault& fault);

}  // namespace vpn::document::xml
