// Where in a text the values of secret keys stand, so that no log shows them.
#pragma once

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/document/source.h"

namespace vpn::format {

/// Spans of the values of `keys`, in order: the content of the element behind `<key>K</key>`, the string behind `"K":`.
/// Works on text that does not parse, too.
std::vector<document::Span> secret_spans(std::string_view text, std::span<const std::string_view> keys);

/// The same for several texts, each searched once.
class Secrets {
 public:
  explicit Secrets(std::vector<std::string_view> keys) : keys_(std::move(keys)) {}
  const std::vector<document::Span>& of(const document::Source& source);
  bool overlap(const document::Source& source, document::Span span);

 private:
  std::vector<std::string_view> keys_;
  std::map<const document::Source*, std::vector<document::Span>> spans_;
};

}  // namespace vpn::format
