// What the readers of the formats share. Internal to compiler/document.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"

namespace vpn::document {

/// One fault of a file, before it becomes a finding. Offsets are of the text that is being read.
struct Fault {
  findings::Code code{};
  std::size_t begin = 0, end = 0;
  std::string message = {};
  std::string help = {};
  std::size_t related_begin = 0, related_end = 0;  ///< equal: none
  std::string related = {};
};

/// Where a reader puts what it finds. `text` must live as long as the document: values view into it.
struct Context {
  Document& document;
  const ReadOptions& options;
  findings::Sink& findings;
  bool positions = true;           ///< false: `text` is not the source's text (decrypted), so nothing has a place
  bool is_secret = false;          ///< nothing of `text` may be shown: findings say their title only
  bool converted = false;          ///< the text came in UTF-16: the declaration may say so
  bool has_faults = false;         ///< set by a reader: the markup was wrong somewhere, and a finding says so
  bool has_marks = false;          ///< characters are in the text with which a template's placeholders begin
  std::string_view original = {};  ///< the text before placeholders were masked; empty: nothing was masked
  std::size_t first_placeholder = 0, first_placeholder_end = 0;
  std::string where = {};  ///< put before each message ("in EncryptedPayloadContent: ")

  Span span(std::size_t begin, std::size_t end) const;
  findings::Finding& report(const Fault& fault, std::string path = {});
  findings::Finding& report_file(const Fault& fault);  ///< about the file as a whole: without a place
};

/// The readers: the root value, or nothing after a finding that says why.
std::optional<Value> read_xml(Context& context, std::string_view text);
std::optional<Value> read_json(Context& context, std::string_view text);
std::optional<Value> read_binary(Context& context, std::string_view bytes);

/// Reports the first byte that is no UTF-8, or character that texts may not have. `format`: "XML".
bool check_characters(Context& context, std::string_view text, std::string_view format);

/// A piece of text as it may be put into a message: one line, no control characters, at most `limit` bytes and an
/// ellipsis.
std::string shown(std::string_view text, std::size_t limit = 40);

/// The fault of a text that is beyond one of the limits.
Fault beyond(std::string_view what, std::size_t limit, std::size_t begin, std::size_t end);

}  // namespace vpn::document
