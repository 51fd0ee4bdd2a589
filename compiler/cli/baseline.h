// A baseline: findings that are known and stay silent.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/findings/findings.h"
#include "policy/result.h"

namespace vpn::cli {

class Baseline {
 public:
  /// Errors: unreadable; invalid_input for what is no baseline.
  static Result<Baseline> read(const std::string& path);
  /// The text of a baseline that holds `findings`; `path` is where it will stand, for relative names.
  static std::string text(const std::vector<findings::Finding>& findings, const std::string& path,
                          const std::vector<std::string_view>& secret_keys);

  /// Takes away what is in the baseline; `findings` are all those of one file or of several, in order.
  void apply(std::vector<findings::Finding>& findings, const std::vector<std::string_view>& secret_keys);
  /// Entries that apply() did not meet: mended since.
  std::size_t stale() const { return known_.size() - met_.size(); }

 private:
  std::string folder_;  ///< that names are relative to
  std::set<std::string, std::less<>> known_;
  std::set<std::string, std::less<>> met_;
};

}  // namespace vpn::cli
