// The app map (docs/cli.md): bundle identifiers to what they are on this platform.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace vpn::policy {

/// An entry of the app map.
struct MappedApp {
  std::string identifier;
  std::uint32_t roles = 0;
  bool has_roles = false;  ///< the app map says which: they replace those of a well-known app
  std::vector<std::string> paths;
  std::string flatpak, snap, cgroup, vpn;  ///< vpn: VPNUUID, upper case
  std::vector<std::uint8_t> digest;
};

/// Sorted by identifier. Errors name the entry; unknown keys are errors. `path` is for errors only.
Result<std::vector<MappedApp>> parse_app_map(const std::string& path, std::string_view text);

}  // namespace vpn::policy
