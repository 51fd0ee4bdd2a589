// What a policy lets past its VPNs and why, and which addresses it names. Internal to compiler/report.
#pragma once

#include <string>
#include <vector>

#include "compiler/report/model.h"
#include "compiler/report/report.h"

namespace vpn::report {

struct Exception {
  std::string vpn;     ///< name of the VPN
  std::string title;   ///< "Local networks stay outside"
  std::string reason;  ///< why there is such a thing
  std::string rule;    ///< "S5.c"; several: the first
  std::uint32_t source = policy::none;
  bool is_default = false;  ///< the schema says so, not the profile
  bool keeps_in = false;    ///< no way out: an action that blocks
};

/// In the order of the rules. At most `most` for apps, the rest as one entry.
std::vector<Exception> exceptions(const policy::Policy& policy);

/// Addresses that belong together: of one service, one rule, one setting.
struct Space {
  std::string title, note;
  std::vector<policy::Prefix> prefixes;
  std::uint32_t source = policy::none;
};
/// Those of the policy, and the routes of the reader's own states.
std::vector<Space> spaces(const policy::Policy& policy, const std::vector<NamedState>& own = {});

}  // namespace vpn::report
