// Every subcommand, each defined in its own NAME_command.cpp.
#pragma once

#include <array>

#include "compiler/cli/command.h"

namespace vpn::cli {

// extern const Command lint_command;  … and so on, one line each; commands.cpp lists them in the order of help.

}  // namespace vpn::cli
