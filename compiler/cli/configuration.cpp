#include "compiler/cli/configuration.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace vpn::cli {
namespace fs = std::filesystem;
namespace {

std::string absolute(const std::string& path) {
  std::error_code error;
  const fs::path full = fs::absolute(path, error);
  return (error ? fs::path(path) : full).lexically_normal().string();
}

}  // namespace

bool LintRules::selects(const findings::CodeInfo& code) const {
  return (select.empty() || any_matches(select, code)) && !any_matches(ignore, code);
}

void LintRules::overlay(const LintRules& over) {
  if (!over.platforms.empty()) platforms = over.platforms;
  if (over.os_version) os_version = over.os_version;
  if (over.supervised) supervised = over.supervised;
  if (!over.select.empty()) select = over.select;
  ignore.insert(ignore.end(), over.ignore.begin(), over.ignore.end());
  severity.insert(severity.end(), over.severity.begin(), over.severity.end());
}

LintRules Configuration::rules_for(const std::string& profile) const {
  LintRules result = rules;
  const std::string relative = fs::path(absolute(profile)).lexically_relative(folder).string();
  for (const PathRules& p : paths) {
    const auto matches = [&](const std::string& glob) {
      const std::string pattern = glob.ends_with('/') ? glob + "*" : glob;
      return ::fnmatch(pattern.c_str(), relative.c_str(), 0) == 0;
    };
    if (std::any_of(p.globs.begin(), p.globs.end(), matches)) result.overlay(p.rules);
  }
  return result;
}

Result<const Configuration*> ConfigurationFinder::governing(const std::string& profile) {
  std::vector<std::string> passed;
  const Configuration* found = nullptr;
  for (fs::path at = fs::path(absolute(profile == "-" ? "stdin" : profile)).parent_path();; at = at.parent_path()) {
    if (const auto known = by_folder_.find(at.string()); known != by_folder_.end()) {
      found = known->second;
      break;
    }
    passed.push_back(at.string());
    std::error_code error;
    if (const fs::path file = at / configuration_file_name; fs::exists(file, error)) {
      auto read = read_configuration(file.string());
      if (!read) return tl::unexpected(read.error());
      found = read_.emplace_back(std::make_unique<Configuration>(std::move(*read))).get();
      break;
    }
    if (at == at.parent_path()) break;
  }
  for (std::string& folder : passed) by_folder_.emplace(std::move(folder), found);
  return found;
}

Result<schema::Version> parse_version(std::string_view text) {
  schema::Version version;
  if (!schema::Version::parse(text, version))
    return fail(ErrorKind::usage, "'" + std::string(text) + "' is no version of an operating system", {},
                "for instance 18 or 10.15.4");
  return version;
}

Result<std::vector<policy::Platform>> parse_platforms(const std::vector<std::string>& words) {
  std::vector<policy::Platform> platforms;
  for (const std::string& word : words) {
    policy::Platform platform{};
    if (!policy::parse(word, platform))
      return fail(ErrorKind::usage, "'" + word + "' is no platform", {},
                  "ios, macos, visionos, tvos, watchos or linux");
    if (std::find(platforms.begin(), platforms.end(), platform) == platforms.end()) platforms.push_back(platform);
  }
  return platforms;
}

}  // namespace vpn::cli
