// vpnagentctl's subcommands.
#pragma once

#include "console/command.h"

namespace vpn::agent::ctl {

extern const cli::Program vpnagentctl;

}  // namespace vpn::agent::ctl
