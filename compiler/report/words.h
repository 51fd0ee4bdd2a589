// Names of what a policy holds, as sentences use them. Internal to compiler/report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/analyse/format.h"
#include "compiler/report/model.h"

namespace vpn::report {

using analyse::grouped;  // "1,000,000"

/// "Company VPN", or its identifier where it has no name.
std::string tunnel_name(const policy::Policy& policy, std::uint32_t tunnel);
const char* list_name(fb::ListKind kind);  ///< "SafariDomains"
/// What all has to hold for an on-demand rule: "Wi-Fi", "named Office or Lab", …; none: it always holds.
std::vector<std::string> criteria(const fb::OnDemandRule& rule);
/// How the title of a group ends that is about the hosts of no list.
inline constexpr std::string_view other_hosts = ", to all other hosts";
/// Who that is: groups of named apps, and bits of Unnamed. `alone`: there is nobody else.
std::string senders_title(const std::vector<std::string>& groups, unsigned unnamed, bool alone);
std::string joined(const std::vector<std::string>& parts, const char* between, const char* last);
std::string quoted(std::string_view text);                                              ///< “text”
std::string counted(std::uint64_t count, std::string_view one, std::string_view many);  ///< "1,204 names"
std::string capital(std::string text);                                                  ///< first letter in upper case

}  // namespace vpn::report
