// vpnagentd: holds a machine to its policy.
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>

#include "agent/control/agent.h"
#include "agent/control/journal.h"
#include "agent/control/notify.h"
#include "agent/control/providers.h"
#include "agent/files/files.h"
#include "agent/loop/asio_loop.h"
#include "agent/tunnel/wiped.h"
#include "console/command.h"

namespace {

using namespace vpn;

constexpr cli::Option options[] = {
    {"policy", 'p', "FILE", "the compiled policy to hold this machine to", {}},
    {"config", 0, "DIR", "folder with agent.yaml and apps.d; /etc/vpnprofile unless said", {}},
    {"state-dir", 0, "DIR", "what is kept between starts; /var/lib/vpnprofile unless said", {}},
    {"cgroup", 0, "PATH", "guard this part of cgroup v2 only; the whole machine unless said", {}},
    {"control", 0, "SOCKET", "where vpnagentctl asks; /run/vpnprofile/control.sock unless said", {}},
    {"bpf-dir", 0, "DIR", "where the guard is pinned, in a bpf file system; /sys/fs/bpf/vpn-guard unless said", {}},
    {"audit", 0, {}, "decide, count and log, but let everything pass", {}},
};

// With its fields where the journal listens, by a severity's prefix (sd-daemon(3)) where it only reads along; people
// see the text.
void log(const std::string& text, bool loud, const agent::LogFields& fields) {
  static const bool journal = agent::is_journal(STDERR_FILENO);
  if (journal && agent::send_to_journal(agent::journal_entry(text, loud, fields))) return;
  const std::string line = std::string(journal ? (loud ? "<4>" : "<6>") : "vpnagentd: ") + text + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string absolute(const std::string& path) {
  std::error_code ignored;
  const auto out = std::filesystem::absolute(path, ignored);
  return out.empty() ? path : out.string();
}

int run(const cli::Arguments& arguments) {
  if (!arguments.has("policy"))
    return cli::report({ErrorKind::usage, "which policy?", {}, "--policy FILE, made by 'vpnprofile compile'"});
  if (::geteuid() != 0)
    return cli::report(
        {ErrorKind::environment, "vpnagentd has to be started by root", {}, "systemctl start vpnagentd"});
  agent::AgentOptions o;
  o.policy = absolute(arguments.get("policy"));
  o.config_dir = absolute(arguments.get("config", "/etc/vpnprofile"));
  o.state_dir = absolute(arguments.get("state-dir", o.state_dir));
  o.control = absolute(arguments.get("control", o.control));
  o.bpf_dir = absolute(arguments.get("bpf-dir", o.bpf_dir));
  if (arguments.has("cgroup")) o.cgroup = absolute(arguments.get("cgroup"));
  o.audit = arguments.has("audit");
#ifdef __GLIBC__
  ::mallopt(M_ARENA_MAX, 1);  // threads are for the start only, and an arena that one leaves behind is half a megabyte
#endif
  if (!agent::lock_secrets(std::size_t{1} << 20))
    log("secrets cannot be kept from being swapped out (RLIMIT_MEMLOCK)", true, {});
  agent::AsioLoop loop;
  int code = cli::Exit::ok;
  std::unique_ptr<agent::Agent> running;
  const agent::Agent::Outside outside{log, agent::notify, [&](int exit_code) {
                                        code = exit_code;
                                        loop.stop();
                                      }};
  loop.on_signal({SIGTERM, SIGINT, SIGHUP}, [&](int signal) {
    if (signal == SIGHUP) {
      if (running != nullptr) running->reload();
      return;
    }
    log("ends; the guard stays in place", false, {});
    agent::notify("STOPPING=1");
    loop.stop();
  });
  auto started = agent::Agent::start(loop, o, agent::provider_factories(o), outside);
  if (!started) return cli::report(started.error());
  running = std::move(*started);
#ifdef __GLIBC__
  ::malloc_trim(0);  // a start takes megabytes for the kernel's types, and none of them later
#endif
  loop.run();
  return code;
}

const cli::Command command{
    "vpnagentd",
    "holds this machine to a compiled policy, in the kernel, whatever else happens to the machine",
    {},
    0,
    0,
    options,
    "  vpnagentd --policy /etc/vpnprofile/device.vpnpolicy",
    run,
};
const cli::Command* const commands[] = {&command};

const cli::Program program{
    "vpnagentd",
    "hold a machine to a VPN policy",
    {},
    "Takes a policy that vpnprofile compiled and holds the machine to it: eBPF programs judge every packet, a gate at\n"
    "the interfaces lets nothing pass that was not judged, and routes steer what a tunnel carries. What is in place\n"
    "stays in place when the agent ends, is killed or is upgraded; only 'vpnagentctl stop --remove-guard' takes it "
    "away.",
    ".SH SIGNALS\n.TP\n.B SIGHUP\nReads configuration, app maps and policy again.\n.TP\n.B SIGTERM\nEnds; the guard "
    "stays.\n"
    ".SH EXIT STATUS\n.TP\n.B 0\nIt was asked to end.\n.TP\n.B 1\nThe policy or the configuration is wrong.\n"
    ".TP\n.B 2\nWrong usage.\n.TP\n.B 3\nA file cannot be opened, read or written.\n"
    ".TP\n.B 4\nThe environment refused: no permission, no kernel support.\n",
    commands,
    true,
    8,
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return cli::run_program(program, argc, argv);
}
