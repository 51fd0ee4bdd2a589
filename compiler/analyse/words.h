// Classes of flows and states in words.
#pragma once

#include <string>
#include <vector>

#include "compiler/analyse/space.h"

namespace vpn::analyse {

/// "on Wi-Fi 'Corp', behind a captive portal, while 'Work' is connecting".
std::string state_words(const Space& space, const State& state);

/// "a, b and c"; beyond `most` "a, b and 7 more".
std::string listed(const std::vector<std::string>& words, std::size_t most = 6, const char* last = " and ");

}  // namespace vpn::analyse
