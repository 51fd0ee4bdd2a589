// All profiles of one device into one policy: read, lint, model, lower, verify, write.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/cli/lint_run.h"
#include "compiler/lower/lower.h"
#include "compiler/model/build.h"
#include "compiler/model/secret.h"
#include "policy/policy.h"

namespace vpn::cli {

struct CompileSettings {
  LintSettings lint;
  model::BuildOptions build;
  lower::Options lower;
  bool wants_notes = true;  ///< false: findings of severity note need not be kept
};

struct Device {
  std::vector<std::string> files;  ///< in the order that counts
  std::string output;              ///< "-": standard output
  std::string secrets;             ///< where secrets go that are not sealed
};

/// A policy in memory, and what was found on the way to it. The judged documents live on, for their findings to be
/// printed.
struct Built {
  Judged judged;
  std::vector<std::string> names;        ///< of the files that were read
  std::vector<Error> problems;           ///< why there is no policy, findings aside
  bool refused = false;                  ///< findings of severity error
  std::optional<policy::Policy> policy;  ///< verified by its own reader; nothing: refused, or there are problems
  model::Secret secrets;                 ///< that are not sealed: content of the file of secrets
};

/// Gives the text of a file; unless said, the file's own.
using ReadFile = std::function<Result<std::unique_ptr<document::Source>>(const std::string& path)>;

/// Reads, lints, models, lowers and verifies the profiles of one device, in the order given. `run` must not be used by
/// another thread meanwhile.
Built build_device(LintRun& run, const CompileSettings& settings, const std::vector<std::string>& files,
                   const ReadFile& read = {});

/// Puts a file in its place, as lower::write_file() does.
using WriteFile = std::function<Result<void>(const std::string& path, std::span<const std::byte> bytes, unsigned mode)>;

/// What came of one device; policy and secrets have been handed to WriteFile.
struct Compilation : Built {
  std::string summary;  ///< one line, when a policy was written
  std::string warning;  ///< one line, about what was found at the output; empty: nothing

  bool written() const { return problems.empty() && !refused; }
};

/// `run` must not be used by another thread meanwhile. Nothing is written unless everything went well.
Compilation compile_device(LintRun& run, const CompileSettings& settings, const Device& device, const WriteFile& write);

}  // namespace vpn::cli
