#include "console/command.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace vpn::cli {
namespace {
std::string_view color_mode = "auto";
const Program* current = nullptr;
}  // namespace

void set_program(const Program& program) { current = &program; }
const Program& program() { return *current; }
std::span<const Command* const> commands() { return current->commands; }

std::string full_name(const Command& command) {
  const std::string name(program().name);
  return program().single ? name : name + " " + std::string(command.name);
}

void set_color(std::string_view mode) {
  if (mode == "always") color_mode = "always";
  if (mode == "never") color_mode = "never";
}

bool use_color(int descriptor) {
  if (color_mode == "always") return true;
  if (color_mode == "never") return false;
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == 0) && isatty(descriptor) == 1;
}

int report(const Error& error) {
  const bool color = use_color(2);
  std::string text = color ? "\x1b[1;31merror:\x1b[0m " : "error: ";
  if (!error.where.empty()) text += error.where + ": ";
  text += error.what + "\n";
  if (!error.help.empty()) text += "  help: " + error.help + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  switch (error.kind) {
    case ErrorKind::invalid_input:
      return Exit::findings;
    case ErrorKind::usage:
      return Exit::usage;
    case ErrorKind::unreadable:
      return Exit::unreadable;
    case ErrorKind::environment:
      break;
  }
  return Exit::environment;
}

Error cannot_go_on(const std::exception& exception, const std::string& where) {
  const bool no_memory = dynamic_cast<const std::bad_alloc*>(&exception) != nullptr;
  return {ErrorKind::environment,
          no_memory ? "there is not enough memory" : std::string("cannot go on: ") + exception.what(), where,
          no_memory ? "lift the limit of memory, or give fewer or smaller files" : ""};
}

bool print(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EPIPE) std::fprintf(stderr, "error: cannot write to standard output: %s\n", std::strerror(errno));
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace vpn::cli
