// vpnagentctl.
#include <csignal>

#include "agent/control/ctl/commands.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return vpn::cli::run_program(vpn::agent::ctl::vpnagentctl, argc, argv);
}
