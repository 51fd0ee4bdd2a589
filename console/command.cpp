#include "console/command.h"

#include <unistd.h>

#include <algorithm>
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

std::string without_controls(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const unsigned char next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (byte < 0x20 || byte == 0x7f) {  // to Unicode's picture of it, U+2400 to U+2421
      out.append("\xe2\x90").push_back(static_cast<char>(byte == 0x7f ? 0xa1 : 0x80 + byte));
    } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {  // U+0080 to U+009F
      out += "\xef\xbf\xbd";
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

int report(const Error& error) {
  const bool color = use_color(2);
  std::string text = color ? "\x1b[1;31merror:\x1b[0m " : "error: ";
  if (!error.where.empty()) text += without_controls(error.where) + ": ";
  text += without_controls(error.what) + "\n";
  if (!error.help.empty()) text += "  help: " + without_controls(error.help) + "\n";
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

int report_all(std::span<const Error> errors) {
  int exit = Exit::ok;
  for (const Error& error : errors) exit = std::max(exit, report(error));
  return exit;
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
