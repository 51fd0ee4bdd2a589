// One device through all stages of `vpnprofile ci`: lint, compile, test, prove, diff.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/analyse/diff.h"
#include "compiler/ci/report.h"
#include "compiler/cli/ci_base.h"
#include "compiler/cli/ci_plan.h"
#include "compiler/cli/test_run.h"

namespace vpn::cli {

struct CiSettingsOfRun {
  LintSettings lint;
  std::string fail_on;
  Result<std::vector<analyse::Expected>>
      expected;        ///< changes that are no failure and not told; or why they are not known
  bool color = false;  ///< of the stages' texts
  format::Options format;
};

class CiRun {
 public:
  /// `base` null: there is nothing to compare with.
  CiRun(CiSettingsOfRun settings, CiBase* base) : settings_(std::move(settings)), base_(base) {}

  /// What could not be read, or asked, fails the stage that wanted it, and is one of problems().
  ci::Device run(const CiDevice& device);
  /// What is no verdict on a device, as a file that cannot be read, or an unknown revision; each once. Texts of stages
  /// for people leave it out.
  const std::vector<Error>& problems() const { return problems_; }
  /// All files that were read beside those of ci::Device: none may be written.
  const std::vector<std::string>& files() const { return files_; }

 private:
  CompileSettings compile_settings(const CiDevice& device) const;
  Result<std::vector<model::MappedApp>> app_map(const CiDevice& device);
  const Built& build(const CiDevice& device, ci::Device& out);
  ci::Stage lint(const Built& built, bool is_whole) const;
  ci::Stage compile(const Built& built) const;
  ci::Stage test(const CiDevice& device);
  ci::Stage prove(const CiDevice& device, const policy::Policy* policy);
  ci::Stage diff(const CiDevice& device, const policy::Policy* policy);
  /// The stage that an error ended which is one of problems().
  ci::Stage stopped(const char* stage, const Error& error);
  void note(const Error& error);

  CiSettingsOfRun settings_;
  CiBase* base_;
  std::vector<std::unique_ptr<Built>> built_;  ///< findings point into their documents
  std::vector<Error> problems_;
  std::vector<std::string> files_;
};

}  // namespace vpn::cli
