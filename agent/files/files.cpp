#include "agent/files/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "agent/files/descriptor.h"

namespace vpn::agent {
namespace {

tl::unexpected<Error> refused(const char* what, const std::string& path) {
  return fail(ErrorKind::unreadable, std::string(what) + ": " + std::strerror(errno), path);
}

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(file, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return refused("cannot open the file", path);
  struct stat s {};
  if (::fstat(file.get(), &s) != 0) return refused("cannot read the file", path);
  if (!S_ISREG(s.st_mode)) return fail(ErrorKind::unreadable, "this is no regular file", path);
  std::string out;
  std::array<char, 16384> part{};
  for (;;) {
    const ssize_t n = ::read(file.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refused("cannot read the file", path);
    if (n == 0) return out;
    out.append(part.data(), static_cast<std::size_t>(n));
    if (out.size() > limit)
      return fail(ErrorKind::unreadable, "the file is larger than " + std::to_string(limit) + " bytes", path);
  }
}

Result<void> write_file(const std::string& path, std::string_view content, unsigned mode) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  std::string temporary = path + ".XXXXXX";
  {
    const Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
    if (file.get() < 0) return refused("cannot write the file", path);
    if (!write_all(file.get(), content) || ::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0 ||
        ::rename(temporary.c_str(), path.c_str()) != 0) {
      auto error = refused("cannot write the file", path);
      ::unlink(temporary.c_str());
      return error;
    }
  }
  const Descriptor parent(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() < 0 || ::fsync(parent.get()) != 0) return refused("cannot write the file's folder", folder);
  return {};
}

Result<void> make_folder(const std::string& path, unsigned mode) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(ErrorKind::unreadable, "cannot make the folder: " + error.message(), path);
  if (::chmod(path.c_str(), mode) != 0) return refused("cannot set the folder's permissions", path);
  return {};
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
      continue;
    }
    std::array<char, 5> escape{};
    std::snprintf(escape.data(), escape.size(), "\\x%02x", byte);
    out += escape.data();
  }
  return out;
}

}  // namespace vpn::agent
