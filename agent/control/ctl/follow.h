// Commands that go on until somebody ends them: drops --follow, watch, notify.
#pragma once

#include <span>

#include "console/command.h"

namespace vpn::agent::ctl {

std::span<const cli::Option> drops_options();
int run_drops(const cli::Arguments& arguments);

int run_watch(const cli::Arguments& arguments);

std::span<const cli::Option> notify_options();
int run_notify(const cli::Arguments& arguments);

}  // namespace vpn::agent::ctl
