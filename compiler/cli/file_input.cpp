#include "compiler/cli/file_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vpn::cli {

Result<std::string> read_input(const std::string& path, std::size_t limit) {
  const bool standard = path == "-";
  const int fd = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const auto unreadable = [&](const std::string& why) {
    return fail(ErrorKind::unreadable, "cannot read the file: " + why, path);
  };
  if (fd < 0) return unreadable(std::strerror(errno));
  std::string out;
  std::string fault;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      fault = std::strerror(errno);
    else if (out.size() + static_cast<std::size_t>(n) > limit)
      fault = "it is larger than " + std::to_string(limit >> 20) + " MiB";
    if (!fault.empty()) break;
    out.append(buffer, static_cast<std::size_t>(n));
  }
  if (!standard) ::close(fd);
  if (!fault.empty()) return unreadable(fault);
  return out;
}

Result<std::string> inline_or_file(const std::string& argument) {
  if (argument.starts_with('@')) return read_input(argument.substr(1));
  return argument;
}

Result<void> check_standard_input(const Arguments& arguments, std::initializer_list<std::string_view> options) {
  std::vector<std::string> files = arguments.positional();
  for (const std::string_view option : options)
    for (std::string& file : arguments.all(option)) files.push_back(std::move(file));
  if (std::count(files.begin(), files.end(), "-") <= 1) return {};
  return fail(ErrorKind::usage, "only one of the files can come from standard input", {},
              "write the others to files first");
}

}  // namespace vpn::cli
