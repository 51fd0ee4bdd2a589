// A subcommand of vpnprofile: one file each, registered in commands.cpp.
#pragma once

#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "compiler/cli/options.h"

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
  std::string_view example;         ///< lines for --help, each "  vpnprofile …"
  int (*run)(const Arguments& arguments);
};

std::span<const Command* const> commands();  ///< in the order of help

/// Errors: ErrorKind::usage, with a hint in `help`.
Result<Arguments> parse(const Command& command, int argc, const char* const* argv);

/// Prints an error for people on standard error ("error: what", where, help) and gives its exit code.
int report(const Error& error);

/// What an exception of the standard library means for people: most of all that there is no memory left.
Error cannot_go_on(const std::exception& exception, const std::string& where);

/// Whether results on this stream (1, 2) are coloured: --color auto|always|never, NO_COLOR, a terminal.
bool use_color(int descriptor);
void set_color(std::string_view mode);

/// Writes to standard output; false (and a message) when that fails, as on a full disk. EPIPE ends quietly.
bool print(std::string_view text);

}  // namespace vpn::cli
