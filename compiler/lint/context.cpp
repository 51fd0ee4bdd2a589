#include "compiler/lint/context.h"

#include <algorithm>

namespace vpn::lint {

Finding& Context::report(Code code, Span span, std::string message, const Path* parent, std::string_view key) {
  if (++reported_ > most_findings) {
    if (reported_ == most_findings + 1) {
      sink_.add(Code::too_many_findings, document.source(), {},
                "more than " + std::to_string(most_findings) + " findings in one file; the rest is left out");
    }
    spare_ = {};
    return spare_;
  }
  std::string where;
  if (!key.empty()) {
    where = Path{parent, key}.to_string();
  } else if (parent != nullptr) {
    where = parent->to_string();
  }
  return sink_.add(code, document.source(), span, std::move(message), std::move(where));
}

Finding& Context::at_key(Code code, const Section& section, const Member& member, std::string message) {
  return report(code, member.key_span, std::move(message), section.path, member.key);
}

Finding& Context::at_value(Code code, const Section& section, const Member& member, std::string message) {
  return report(code, member.value.span, std::move(message), section.path, member.key);
}

Finding& Context::at_section(Code code, const Section& section, std::string message) {
  return report(code, section.name, std::move(message), section.path);
}

void Context::relate(Finding& finding, Span span, std::string message) const {
  finding.related.push_back({&document.source(), span, std::move(message)});
}

std::string_view Context::text(Span span) const {
  const std::string_view all = document.source().text();
  if (!span.known() || span.begin > span.end || span.end > all.size()) return {};
  return all.substr(span.begin, span.end - span.begin);
}

Span opening(const document::Document& document, const Value& value) {
  if (!value.span.known()) return value.span;
  const std::string_view text = document.source().text();
  if (value.span.begin >= text.size()) return value.span;
  if (document.format == document::Format::json) return {value.span.begin, value.span.begin + 1};
  const auto close = text.find('>', value.span.begin);
  if (close == std::string_view::npos || close >= value.span.end) return value.span;
  return {value.span.begin, static_cast<std::uint32_t>(close + 1)};
}

Section child(const Section& parent, std::string_view key, Path& path) {
  const Member* const member = parent.find(key);
  if (member == nullptr || !member->value.is(Type::dictionary)) return {};
  path = Path{parent.path, member->key};
  return {&member->value, &path, member->key_span};
}

std::string quoted(std::string_view text, std::size_t limit) {
  std::string out = "'";
  bool cut = text.size() > limit;
  if (cut) {
    text = text.substr(0, limit);
    // Not in the middle of a code point.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0u) == 0x80u) text.remove_suffix(1);
    if (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80u) != 0) text.remove_suffix(1);
  }
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  out += cut ? "…'" : "'";
  return out;
}

}  // namespace vpn::lint
