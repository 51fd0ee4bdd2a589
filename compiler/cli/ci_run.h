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
  std::vector<analyse::Expected> expected;  ///< changes that are no failure and not told
  bool color = false;                       ///< of the stages' texts
  format::Options format;
};

class CiRun {
 public:
  /// `base` null: there is nothing to compare with.
  CiRun(CiSettingsOfRun settings, CiBase* base) : settings_(std::move(settings)), base_(base) {}

  /// Errors: what is no verdict on the device, as a file that cannot be read, or an unknown revision.
  Result<ci::Device> run(const CiDevice& device);

 private:
  Result<CompileSettings> compile_settings(const CiDevice& device);
  ci::Stage lint(const Built& built) const;
  ci::Stage compile(const Built& built) const;
  ci::Stage test(const CiDevice& device) const;
  Result<ci::Stage> prove(const CiDevice& device, const policy::Policy* policy) const;
  Result<ci::Stage> diff(const CiDevice& device, const policy::Policy* policy, const CompileSettings& settings);

  CiSettingsOfRun settings_;
  CiBase* base_;
  std::vector<std::unique_ptr<Built>> built_;  ///< findings point into their documents
  std::vector<std::unique_ptr<std::vector<model::MappedApp>>> app_maps_;
};

}  // namespace vpn::cli
