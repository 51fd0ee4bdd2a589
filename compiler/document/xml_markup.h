// The pieces of XML that pugixml reads more leniently than XML 1.0 allows, checked in the text itself: white space,
// comments, processing instructions, tags, references, the prolog. Each check takes time linear in what it passes over.
// Internal to compiler/document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/document/reader.h"

namespace vpn::document::xml {

constexpr std::size_t failed = static_cast<std::size_t>(-1);

bool is_space(char c);
bool is_name_start(char c);  ///< every byte from 0x80 on counts as a letter
bool is_name(char c);
bool starts_with(std::string_view text, std::size_t at, std::string_view what);
std::size_t skip_space(std::string_view text, std::size_t at);
std::size_t name_end(std::string_view text, std::size_t at);

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
