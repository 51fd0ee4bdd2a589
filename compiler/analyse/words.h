// Classes of flows and states in words.
#pragma once

#include <string>
#include <vector>

#include "compiler/analyse/cover.h"
#include "compiler/analyse/space.h"

namespace vpn::analyse {

/// "on Wi-Fi 'Corp', behind a captive portal, 'Work' connecting".
std::string state_words(const Space& space, const State& state);

/// A set of them: "on Wi-Fi or cellular; 'Work' connecting or disconnected"; "always" for all.
std::string state_words(const Space& space, const Numbers& states);
/// "any app but com.example.mail", "com.example.mail to names in no list".
std::string who_words(const Space& space, const Numbers& whos);
/// "anywhere but local networks", of indexes into Space::places(); with states given by the user "10.0.0.0/8 less
/// 10.10.0.0/16".
std::string place_words(const Space& space, const Numbers& places);
/// "any protocol", "TCP 443 and 5223", of indexes into Space::ports().
std::string port_words(const Space& space, const Numbers& ports);

/// "a, b and c"; beyond `most` "a, b and 7 more".
std::string listed(const std::vector<std::string>& words, std::size_t most = 6, const char* last = " and ",
                   const char* between = ", ");

/// The fewest prefixes that make up ranges of addresses, ascending and apart.
std::vector<policy::Prefix> prefixes_of(const std::vector<std::pair<policy::Address, policy::Address>>& ranges);

}  // namespace vpn::analyse
