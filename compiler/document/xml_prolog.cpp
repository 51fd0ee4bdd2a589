// What stands before the root element: declaration, document type, comments.
#include <algorithm>
#include <array>
#include <string>

#include "compiler/document/xml_markup.h"
#include "policy/ascii.h"

namespace vpn::document::xml {
namespace {

using findings::Code;

bool refuse(Fault& fault, Code code, std::size_t begin, std::size_t end, std::string message, std::string help = {}) {
  fault = Fault{code, begin, end, std::move(message), std::move(help)};
  return false;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// The declared encoding must be one in which the bytes at hand mean what was read.
bool check_encoding(std::string_view text, std::size_t begin, std::size_t end, bool converted, Fault& fault) {
  const std::string name = ascii::upper_case(text.substr(begin, end - begin));
  const bool utf16 = name == "UTF-16" || name == "UTF16" || name == "UTF-16LE" || name == "UTF-16BE";
  if (converted && (utf16 || name == "UTF-8")) return true;
  if (!converted && !utf16) {
    if (name == "UTF-8" || name == "UTF8") return true;
    // In ASCII alone every one of these reads the same.
    const bool superset = name == "US-ASCII" || name == "ASCII" || name.starts_with("ISO-8859-") ||
                          name.starts_with("WINDOWS-125") || name == "MACINTOSH" || name == "LATIN1";
    if (superset && is_ascii(text)) return true;
  }
  return refuse(fault, Code::encoding_mismatch, begin, end,
                "the declaration says " + shown(text.substr(begin, end - begin)) + ", but the file is in " +
                    (converted        ? "UTF-16"
                     : is_ascii(text) ? "ASCII"
                                      : "UTF-8"),
                "save the file as UTF-8 and declare encoding=\"UTF-8\"");
}

/// <?xml version="1.0" encoding="UTF-8" standalone="no"?>, in this order, the last two optional.
bool read_declaration(std::string_view text, std::size_t& at, bool converted, Fault& fault) {
  const std::size_t begin = at;
  const std::size_t close = text.find("?>", at);
  if (close == std::string_view::npos)
    return refuse(fault, Code::xml_syntax, at, at + 5, "the XML declaration is not closed by '?>'");
  constexpr std::array<std::string_view, 3> names{"version", "encoding", "standalone"};
  std::size_t expected = 0;
  at += 5;
  while (true) {
    const std::size_t next = skip_space(text, at);
    if (next == close) break;
    const std::size_t stop = name_end(text, next);
    const auto* const name = std::find(names.begin() + expected, names.end(), text.substr(next, stop - next));
    std::size_t value = skip_space(text, stop);
    const bool equals = value < close && text[value] == '=';
    if (equals) value = skip_space(text, value + 1);
    const bool quoted = equals && value < close && (text[value] == '"' || text[value] == '\'');
    const std::size_t end = quoted ? text.find(text[value], value + 1) : std::string_view::npos;
    if (name == names.end() || next == at || end >= close || (expected == 0 && name != names.begin()))
      return refuse(fault, Code::xml_syntax, begin, close + 2, "the XML declaration is malformed",
                    "write <?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    if (name == names.begin() && text.substr(value + 1, end - value - 1).substr(0, 2) != "1.")
      return refuse(fault, Code::xml_syntax, value + 1, end,
                    "XML has no version " + shown(text.substr(value + 1, end - value - 1)), "write version=\"1.0\"");
    if (name == names.begin() + 1 && !check_encoding(text, value + 1, end, converted, fault)) return false;
    expected = static_cast<std::size_t>(name - names.begin()) + 1;
    at = end + 1;
  }
  at = close + 2;
  if (expected != 0) return true;
  return refuse(fault, Code::xml_syntax, begin, at, "the XML declaration has no version",
                "write <?xml version=\"1.0\" encoding=\"UTF-8\"?>");
}

/// <!DOCTYPE plist PUBLIC "…" "…">. What it points to is never fetched; declarations of its own are refused, so that no
/// entity can ever be expanded.
bool read_document_type(std::string_view text, std::size_t& at, Fault& fault) {
  const std::size_t begin = at;
  const std::size_t name = skip_space(text, at + 9);
  const std::size_t stop = name_end(text, name);
  if (ascii::upper_case(text.substr(name, stop - name)) == "HTML")
    return refuse(fault, Code::not_a_profile, begin, stop, "this is an HTML page, not a profile",
                  "a download may have ended on a login or error page; fetch the profile itself");
  at = stop;
  while (at < text.size() && text[at] != '>') {
    if (text[at] == '[')
      return refuse(
          fault, Code::document_type_declarations, begin, at + 1, "the document type brings declarations of its own",
          "a profile needs none; entities are never expanded here. Use <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST "
          "1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">");
    const bool quote = text[at] == '"' || text[at] == '\'';
    const std::size_t close = quote ? text.find(text[at], at + 1) : at;
    if (close == std::string_view::npos || text[at] == '<') break;
    at = close + 1;
  }
  if (at >= text.size() || text[at] != '>' || stop == name)
    return refuse(fault, Code::xml_syntax, begin, begin + 9, "the document type is not closed by '>'");
  ++at;
  return true;
}

bool root_follows(std::string_view text, std::size_t at) {
  return at + 1 < text.size() && text[at] == '<' && is_name_start(text[at + 1]);
}

}  // namespace

Prolog read_prolog(std::string_view text, bool converted, std::vector<Comment>& comments, Fault& fault) {
  Prolog prolog;
  const std::size_t start = starts_with(text, 0, "\xef\xbb\xbf") ? 3 : 0;
  std::size_t at = skip_space(text, start);
  if (starts_with(text, at, "<?xml") && at + 5 < text.size() && (is_space(text[at + 5]) || text[at + 5] == '?')) {
    prolog.has_declaration = true;
    prolog.space_before = at == start ? 0 : at;
    if (!read_declaration(text, at, converted, fault)) return prolog;
  }
  bool has_type = false;
  while (true) {
    at = skip_space(text, at);
    if (root_follows(text, at)) {
      prolog.root = at;
      return prolog;
    }
    std::size_t next = failed;
    if (starts_with(text, at, "<!--")) {
      next = comment_end(text, at, fault);
      if (next != failed) comments.push_back({{static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(next)}});
    } else if (starts_with(text, at, "<?")) {
      next = instruction_end(text, at, fault);
    } else if (!has_type && (starts_with(text, at, "<!DOCTYPE") || starts_with(text, at, "<!doctype"))) {
      has_type = true;
      next = at;
      if (!read_document_type(text, next, fault)) next = failed;
    } else if (at >= text.size()) {
      refuse(fault, Code::truncated_file, start, text.size(), "the file ends before any element",
             "the file was cut off; fetch it again");
    } else {
      refuse(fault, Code::not_a_profile, at, std::min(text.find('<', at + 1), std::min(at + 40, text.size())),
             "a property list begins with <plist>, not with '" + shown(text.substr(at, 24)) + "'");
    }
    if (next == failed) return prolog;
    at = next;
  }
}

}  // namespace vpn::document::xml
