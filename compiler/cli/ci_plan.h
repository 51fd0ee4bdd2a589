// Which devices `vpnprofile ci` looks at: what the command line names, or the section `ci` of .vpnprofile.yaml.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "console/options.h"
#include "policy/result.h"
#include "policy/types.h"

namespace vpn::cli {

/// The profiles of one device, and what is known of it.
struct CiDevice {
  std::string name;
  std::vector<std::string> paths;     ///< files and folders; empty: scenario files only
  std::vector<std::string> app_maps;  ///< the first that exists counts
  bool app_map_is_named = false;      ///< then it must exist
  std::optional<policy::Platform> platform;
  std::vector<std::string> tests;  ///< scenario files
  std::vector<std::string> prove;  ///< properties and files of them
};

struct CiPlan {
  std::vector<CiDevice> devices;
  std::string fail_on;        ///< "risk", "any", "never"
  std::string configuration;  ///< the file it is from; empty: none
};

/// Errors: usage where there is nothing to look at; of the configuration.
Result<CiPlan> plan_ci(const Arguments& arguments);

/// The app map of a device that is named, else the first that exists; empty: none.
std::string app_map_of(const CiDevice& device);

}  // namespace vpn::cli
