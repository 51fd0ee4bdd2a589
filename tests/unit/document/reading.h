// What the tests of the readers share: read a text, show findings and values as text.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"

namespace vpn::document {

struct Reading {
  findings::Sink sink;  // outlives the document's findings
  std::unique_ptr<Document> document;

  /// "VP1013 3:5 '<interger>' message [path]" for each finding: code, place, underlined text, message.
  std::vector<std::string> findings() const;
  /// The tree as text: {key: "text", other: [1, true, 1.5, <6869>, 2027-01-31T12:00:00Z]}; "none" without a document.
  std::string tree() const;
  /// The text that the value at this path was read from.
  std::string source_of(std::string_view path) const;
  const Value* at(std::string_view path) const;
};

Reading read_text(std::string text, const ReadOptions& options = {});
/// The text within <plist version="1.0"> and declaration, the body from line 3 on.
Reading read_plist(std::string_view body, const ReadOptions& options = {});
std::string plist(std::string_view body);
std::string tree_of(const Value& value);

}  // namespace vpn::document
