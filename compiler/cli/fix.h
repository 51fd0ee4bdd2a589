// Applies the safe edits of findings to a text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/findings/findings.h"

namespace vpn::cli {

struct Fixed {
  std::string text;
  std::size_t applied = 0;   ///< findings whose edits were all applied
  std::size_t deferred = 0;  ///< findings whose edits touch those of an earlier one: for another round
};

/// Applies the edits of the findings about `source`, all of a finding or none, and keeps every other byte.
Fixed apply_fixes(const document::Source& source, const std::vector<findings::Finding>& findings);

/// The change from `before` to `after` as a unified diff with three lines of context; empty when they are equal.
/// Bytes stay as they are, so that the diff can be applied.
std::string unified_diff(std::string_view name, std::string_view before, std::string_view after);

}  // namespace vpn::cli
