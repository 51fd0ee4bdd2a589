// The policies of a revision that `vpnprofile ci --base` compares with.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/ci/git.h"
#include "compiler/cli/ci_plan.h"
#include "compiler/cli/compile_device.h"

namespace vpn::cli {

class CiBase {
 public:
  explicit CiBase(std::string revision) : revision_(std::move(revision)) {}

  struct Old {
    std::optional<policy::Policy> policy;
    std::string why_not;  ///< why there is none
  };
  /// The device as it was, its files read from git. Errors: no repository, an unknown revision, files that git cannot
  /// give.
  Result<Old> build(const CiDevice& device, CompileSettings settings);

 private:
  struct At {
    ci::Repository repository;
    std::string commit;
  };
  Result<const At*> at(const std::string& path);
  /// Names as the user would give them now, with their texts, in the order of compile.
  Result<std::vector<std::pair<std::string, std::string>>> profiles(const At& at, const CiDevice& device) const;
  Result<std::vector<model::MappedApp>> app_map(const At& at, const CiDevice& device) const;

  std::string revision_;
  std::map<std::string, At> repositories_;
};

}  // namespace vpn::cli
