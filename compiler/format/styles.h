// One function for each format; format() picks.
#pragma once

#include <string>

#include "compiler/format/format.h"

namespace vpn::format {

std::string text_report(const Report& report, const Options& options);
std::string json_report(const Report& report, const Options& options);
std::string sarif_report(const Report& report, const Options& options);
std::string github_report(const Report& report, const Options& options);
std::string gitlab_report(const Report& report, const Options& options);
std::string junit_report(const Report& report, const Options& options);

}  // namespace vpn::format
