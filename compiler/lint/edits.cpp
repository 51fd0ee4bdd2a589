#include "compiler/lint/edits.h"

#include "compiler/document/document.h"

namespace vpn::lint {
namespace {

constexpr std::string_view white = " \t\r\n";

Span part(Span whole, std::size_t begin, std::size_t end) {
  return {static_cast<std::uint32_t>(whole.begin + begin), static_cast<std::uint32_t>(whole.begin + end)};
}

/// Between the start tag and the end tag of an element.
Span between_tags(const Context& context, Span element) {
  const std::string_view text = context.text(element);
  const auto open = text.find('>');
  const auto close = text.rfind("</");
  if (open == std::string_view::npos || close == std::string_view::npos || close <= open || text[open - 1] == '/')
    return {};
  return part(element, open + 1, close);
}

std::string element(Type type, std::string_view text) {
  switch (type) {
    case Type::boolean:
      return "<" + std::string(text) + "/>";
    case Type::integer:
      return "<integer>" + std::string(text) + "</integer>";
    default:
      return "<string>" + std::string(text) + "</string>";
  }
}

std::string token(Type type, std::string_view text) {
  return type == Type::string ? "\"" + std::string(text) + "\"" : std::string(text);
}

/// What stands between the line's beginning and `at`, when it is white space only.
bool indentation(std::string_view text, std::size_t at, std::string_view& out) {
  std::size_t begin = at;
  while (begin > 0 && (text[begin - 1] == ' ' || text[begin - 1] == '\t')) --begin;
  out = text.substr(begin, at - begin);
  return begin > 0 && (text[begin - 1] == '\n' || text[begin - 1] == '\r');
}

std::string_view line_end(std::string_view text, std::size_t line_begin) {
  if (line_begin >= 2 && text.substr(line_begin - 2, 2) == "\r\n") return "\r\n";
  return line_begin >= 1 && text[line_begin - 1] == '\r' ? "\r" : "\n";
}

/// Where `<key>` of a member begins; npos when it does not look as expected.
std::size_t key_element(std::string_view text, Span key) {
  if (!key.known()) return std::string_view::npos;
  const auto open = text.rfind('<', key.begin);
  return open != std::string_view::npos && text.substr(open, 4) == "<key" ? open : std::string_view::npos;
}

}  // namespace

Span plain_content(const Context& context, const Value& value) {
  if (!value.span.known() || !value.is(Type::string)) return {};
  Span inner;
  if (context.document.format == document::Format::json) {
    if (context.text(value.span).size() < 2) return {};
    inner = {value.span.begin + 1, value.span.end - 1};
  } else {
    inner = between_tags(context, value.span);
  }
  return inner.known() && context.text(inner) == value.string() ? inner : Span{};
}

std::string_view raw_text(const Context& context, const Value& value) {
  if (!context.can_fix() || context.document.format != document::Format::xml || !value.span.known()) return {};
  const std::string_view raw = context.text(between_tags(context, value.span));
  return raw.find('<') == std::string_view::npos ? raw : std::string_view{};
}

bool fix_content(Context& context, Finding& finding, const Value& value, std::string_view replacement,
                 std::string title) {
  if (!context.can_fix()) return false;
  const Span inner = plain_content(context, value);
  if (!inner.known()) return false;
  finding.edits.push_back({inner, std::string(replacement)});
  finding.fix_title = std::move(title);
  return true;
}

void fix_value(Context& context, Finding& finding, const Value& value, Type type, std::string_view text) {
  if (!context.can_fix() || !value.span.known()) return;
  const bool json = context.document.format == document::Format::json;
  std::string replacement = json ? token(type, text) : element(type, text);
  finding.fix_title = "write it as " + replacement;
  finding.edits.push_back({value.span, std::move(replacement)});
}

void fix_key(Context& context, Finding& finding, const Member& member, std::string_view name) {
  if (!context.can_fix() || !member.key_span.known()) return;
  const bool json = context.document.format == document::Format::json;
  const std::string before = json ? "\"" + std::string(member.key) + "\"" : std::string(member.key);
  const std::string_view raw = context.text(member.key_span);
  const auto begin = raw.find_first_not_of(white);
  if (begin == std::string_view::npos) return;
  const auto end = raw.find_last_not_of(white) + 1;
  if (raw.substr(begin, end - begin) != before) return;
  finding.edits.push_back(
      {part(member.key_span, begin, end), json ? "\"" + std::string(name) + "\"" : std::string(name)});
  finding.fix_title = "write it as '" + std::string(name) + "'";
}

void fix_remove(Context& context, Finding& finding, const Member& member) {
  if (!context.can_fix() || context.document.format != document::Format::xml || !member.value.span.known()) return;
  const std::string_view text = context.document.source().text();
  const std::size_t key = key_element(text, member.key_span);
  if (key == std::string_view::npos) return;
  const auto before = text.find_last_not_of(white, key == 0 ? 0 : key - 1);
  if (before == std::string_view::npos || text[before] != '>') return;
  finding.edits.push_back({{static_cast<std::uint32_t>(before + 1), member.value.span.end}, {}});
  finding.fix_title = "remove the repetition";
}

void fix_insert(Context& context, Finding& finding, const Section& section, Place place, std::string_view key,
                Type type, std::string_view escaped) {
  if (!context.can_fix() || context.document.format != document::Format::xml || section.value->size == 0) return;
  const auto members = section.value->dictionary();
  const Span tag = opening(context.document, *section.value);
  const std::string_view text = context.document.source().text();
  const std::size_t first_key = key_element(text, members.front().key_span);
  if (!tag.known() || first_key == std::string_view::npos || !members.back().value.span.known()) return;
  std::string_view indent;
  std::string separator;
  if (indentation(text, first_key, indent))
    separator = std::string(line_end(text, first_key - indent.size())) + std::string(indent);
  const std::uint32_t at = place == Place::front ? tag.end : members.back().value.span.end;
  std::string added = separator + "<key>" + std::string(key) + "</key>" + separator + element(type, escaped);
  finding.edits.push_back({{at, at}, std::move(added)});
  finding.fix_title = "add '" + std::string(key) + "'";
}

}  // namespace vpn::lint
