#include "compiler/document/xml_markup.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "compiler/document/characters.h"

namespace vpn::document::xml {
namespace {

using findings::Code;

std::size_t set(Fault& fault, Code code, std::size_t begin, std::size_t end, std::string message,
                std::string help = {}) {
  fault = Fault{code, begin, end, std::move(message), std::move(help)};
  return failed;
}

std::size_t line_end(std::string_view text, std::size_t at) {
  return std::min(text.find_first_of("\r\n", at), text.size());
}

struct Attribute {
  std::string_view name;
  std::size_t begin, end;  ///< of the whole attribute
};

/// One attribute, name to closing quote.
std::size_t attribute_end(std::string_view text, std::size_t at, std::size_t tag, std::string_view element,
                          Attribute& attribute, Fault& fault) {
  const std::size_t stop = name_end(text, at);
  if (stop == at) {
    const std::size_t limit = std::min(line_end(text, tag), std::max(at + 1, tag + 1));
    return set(fault, Code::xml_syntax, tag, std::max(limit, tag + 1),
               "the tag " + in_angles(element) + " is not closed by '>'", "write " + in_angles(element));
  }
  attribute.name = text.substr(at, stop - at);
  std::size_t value = skip_space(text, stop);
  if (value >= text.size() || text[value] != '=')
    return set(fault, Code::xml_syntax, at, stop,
               "the attribute '" + shown(attribute.name) + "' of " + in_angles(element) + " has no value",
               "a '>' may be missing, or a key that belongs into <key>");
  value = skip_space(text, value + 1);
  if (value >= text.size() || (text[value] != '"' && text[value] != '\''))
    return set(fault, Code::xml_syntax, at, stop,
               "the value of the attribute '" + shown(attribute.name) + "' stands in no quotation marks");
  const std::size_t close = text.find(text[value], value + 1);
  const std::size_t less = text.find('<', value + 1);
  if (less < close)
    return set(fault, Code::xml_syntax, less, less + 1, "'<' is not allowed in the value of an attribute",
               "close the attribute's quotation marks, or write &lt;");
  if (close == std::string_view::npos)
    return set(fault, Code::xml_syntax, value, line_end(text, value),
               "the value of the attribute '" + shown(attribute.name) + "' is not closed");
  const std::string_view within = text.substr(0, close);
  for (std::size_t and_sign = within.find('&', value); and_sign < close; and_sign = within.find('&', and_sign + 1))
    if (reference_end(text, and_sign, fault) == failed) return failed;
  attribute.begin = at;
  attribute.end = close + 1;
  return close + 1;
}

}  // namespace

std::size_t comment_end(std::string_view text, std::size_t at, Fault& fault) {
  const std::size_t dashes = text.find("--", at + 4);
  if (dashes == std::string_view::npos)
    return set(fault, Code::xml_syntax, at, at + 4, "the comment is not closed by '-->'");
  if (!starts_with(text, dashes, "-->"))
    return set(fault, Code::xml_syntax, dashes, dashes + 2, "'--' is not allowed within a comment",
               "XML 1.0 forbids it; use other characters, and close the comment by '-->'");
  return dashes + 3;
}

std::size_t instruction_end(std::string_view text, std::size_t at, Fault& fault) {
  const std::size_t stop = name_end(text, at + 2);
  const std::size_t close = text.find("?>", at + 2);
  if (stop == at + 2 || close == std::string_view::npos || (stop != close && !is_space(text[stop])))
    return set(fault, Code::xml_syntax, at, at + 2, "the processing instruction is not complete",
               "it has the form <?name …?>");
  std::string name(text.substr(at + 2, stop - at - 2));
  for (char& c : name) c = static_cast<char>(c | 0x20);
  if (name == "xml")
    return set(fault, Code::xml_syntax, at, close + 2, "an XML declaration may stand at the start of the file only",
               "remove it; two files may have been joined");
  return close + 2;
}

std::size_t cdata_end(std::string_view text, std::size_t at, Fault& fault) {
  const std::size_t close = text.find("]]>", at);
  if (close == std::string_view::npos)
    return set(fault, Code::xml_syntax, at, at + 9, "the CDATA section is not closed by ']]>'");
  return close + 3;
}

std::size_t reference_end(std::string_view text, std::size_t at, Fault& fault) {
  std::size_t stop = at + 1;
  const bool numeric = stop < text.size() && text[stop] == '#';
  if (numeric) ++stop;
  while (stop < text.size() && stop - at < 64 && is_name(text[stop])) ++stop;
  const std::string_view body = text.substr(at + 1, stop - at - 1);
  if (stop >= text.size() || text[stop] != ';' || body.empty())
    return set(fault, Code::undefined_entity, at, at + 1, "'&' stands alone", "write &amp;");
  ++stop;
  if (!numeric) {
    constexpr std::string_view known[] = {"amp", "lt", "gt", "quot", "apos"};
    if (std::find(std::begin(known), std::end(known), body) != std::end(known)) return stop;
    return set(fault, Code::undefined_entity, at, stop, "the entity '&" + std::string(body) + ";' is not defined",
               "XML knows &amp; &lt; &gt; &quot; and &apos;; write other characters as they are");
  }
  const bool hex = body.size() > 1 && body[1] == 'x';
  const std::string_view digits = body.substr(hex ? 2 : 1);
  std::uint32_t code_point = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code_point, hex ? 16 : 10);
  const bool is_number = error == std::errc() && end == digits.data() + digits.size();
  if (!is_number || !is_xml_character(code_point))
    return set(fault, is_number ? Code::control_character : Code::undefined_entity, at, stop,
               "'&" + std::string(body) + ";' is no character that XML allows");
  return stop;
}

std::size_t tag_end(std::string_view text, std::size_t tag, std::size_t stop, bool& is_empty, Fault& fault) {
  const std::string_view element = text.substr(tag + 1, stop - tag - 1);
  std::vector<Attribute> attributes;
  std::size_t at = stop;
  while (true) {
    const std::size_t next = skip_space(text, at);
    is_empty = starts_with(text, next, "/>");
    if (is_empty) return next + 2;
    if (next < text.size() && text[next] == '>') return next + 1;
    if (next >= text.size())
      return set(fault, Code::truncated_file, tag, line_end(text, tag),
                 "the file ends within the tag " + in_angles(element), "the file was cut off; fetch it again");
    if (next == at && is_name_start(text[next]) && at != stop)
      return set(fault, Code::xml_syntax, next, next + 1, "there is no space before this attribute");
    Attribute attribute;
    at = attribute_end(text, next, tag, element, attribute, fault);
    if (at == failed) return failed;
    for (const Attribute& other : attributes)
      if (other.name == attribute.name)
        return set(fault, Code::xml_syntax, attribute.begin, attribute.end,
                   "the attribute '" + shown(attribute.name) + "' stands twice in " + in_angles(element));
    constexpr std::size_t most = 32;  // also bounds the comparison above
    if (attributes.size() == most) {
      fault = beyond("an element has too many attributes", most, attribute.begin, attribute.end);
      return failed;
    }
    attributes.push_back(attribute);
  }
}

bool check_text(std::string_view text, std::size_t begin, std::size_t end, Fault& fault) {
  const std::string_view piece = text.substr(0, end);
  for (std::size_t at = piece.find('&', begin); at != std::string_view::npos; at = piece.find('&', at + 1))
    if (reference_end(text, at, fault) == failed) return false;
  const std::size_t close = piece.find("]]>", begin);
  if (close == std::string_view::npos) return true;
  set(fault, Code::xml_syntax, close, close + 3, "']]>' is not allowed in text", "write ]]&gt;");
  return false;
}

}  // namespace vpn::document::xml
