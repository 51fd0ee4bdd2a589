#include "compiler/document/reader.h"

#include <cstdio>
#include <utility>

#include "compiler/document/characters.h"

namespace vpn::document {

Span Context::span(std::size_t begin, std::size_t end) const {
  if (!positions) return {};
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

findings::Finding& Context::report(const Fault& fault, std::string path) {
  const std::string message = is_secret ? std::string(findings::info(fault.code).title) : fault.message;
  findings::Finding& f =
      findings.add(fault.code, document.source(), span(fault.begin, fault.end), where + message, std::move(path));
  if (!is_secret) f.help = fault.help;
  if (positions && fault.related_begin != fault.related_end)
    f.related.push_back({&document.source(), span(fault.related_begin, fault.related_end), fault.related});
  return f;
}

findings::Finding& Context::report_file(const Fault& fault) {
  const bool before = std::exchange(positions, false);
  findings::Finding& f = report(fault);
  positions = before;
  return f;
}

std::string shown(std::string_view text, std::size_t limit) {
  const bool cut = text.size() > limit;
  if (cut) {
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0u) == 0x80u) --limit;
    text = text.substr(0, limit);
  }
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return cut ? out + "…" : out;
}

bool check_characters(Context& context, std::string_view text, std::string_view format) {
  const auto bad = find_bad_character(text, context.has_marks);
  if (!bad) return true;
  Fault fault;
  fault.begin = bad->offset;
  fault.end = bad->offset + bad->length;
  char code[16];
  std::snprintf(code, sizeof code, "0x%02x", static_cast<unsigned>(static_cast<unsigned char>(text[bad->offset])));
  if (bad->control) {
    fault.code = findings::Code::control_character;
    fault.message = std::string("the character ") + (text[bad->offset] == 0 ? "NUL" : code) + " is not allowed in " +
                    std::string(format);
    fault.help = "remove it";
  } else {
    fault.code = findings::Code::invalid_encoding;
    fault.message = std::string("the byte ") + code + " is not valid UTF-8 here";
    fault.help = "save the file as UTF-8";
  }
  context.report(fault);
  return false;
}

Fault beyond(std::string_view what, std::size_t limit, std::size_t begin, std::size_t end) {
  Fault fault;
  fault.code = findings::Code::limit_exceeded;
  fault.begin = begin;
  fault.end = end;
  fault.message = std::string(what) + " (the limit is " + std::to_string(limit) + ")";
  fault.help = "no real profile comes near this limit; check where the file comes from";
  return fault;
}

}  // namespace vpn::document
