// vpnprofile.
#include <csignal>

#include "compiler/cli/commands.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return vpn::cli::run_program(vpn::cli::vpnprofile, argc, argv);
}
