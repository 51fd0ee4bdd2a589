// What every check works with: the document at hand, and where findings go.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"
#include "compiler/lint/lint.h"

namespace vpn::lint {

using document::Member;
using document::Path;
using document::Span;
using document::Type;
using document::Value;
using findings::Code;
using findings::Finding;
using findings::Severity;

/// A dictionary and where it stands. `name` is what a finding about the dictionary as a whole underlines: the key that
/// holds it, else its opening tag.
struct Section {
  const Value* value = nullptr;
  const Path* path = nullptr;
  Span name;

  explicit operator bool() const { return value != nullptr; }
  /// The member, whatever its value is.
  const Member* find(std::string_view key) const { return value == nullptr ? nullptr : value->find(key); }
  bool has(std::string_view key) const { return find(key) != nullptr; }
};

/// Collects the findings of one document.
class Context {
 public:
  Context(const document::Document& doc, const Options& options, findings::Sink& sink)
      : document(doc), options(options), sink_(sink) {}

  /// Adds a finding at `span`; its path is `parent` followed by `key` (no key: `parent` itself; no parent: the file).
  /// The reference is good until the next report. Beyond a bound the findings of one document are no longer kept.
  Finding& report(Code code, Span span, std::string message, const Path* parent, std::string_view key = {});
  /// At the member's key, or at its value.
  Finding& at_key(Code code, const Section& section, const Member& member, std::string message);
  Finding& at_value(Code code, const Section& section, const Member& member, std::string message);
  /// At the dictionary as a whole.
  Finding& at_section(Code code, const Section& section, std::string message);

  /// Adds "`message` here" to a finding.
  void relate(Finding& finding, Span span, std::string message) const;

  /// Whether edits can be written back.
  bool can_fix() const { return document.source().is_original() && document.format != document::Format::binary; }
  std::string_view text(Span span) const;

  const document::Document& document;
  const Options& options;

 private:
  findings::Sink& sink_;
  std::uint32_t reported_ = 0;
  Finding spare_;  ///< takes what is beyond the bound
};

/// Of one document; a file with more has one fault repeated.
inline constexpr std::uint32_t most_findings = 10'000;

/// The opening tag or brace of a container: what is underlined for the whole of it.
Span opening(const document::Document& document, const Value& value);

/// The dictionary that `parent` has under `key`; nothing when there is none or it is of another type. `path` must live
/// as long as the section.
Section child(const Section& parent, std::string_view key, Path& path);

/// Text in a message: one line, at most `limit` bytes, an ellipsis for the rest.
std::string quoted(std::string_view text, std::size_t limit = 60);

}  // namespace vpn::lint
