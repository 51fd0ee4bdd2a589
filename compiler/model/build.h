// From documents to the model.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/document/document.h"
#include "compiler/model/model.h"
#include "policy/result.h"

namespace vpn::model {

struct BuildOptions {
  policy::Platform platform = policy::Platform::linux;  ///< whose defaults apply
  std::span<const MappedApp> app_map;                   ///< from read_app_map(); must outlive the model
};

/// Reads an app map (JSON or YAML, docs/cli.md). Sorted by identifier. Errors name the entry; unknown keys are errors.
Result<std::vector<MappedApp>> read_app_map(const std::string& path);

/// Builds the model of one device from documents that lint found free of errors, in the order given; they must outlive
/// it. Tolerant: what lint warns about is read as lint says. What lint refuses is read in some way, too, and never
/// crashes.
Model build(std::span<const document::Document* const> documents, const BuildOptions& options);

}  // namespace vpn::model
