// A program and its subcommands, as data.
#pragma once

#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "console/options.h"

namespace vpn::cli {

/// Exit codes of docs/cli.md.
enum Exit : int { ok = 0, findings = 1, usage = 2, unreadable = 3, environment = 4 };

struct Command {
  std::string_view name;
  std::string_view summary;     ///< one line
  std::string_view positional;  ///< "PATH…"; empty: none
  int min_positional = 0;
  int max_positional = 0;           ///< -1: any number
  std::span<const Option> options;  ///< without the common ones: --help, --version, --color
  std::string_view example;         ///< lines for --help, each "  PROGRAM …"
  int (*run)(const Arguments& arguments);
};

/// A program of ours: --help, completions and the man page are made from this.
struct Program {
  std::string_view name;                     ///< "vpnprofile"
  std::string_view summary;                  ///< for the man page's NAME
  std::string_view about;                    ///< one sentence, the first of --help
  std::string_view description;              ///< for the man page, plain text
  std::string_view more;                     ///< further sections of the man page, troff
  std::span<const Command* const> commands;  ///< in the order of help; the only one of a program without subcommands
  bool single = false;                       ///< without subcommands: the command bears the program's name
  int section = 1;                           ///< of the manual
};

/// Which program this is; to be set first of all. It must live on.
void set_program(const Program& program);
const Program& program();
std::span<const Command* const> commands();
/// "vpnprofile lint", or "vpnagentd" for a program without subcommands.
std::string full_name(const Command& command);

/// All of main(): finds the subcommand, parses, runs; --help, --version, --print-completion, --print-man. Exit code.
int run_program(const Program& program, int argc, char** argv);

/// Errors: ErrorKind::usage, with a hint in `help`.
Result<Arguments> parse(const Command& command, int argc, const char* const* argv);

/// The text with a sign in place of each control character: nothing that a file's name holds reaches the terminal.
std::string without_controls(std::string_view text);

/// Prints an error for people on standard error ("error: what", where, help) and gives its exit code.
int report(const Error& error);
/// The same for each; the highest exit code, Exit::ok where there is none.
int report_all(std::span<const Error> errors);

/// What an exception of the standard library means for people: most of all that there is no memory left.
Error cannot_go_on(const std::exception& exception, const std::string& where);

/// Whether results on this stream (1, 2) are coloured: --color auto|always|never, NO_COLOR, a terminal.
bool use_color(int descriptor);
void set_color(std::string_view mode);

/// Writes to standard output; false (and a message) when that fails, as on a full disk. EPIPE ends quietly.
bool print(std::string_view text);

}  // namespace vpn::cli
