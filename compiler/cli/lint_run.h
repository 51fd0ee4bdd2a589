// Lint over the files of one call: which are judged together, with which rules, and what is left after ignore comments,
// selection and baseline.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/cli/baseline.h"
#include "compiler/cli/configuration.h"
#include "compiler/document/document.h"
#include "compiler/findings/findings.h"

namespace vpn::cli {

struct LintSettings {
  document::ReadOptions read;
  LintRules command_line;     ///< wins over configuration files
  std::string configuration;  ///< read in place of the one found; empty: look for it
  bool use_configuration = true;
  bool warnings_as_errors = false;
  bool one_device = true;  ///< false: files that are judged together only know each other's assets
  std::int64_t now = 0;    ///< seconds since 1970-01-01 UTC
  std::vector<std::string_view> secret_keys;
};

struct LintFile {
  std::size_t index = 0;  ///< in the order of the report
  std::string path;       ///< as given; "-" is standard input
  LintRules rules;
};

/// What is left of the findings about some files that were judged together. Owns the texts that findings point into.
struct Judged {
  std::vector<std::unique_ptr<document::Document>> documents;  ///< one for each file; null: could not be read
  findings::Sink sink;
  std::size_t errors = 0;
  std::size_t fatal = 0;  ///< findings that kept a file from being read: the last ones in `sink`
};

/// A file that --fix changes.
struct FixedFile {
  std::string path;
  std::string before, after;
  std::size_t findings = 0;  ///< that were mended
};

class LintRun {
 public:
  LintRun(const LintSettings& settings, std::optional<Baseline> baseline);

  /// The rules for one file, after its configuration. Errors: of the configuration; an OS version without a platform.
  Result<LintRules> rules_for(const std::string& path);

  /// Judges files of one device together. `sources` are theirs, in the same order.
  Judged judge(const std::vector<LintFile>& files, std::vector<std::unique_ptr<document::Source>> sources);

  /// Mends what `judged` found, in memory, until nothing is left to mend. Gives the changed files and what is found in
  /// them then; `refused` says which files were left alone and why.
  struct Mended {
    Judged judged;
    std::vector<FixedFile> files;
  };
  std::optional<Mended> mend(const std::vector<LintFile>& files, const Judged& judged,
                             std::vector<std::string>& refused);

  const std::optional<Baseline>& baseline() const { return baseline_; }

 private:
  bool can_mend(const Judged& judged, std::vector<std::string>& refused) const;
  void filter(const std::vector<LintFile>& files, Judged& judged);
  const LintSettings& settings_;
  std::optional<Baseline> baseline_;
  ConfigurationFinder finder_;
  std::optional<Configuration> given_;
};

/// Whether files are judged as one device's: JSON declarations of one folder under the same rules. Equal keys:
/// together.
std::string unit_key(const LintFile& file);

}  // namespace vpn::cli
