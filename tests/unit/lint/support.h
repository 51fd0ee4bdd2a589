// Lints texts as if they were the files of one device.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"
#include "compiler/lint/lint.h"

namespace vpn::lint::test {

/// 2026-06-01T00:00:00Z: the time of every test.
inline constexpr std::int64_t test_time = 1780272000;

struct File {
  std::string name;
  std::string text;
};

/// Findings with the documents that they point into.
struct Linted {
  std::vector<std::unique_ptr<document::Document>> documents;
  findings::Sink sink;

  const std::vector<findings::Finding>& all() const& { return sink.all(); }
  const std::vector<findings::Finding>& all() && = delete;  ///< they would outlive what they point into
  /// What is underlined.
  static std::string_view underlined(const findings::Finding& f);
};

Options default_options();
/// "--platform ios,linux --os-version 17.0 --supervised false --template"; anything else fails the test.
Options parse_options(std::string_view text);

Linted lint_files(const std::vector<File>& files, const Options& options = default_options());
Linted lint_files(const std::vector<File>& files, const Options& options, const document::ReadOptions& read_options);
Linted lint_text(std::string_view text, const Options& options = default_options());

/// The text with all edits of all findings applied, or as many of them as do not touch each other.
std::string fixed(std::string_view text, const Options& options = default_options());

/// A profile around an example of the catalogue: `place` as in compiler/findings/catalog. Several files for "files".
std::vector<File> place_example(std::string_view place, std::string_view example);

/// "VP1203 warning 'IncludeAllNetwork'": code, severity and the underlined text, one line for each finding in order.
std::vector<std::string> summary(const Linted& linted);

/// Shorthand: an example in its place, linted.
Linted lint_in(std::string_view place, std::string_view example, const Options& options = default_options());

}  // namespace vpn::lint::test
