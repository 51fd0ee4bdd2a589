// What lint reports: one struct per finding, with code, span, help and, where it is safe, a fix.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/document/source.h"
#include "compiler/findings/codes.h"

namespace vpn::document {
class Document;
}

namespace vpn::findings {

struct Edit {
  document::Span span;  ///< in the file's text; empty span: insertion
  std::string replacement;
};

/// Another place that explains the finding ("first defined here").
struct Related {
  const document::Source* source = nullptr;
  document::Span span;
  std::string message;
};

struct Finding {
  Code code{};
  Severity severity = Severity::error;
  std::string message;  ///< one sentence, lower case first letter unless a name, no full stop
  const document::Source* source = nullptr;
  document::Span span;      ///< what is underlined
  std::string path;         ///< key path; empty for the file as a whole
  std::string help;         ///< what to do; may be empty
  std::string fix_title;    ///< what the edits do; empty without edits
  std::vector<Edit> edits;  ///< safe to apply without asking
  std::vector<Related> related;
};

/// Collects findings; never stops at the first.
class Sink {
 public:
  Finding& add(Code code, const document::Source& source, document::Span span, std::string message,
               std::string path = {});
  std::vector<Finding>& all() { return all_; }
  const std::vector<Finding>& all() const { return all_; }
  std::size_t count(Severity s) const;
  bool has_errors() const { return count(Severity::error) != 0; }
  /// Keeps the source of a file that gave no document, for the findings that point into it.
  void keep(std::shared_ptr<const document::Source> source) { kept_.push_back(std::move(source)); }
  /// By file (in the order first seen), position, code; exact duplicates removed.
  void sort();

 private:
  std::vector<Finding> all_;
  std::vector<std::shared_ptr<const document::Source>> kept_;
};

}  // namespace vpn::findings
