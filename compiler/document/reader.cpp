#include "compiler/document/reader.h"

namespace vpn::document {

Span Context::span(std::size_t begin, std::size_t end) const {
  if (!positions) return {};
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

findings::Finding& Context::report(const Fault& fault, std::string path) {
  findings::Finding& f =
      findings.add(fault.code, document.source(), span(fault.begin, fault.end), where + fault.message, std::move(path));
  f.help = fault.help;
  if (positions && fault.related_begin != fault.related_end)
    f.related.push_back({&document.source(), span(fault.related_begin, fault.related_end), fault.related});
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
