// 'vpnagentctl answer': what a tunnel asks for, from the terminal or from standard input, to the agent.
#pragma once

#include "console/command.h"

namespace vpn::agent::ctl {

int run_answer(const cli::Arguments& arguments);

}  // namespace vpn::agent::ctl
