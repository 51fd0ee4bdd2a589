// Ways by which apps ask for names that no hook sees, because another process asks for them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vpn::agent::dns {

/// Services of the line `hosts:` of an nsswitch.conf that ask over a Unix socket: "resolve", "sss".
std::vector<std::string> hidden_services(std::string_view nsswitch);

}  // namespace vpn::agent::dns
