// GitLab's code quality report (a subset of Code Climate's).
#include "compiler/format/fingerprint.h"
#include "compiler/format/machine.h"
#include "compiler/format/paths.h"
#include "compiler/format/styles.h"

namespace vpn::format {
namespace {

std::string_view level(findings::Severity severity) {
  switch (severity) {
    case findings::Severity::error:
      return "major";
    case findings::Severity::warning:
      return "minor";
    case findings::Severity::note:
      break;
  }
  return "info";
}

}  // namespace

Json gitlab_entry(findings::Severity severity, std::string_view path, const Place& place, std::string_view check,
                  std::string_view description, std::string_view fingerprint) {
  // A line is mandatory: what stands nowhere stands on the first.
  const std::uint32_t line = place.begin.line == 0 ? 1 : place.begin.line;
  const std::uint32_t end = place.begin.line == 0 ? 1 : place.end.line;
  return {{"description", description},
          {"check_name", check},
          {"fingerprint", fingerprint},
          {"severity", level(severity)},
          {"location", {{"path", path}, {"lines", {{"begin", line}, {"end", end}}}}}};
}

Json gitlab_entries(const Report& report, const Options& options) {
  Locator locator;
  Fingerprints fingerprints(options.secret_keys);
  Json all = Json::array();
  for (const findings::Finding& f : report.findings) {
    const findings::CodeInfo& info = findings::info(f.code);
    const Place place = f.source == nullptr ? Place{} : locator.locate(*f.source, f.span);
    const std::string path = relative_name(file_name(f), options.base);
    std::string description = message_with_help(f);
    if (place.begin.line == 0 && !f.path.empty()) description.insert(0, f.path + ": ");
    all.push_back(gitlab_entry(f.severity, path, place, std::string(info.id) + "/" + std::string(info.name),
                               description, fingerprints.of(f, path)));
  }
  return all;
}

std::string gitlab_report(const Report& report, const Options& options) {
  return dump(gitlab_entries(report, options));
}

}  // namespace vpn::format
