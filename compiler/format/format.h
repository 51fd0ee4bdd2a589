// Findings for people and for machines: text, JSON, SARIF, GitHub, GitLab, JUnit.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/findings/findings.h"

namespace vpn::format {

enum class Style : std::uint8_t { text, json, sarif, github, gitlab, junit };
/// The words of --format; false for an unknown one.
bool parse(std::string_view word, Style& out);

/// What one run of lint has to say. Views must outlive the call of format().
struct Report {
  std::span<const findings::Finding> findings;  ///< in the order of Sink::sort()
  std::vector<std::string> files;               ///< name of every file that was read, in order
};

struct Options {
  bool color = false;    ///< ANSI colours, text only
  unsigned width = 120;  ///< columns of an excerpt, text only
  std::string base;      ///< absolute folder that machine formats give paths relative to
  std::string version;   ///< of the program, without its name
  std::vector<std::string_view>
      secret_keys;  ///< the values of these keys never show in an excerpt nor enter a fingerprint
};

/// The whole report, always valid in its format: bytes that are no UTF-8 become U+FFFD, control characters are shown,
/// not sent.
std::string format(Style style, const Report& report, const Options& options);

/// "2 errors, 1 warning in 3 files", without a line end.
std::string summary(const Report& report);

/// The description of one code, for --explain.
std::string explain(const findings::CodeInfo& code, bool color);

}  // namespace vpn::format
