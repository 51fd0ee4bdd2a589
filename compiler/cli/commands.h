// Every subcommand, each defined in its own NAME_command.cpp.
#pragma once

#include <array>

#include "console/command.h"

namespace vpn::cli {

extern const Command ci_command;
extern const Command compile_command;
extern const Command diff_command;
extern const Command dump_command;
extern const Command explain_command;
extern const Command lint_command;
extern const Command lsp_command;
extern const Command report_command;
extern const Command prove_command;
extern const Command schema_command;
extern const Command simulate_command;
extern const Command test_command;
extern const Command verify_command;

extern const Program vpnprofile;

}  // namespace vpn::cli
