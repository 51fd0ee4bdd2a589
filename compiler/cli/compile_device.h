// All profiles of one device into one policy: read, lint, model, lower, verify, write.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/cli/lint_run.h"
#include "compiler/lower/lower.h"
#include "compiler/model/build.h"

namespace vpn::cli {

struct CompileSettings {
  LintSettings lint;
  model::BuildOptions build;
  lower::Options lower;
};

struct Device {
  std::vector<std::string> files;  ///< in the order that counts
  std::string output;              ///< "-": standard output
  std::string secrets;             ///< where secrets go that are not sealed
};

/// What came of one device. The judged documents live on, for their findings to be printed.
struct Compilation {
  Judged judged;
  std::vector<std::string> names;  ///< of the files that were read
  std::vector<Error> problems;     ///< why there is no policy, findings aside
  std::string summary;             ///< one line, when a policy was written
  std::string warning;             ///< one line, about what was found at the output; empty: nothing
  bool refused = false;            ///< findings of severity error

  bool written() const { return problems.empty() && !refused; }
};

/// `run` must not be used by another thread meanwhile. Nothing is written unless everything went well.
Compilation compile_device(LintRun& run, const CompileSettings& settings, const Device& device);

}  // namespace vpn::cli
