// vpnprofile: dispatch to a subcommand.
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "compiler/cli/command.h"
#include "compiler/cli/help.h"

int main(int argc, char** argv) {
  using namespace vpn::cli;
  std::signal(SIGPIPE, SIG_IGN);
  if (argc < 2) {
    std::fputs(program_help().c_str(), stderr);
    return Exit::usage;
  }
  const std::string_view word = argv[1];
  if (word == "--help" || word == "-h" || word == "help") return print(program_help()) ? Exit::ok : Exit::unreadable;
  if (word == "--version") return print(version_text()) ? Exit::ok : Exit::unreadable;
  const Command* command = find_command(word);
  if (command == nullptr)
    return report({vpn::ErrorKind::usage, "unknown command '" + std::string(word) + "'", {}, suggestion(word)});
  const auto arguments = parse(*command, argc - 1, argv + 1);
  if (!arguments) return report(arguments.error());
  set_color(arguments->get("color"));
  if (arguments->has("help")) return print(command_help(*command)) ? Exit::ok : Exit::unreadable;
  if (arguments->has("version")) return print(version_text()) ? Exit::ok : Exit::unreadable;
  return command->run(*arguments);
}
