// Profiles with placeholders for a template engine to fill in: {{ }}, {% %}, {# #}, $VAR, ${VAR}, %VAR%, @@VAR@@.
// Internal to compiler/document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/document/reader.h"

namespace vpn::document {

/// A placeholder longer than this is none, so a search costs no more for each place where one may begin.
constexpr std::size_t longest_placeholder = 256;

struct Placeholder {
  enum class Kind : std::uint8_t {
    value,      ///< {{ }} and variables: something will stand here
    statement,  ///< {% %}, {{#if}}, {{ end }} …: decides what stands around it
  };
  Kind kind = Kind::value;
  std::size_t begin = 0, end = 0;
};

/// The first placeholder that begins within [begin, end) and reaches no further than `beyond` bytes behind it.
std::optional<Placeholder> find_placeholder(std::string_view text, std::size_t begin, std::size_t end,
                                            std::size_t beyond = 0);

/// The text, at the same length, as one of the documents that it may become: statements are blank, of several branches
/// the first is kept, placeholders between elements are blank, and those within texts have nothing in them that is
/// markup.
std::string mask_xml(std::string_view text);
/// The same for JSON; a placeholder that stands for a value becomes a string.
std::string mask_json(std::string_view text);

/// The error of a placeholder that makes the file unreadable without --template.
Fault not_readable(std::string_view text, const Placeholder& placeholder);
/// The same when one stands in the line of `fault` and is most likely its cause.
std::optional<Fault> template_cause(const Context& context, std::string_view text, const Fault& fault);

/// Remembers the first placeholder; note_template() says that there are some, once all went well.
void saw_placeholder(Context& context, const Placeholder& placeholder);
void note_template(Context& context, std::string_view text);

}  // namespace vpn::document
