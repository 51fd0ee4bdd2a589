// The few settings of the kernel's network stack that the guard needs. What was there before is kept, for whoever takes
// the guard away.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace vpn::agent {

struct Sysctl {
  std::string_view name;  ///< below /proc/sys/net, with slashes
  std::string_view value;
  std::string_view why;  ///< for docs and people
};

/// What is set, in the order in which it is set (docs/operations.md lists the same).
const std::vector<Sysctl>& needed_sysctls();

/// Sets them and gives what was there before, as lines "name=value". One that does not exist (no IPv6) is passed over.
/// `root` is /proc/sys/net. Errors: `environment`.
Result<std::string> set_sysctls(const std::string& root);
/// Interfaces whose packets are judged by where they come from (tunnels, inner bridges): strict reverse path filtering
/// asks the routes without a mark, and drops what came by the route of some apps only. It is made loose there.
void loosen_reverse_path(const std::string& root, const std::vector<std::string>& interfaces);
/// Puts the lines of set_sysctls() back; lines that name none of the needed ones are passed over.
void restore_sysctls(const std::string& root, std::string_view lines);

}  // namespace vpn::agent
