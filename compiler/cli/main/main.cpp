// vpnprofile: dispatch to a subcommand.
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "compiler/cli/command.h"
#include "compiler/cli/completion.h"
#include "compiler/cli/help.h"

namespace {

using namespace vpn::cli;

int printed(const std::string& text) { return print(text) ? Exit::ok : Exit::unreadable; }

/// What packaging calls at build time; not in --help.
int print_completion(std::string_view shell) {
  const std::string script = completion(shell);
  if (!script.empty()) return printed(script);
  return report(
      {vpn::ErrorKind::usage, "no completion for '" + std::string(shell) + "'", {}, "one of bash, zsh, fish"});
}

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fputs(program_help().c_str(), stderr);
    return Exit::usage;
  }
  const std::string_view word = argv[1];
  if (word == "--help" || word == "-h" || word == "help") {
    const Command* about = argc > 2 ? find_command(argv[2]) : nullptr;
    return printed(about == nullptr ? program_help() : command_help(*about));
  }
  if (word == "--version") return printed(version_text());
  if (word == "--print-completion") return print_completion(argc > 2 ? argv[2] : "");
  if (word == "--print-man") return printed(man_page());
  const Command* command = find_command(word);
  if (command == nullptr)
    return report({vpn::ErrorKind::usage, "unknown command '" + std::string(word) + "'", {}, suggestion(word)});
  const auto arguments = parse(*command, argc - 1, argv + 1);
  if (!arguments) return report(arguments.error());
  set_color(arguments->get("color"));
  if (arguments->has("help")) return printed(command_help(*command));
  if (arguments->has("version")) return printed(version_text());
  return command->run(*arguments);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {  // of the standard library: no memory left
    return report(cannot_go_on(e, {}));
  }
}
