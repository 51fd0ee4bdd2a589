// One function for each style. Internal to compiler/ci.
#pragma once

#include <string>

#include "compiler/ci/report.h"

namespace vpn::ci {

std::string summary(const Report& report);  ///< "1 of 3 devices failed"
std::string text_report(const Report& report, const format::Options& options);
std::string json_report(const Report& report, const format::Options& options);
std::string github_report(const Report& report, const format::Options& options);
std::string gitlab_report(const Report& report, const format::Options& options);
std::string junit_report(const Report& report);
std::string markdown_report(const Report& report);

}  // namespace vpn::ci
