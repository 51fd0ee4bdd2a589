// main() of every program: dispatch to a subcommand.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "console/command.h"
#include "console/completion.h"
#include "console/help.h"

namespace vpn::cli {
namespace {

int printed(const std::string& text) { return print(text) ? Exit::ok : Exit::unreadable; }

/// What packaging calls at build time; not in --help.
int print_completion(std::string_view shell) {
  const std::string script = completion(shell);
  if (!script.empty()) return printed(script);
  return report({ErrorKind::usage, "no completion for '" + std::string(shell) + "'", {}, "one of bash, zsh, fish"});
}

int run_command(const Command& command, int argc, char** argv) {
  const auto arguments = parse(command, argc, argv);
  if (!arguments) return report(arguments.error());
  set_color(arguments->get("color"));
  if (arguments->has("help")) return printed(command_help(command));
  if (arguments->has("version")) return printed(version_text());
  return command.run(*arguments);
}

int run(int argc, char** argv) {
  const std::string_view word = argc < 2 ? std::string_view() : argv[1];
  if (word == "--print-completion") return print_completion(argc > 2 ? argv[2] : "");
  if (word == "--print-man") return printed(man_page());
  if (program().single) return run_command(*commands().front(), argc, argv);
  if (argc < 2) {
    std::fputs(program_help().c_str(), stderr);
    return Exit::usage;
  }
  const bool asks_help = word == "--help" || word == "-h" || word == "help";
  if (asks_help && (argc == 2 || *argv[2] == '-')) return printed(program_help());
  if (word == "--version") return printed(version_text());
  const std::string_view name = asks_help ? argv[2] : word;
  const Command* command = find_command(name);
  if (command == nullptr)
    return report({ErrorKind::usage, "unknown command '" + std::string(name) + "'", {}, suggestion(name)});
  return asks_help ? printed(command_help(*command)) : run_command(*command, argc - 1, argv + 1);
}

}  // namespace

int run_program(const Program& which, int argc, char** argv) {
  set_program(which);
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {  // of the standard library: no memory left
    return report(cannot_go_on(e, {}));
  }
}

}  // namespace vpn::cli
