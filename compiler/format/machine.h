// What the machine formats share: one finding with its place worked out, and JSON that never throws.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "compiler/findings/findings.h"
#include "compiler/format/format.h"
#include "compiler/format/locator.h"

namespace vpn::format {

using Json = nlohmann::ordered_json;

/// JSON text with U+FFFD for invalid bytes, indented by two, with a line end.
std::string dump(const Json& json);

/// Whether the edits of a finding can be applied to the file itself.
bool is_fixable(const findings::Finding& finding);

/// "message (help)" on one line, for formats without a place for help.
std::string message_with_help(const findings::Finding& finding);

/// A workflow command of GitHub that becomes an annotation; a place of line 0 is the file as a whole.
std::string github_annotation(findings::Severity severity, std::string_view file, const Place& place,
                              std::string_view title, std::string_view message);

/// An entry of GitLab's code quality report.
Json gitlab_entry(findings::Severity severity, std::string_view path, const Place& place, std::string_view check,
                  std::string_view description, std::string_view fingerprint);
Json gitlab_entries(const Report& report, const Options& options);

/// The findings as lint's JSON has them.
Json json_entries(const Report& report, const Options& options);

std::string_view file_name(const findings::Finding& finding);

}  // namespace vpn::format
