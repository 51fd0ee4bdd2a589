// What a scene's verdicts amount to, in sentences. Internal to compiler/report.
#pragma once

#include <string>
#include <vector>

#include "compiler/report/model.h"

namespace vpn::report {

/// Read off the verdicts of the ordinary internet: for the apps that the VPN governs, and for all others.
std::vector<std::string> promise(const policy::Policy& policy, const Scene& scene);

}  // namespace vpn::report
