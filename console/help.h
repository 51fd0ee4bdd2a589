// Texts of --help and --version.
#pragma once

#include <string>
#include <string_view>

#include "console/command.h"

namespace vpn::cli {

std::string program_help();
std::string command_help(const Command& command);
std::string version_text();                          ///< "vpnprofile 0.1.0\n"
const Command* find_command(std::string_view name);  ///< null: unknown
std::string suggestion(std::string_view word);       ///< "did you mean 'lint'?", or a pointer to --help

std::string option_suggestion(const Command& command, std::string_view option);  ///< the same for "--fromat"

}  // namespace vpn::cli
