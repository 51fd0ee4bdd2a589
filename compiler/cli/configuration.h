// .vpnprofile.yaml: how to lint the profiles below the folder it stands in (docs/cli.md, "Configuration").
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/cli/code_pattern.h"
#include "compiler/findings/findings.h"
#include "compiler/schema/schema.h"
#include "policy/result.h"
#include "policy/types.h"

namespace vpn::cli {

/// What to check and how to judge it.
struct LintRules {
  std::vector<policy::Platform> platforms;
  std::optional<schema::Version> os_version;
  std::optional<bool> supervised;
  std::vector<CodePattern> select;  ///< empty: every code
  std::vector<CodePattern> ignore;
  std::vector<std::pair<CodePattern, findings::Severity>> severity;  ///< the last that matches wins

  bool selects(const findings::CodeInfo& code) const;
  /// Lets what `over` says win: lists of platforms and selected codes replace, the others add.
  void overlay(const LintRules& over);
};

/// The section `ci`: what `vpnprofile ci` looks at. Paths are absolute, or as PATHs of the command line.
struct CiSettings {
  struct Device {
    std::string name;
    std::vector<std::string> paths;
    std::string app_map;  ///< empty: the one beside
    std::optional<policy::Platform> platform;
    std::vector<std::string> tests;  ///< besides those beside
    std::optional<std::vector<std::string>> prove;
  };
  std::vector<Device> devices;
  std::optional<std::vector<std::string>> prove;
  std::string fail_on;  ///< "risk", "any", "never"; empty: not said
};

struct Configuration {
  struct PathRules {
    std::vector<std::string> globs;  ///< relative to the folder; '*' also matches '/'
    LintRules rules;
  };
  std::string file;    ///< its path
  std::string folder;  ///< absolute
  LintRules rules;
  std::vector<PathRules> paths;
  CiSettings ci;

  LintRules rules_for(const std::string& profile) const;
};

inline constexpr std::string_view configuration_file_name = ".vpnprofile.yaml";

/// Errors: unreadable; usage with the line, for what is no YAML, an unknown key or a value that makes no sense.
Result<Configuration> read_configuration(const std::string& path);

/// Finds and reads the file that governs a profile: the first .vpnprofile.yaml in its folder or above. Each is read
/// once.
class ConfigurationFinder {
 public:
  /// Null: there is none.
  Result<const Configuration*> governing(const std::string& profile);

 private:
  std::vector<std::unique_ptr<Configuration>> read_;
  std::map<std::string, const Configuration*> by_folder_;
};

/// "10.15.4" and so on. Errors: usage.
Result<schema::Version> parse_version(std::string_view text);
Result<std::vector<policy::Platform>> parse_platforms(const std::vector<std::string>& words);

}  // namespace vpn::cli
