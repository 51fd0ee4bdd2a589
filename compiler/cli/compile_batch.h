// A fleet: one policy for each sub-folder, over all cores.
#pragma once

#include <string>
#include <vector>

#include "compiler/cli/compile_device.h"

namespace vpn::cli {

struct Fleet {
  std::vector<Device> devices;  ///< by name of their sub-folder
  std::vector<Error> problems;  ///< of sub-folders that cannot be read or hold no profile
  std::size_t strays = 0;       ///< *.mobileconfig that lie in no sub-folder
};

/// The sub-folders of `folder`, hidden ones aside; each gives OUTPUT/NAME.vpnpolicy.
Result<Fleet> collect_fleet(const std::string& folder, const std::string& output);

/// Compiles every device; one that fails does not stop the others. In the order of `devices`; those without findings
/// keep no documents. `jobs` 0: one thread for each core.
std::vector<Compilation> compile_fleet(const CompileSettings& settings, const std::vector<Device>& devices,
                                       unsigned jobs);

}  // namespace vpn::cli
