// Which findings a user means: a code, a name, or the start of codes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/findings/codes.h"
#include "policy/result.h"

namespace vpn::cli {

/// "VP1203", "unknown-key" or a prefix of codes such as "VP12"; upper and lower case count the same in codes.
class CodePattern {
 public:
  /// Errors: usage, when no code fits.
  static Result<CodePattern> parse(std::string_view text);
  bool matches(const findings::CodeInfo& code) const { return code.id.starts_with(prefix_); }
  const std::string& prefix() const { return prefix_; }

 private:
  std::string prefix_;
};

Result<std::vector<CodePattern>> parse_patterns(const std::vector<std::string>& words);
bool any_matches(const std::vector<CodePattern>& patterns, const findings::CodeInfo& code);

}  // namespace vpn::cli
