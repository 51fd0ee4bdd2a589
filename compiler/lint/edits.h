// Fixes as edits of the file's text: small, in place, every other byte kept. Each function adds its edits to the
// finding, or leaves it alone where the text does not have the form that the edit needs.
#pragma once

#include <string>
#include <string_view>

#include "compiler/lint/context.h"

namespace vpn::lint {

/// The text of a string, number or key as it stands in the file, without tags or quotes; empty when it is written with
/// references, escapes, comments or CDATA.
Span plain_content(const Context& context, const Value& value);

/// Puts `replacement` in place of a string's content. It must not need escaping.
bool fix_content(Context& context, Finding& finding, const Value& value, std::string_view replacement,
                 std::string title);
/// Puts another scalar in place of the whole value: `type` is boolean, integer or string.
void fix_value(Context& context, Finding& finding, const Value& value, Type type, std::string_view text);
/// Gives a key another name.
void fix_key(Context& context, Finding& finding, const Member& member, std::string_view name);
/// Takes a member out of a dictionary, with the white space before it.
void fix_remove(Context& context, Finding& finding, const Member& member);

enum class Place : std::uint8_t { front, back };
/// Adds a member to a dictionary that has others, with their indentation and line ends. `escaped` is put in as it is.
void fix_insert(Context& context, Finding& finding, const Section& section, Place place, std::string_view key,
                Type type, std::string_view escaped);

/// Text between the tags of an XML string, as it stands; empty when there is none.
std::string_view raw_text(const Context& context, const Value& value);

}  // namespace vpn::lint
