// vpnagent-dbus: the agent for desktop tools, on D-Bus.
#include "agent/desktop/bus.h"
#include "console/command.h"

namespace {

using namespace vpn;

constexpr cli::Option options[] = {
    {"control", 0, "SOCKET", "the agent's socket; /run/vpnprofile/control.sock unless said", {}},
    {"bus", 0, "ADDRESS", "of the message bus; the system's unless said", {}},
};

int run(const cli::Arguments& arguments) {
  agent::desktop::Options o;
  o.control = arguments.get("control", "/run/vpnprofile/control.sock");
  o.bus = arguments.get("bus");
  auto bridge = agent::desktop::Bridge::open(o);
  if (!bridge) return cli::report(bridge.error());
  if (auto done = (*bridge)->run(); !done) return cli::report(done.error());
  return cli::Exit::ok;
}

const cli::Command command{
    "vpnagent-dbus",
    "offers the agent to desktop tools as org.vpnprofile.Agent1 on the system's D-Bus",
    {},
    0,
    0,
    options,
    "  vpnagent-dbus --control /run/vpnprofile/control.sock",
    run,
};
const cli::Command* const commands[] = {&command};

const cli::Program program{
    "vpnagent-dbus",
    "offer the VPN agent to desktop tools",
    {},
    "Started with vpnagentd, or by D-Bus when a desktop tool asks for org.vpnprofile.Agent1. Tells status and changes "
    "of it, connects "
    "and\n"
    "disconnects tunnels for whom Polkit lets, and where the policy lets anybody. It asks vpnagentd over its control\n"
    "socket, as vpnagentctl does, and tells it what logind says of sleep and NetworkManager of networks.",
    ".SH EXIT STATUS\n.TP\n.B 0\nIt was asked to end.\n.TP\n.B 2\nWrong usage.\n.TP\n.B 4\nThere is no bus, or the "
    "name is "
    "taken.\n",
    commands,
    true,
    8,
};

}  // namespace

int main(int argc, char** argv) { return cli::run_program(program, argc, argv); }
