// What stays the same about a finding when lines above it come and go.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "compiler/findings/findings.h"
#include "compiler/format/secrets.h"

namespace vpn::format {

/// 32 hexadecimal digits of a SHA-256.
std::string hex_digest(std::string_view text);

/// Gives each finding of one run its fingerprint: 32 hexadecimal digits over code, file, key path without indexes, the
/// underlined text with its white space collapsed, and how many equal ones came before. Ask in the order of
/// Sink::sort().
class Fingerprints {
 public:
  explicit Fingerprints(std::vector<std::string_view> secret_keys = {}) : secrets_(std::move(secret_keys)) {}
  /// `file` is the name that the fingerprint stands on, for instance relative to the baseline.
  std::string of(const findings::Finding& finding, std::string_view file);

 private:
  Secrets secrets_;
  std::map<std::string, unsigned, std::less<>> seen_;
};

}  // namespace vpn::format
