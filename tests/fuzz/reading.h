// Reads hostile bytes and checks what every reading must hold.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"

namespace vpn::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

inline void check_span(const document::Source& source, document::Span span) {
  if (span.known()) require(span.begin <= span.end && span.end <= source.text().size());
}

/// Touches everything that the tree points to, so that the sanitizers see it. Trees are at most 64 deep.
inline std::uint64_t check_value(const document::Source& source, const document::Value& value) {
  using document::Type;
  check_span(source, value.span);
  std::uint64_t sum = 0;
  switch (value.type) {
    case Type::string:
    case Type::date:
      for (const char c : value.string()) sum += static_cast<unsigned char>(c);
      break;
    case Type::data:
      for (const auto b : value.data()) sum += b;
      break;
    case Type::array:
      for (const auto& item : value.array()) sum += check_value(source, item);
      break;
    case Type::dictionary:
      for (const auto& m : value.dictionary()) {
        check_span(source, m.key_span);
        for (const char c : m.key) sum += static_cast<unsigned char>(c);
        sum += check_value(source, m.value);
      }
      break;
    default:
      sum += value.raw;
  }
  return sum;
}

inline std::unique_ptr<document::Document> read_document(const std::uint8_t* data, std::size_t size,
                                                         const document::ReadOptions& options, findings::Sink& sink) {
  return document::read(
      std::make_unique<document::Source>("fuzz", std::string(reinterpret_cast<const char*>(data), size)), options,
      sink);
}

inline void check_findings(const findings::Sink& sink) {
  for (const auto& f : sink.all()) {
    require(f.source != nullptr && !f.message.empty());
    check_span(*f.source, f.span);
    f.source->position(f.span.begin);
    for (const auto& related : f.related) check_span(*related.source, related.span);
    for (const auto& edit : f.edits) check_span(*f.source, edit.span);
  }
}

inline void read(const std::uint8_t* data, std::size_t size, const document::ReadOptions& options) {
  findings::Sink sink;
  const auto document = read_document(data, size, options, sink);
  require(document != nullptr || sink.has_errors());
  check_findings(sink);
  if (document == nullptr) return;
  for (const auto& comment : document->comments) check_span(document->source(), comment.text);
  volatile std::uint64_t sum = check_value(document->source(), document->root());
  static_cast<void>(sum);
}

/// As it is, and as a template.
inline void read_both(const std::uint8_t* data, std::size_t size) {
  document::ReadOptions options;
  options.now = 1'900'000'000;
  read(data, size, options);
  options.template_mode = true;
  read(data, size, options);
}

}  // namespace vpn::fuzz
