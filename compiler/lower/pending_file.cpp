#include "compiler/lower/pending_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "compiler/lower/signals_held.h"

namespace vpn::lower {
namespace {

int give_name(int fd, const std::string& name) {
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  return ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

}  // namespace

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void Descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

tl::unexpected<Error> cannot_write(const std::string& path, int error) {
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  return fail(refused ? ErrorKind::environment : ErrorKind::unreadable,
              std::string("cannot write the file: ") + std::strerror(error), path);
}

std::string temporary_name(const std::string& path, unsigned attempt) {
  return path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(attempt);
}

int write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return 0;
}

Result<std::optional<PendingFile>> PendingFile::create(const std::string& path, unsigned mode) {
  static const bool has_proc = ::access("/proc/self/fd", X_OK) == 0;  // without it no nameless file gets a name
  struct stat info {};
  if (!has_proc || (::lstat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode))) return std::nullopt;
  Descriptor file(::open(folder_of(path).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT) return std::nullopt;
    return cannot_write(path, errno);
  }
  if (::fchmod(file.get(), static_cast<mode_t>(mode)) != 0) return cannot_write(path, errno);
  return PendingFile(std::move(file), path);
}

Result<std::optional<PendingFile>> PendingFile::write(const std::string& path, std::span<const std::byte> bytes,
                                                      unsigned mode) {
  auto file = create(path, mode);
  if (!file || !*file) return file;
  if (const int error = write_all((*file)->descriptor(), bytes); error != 0) return cannot_write(path, error);
  return file;
}

Result<void> PendingFile::sync() { return ::fsync(file_.get()) == 0 ? Result<void>{} : cannot_write(path_, errno); }

Result<void> PendingFile::sync_file_system() {
  return ::syncfs(file_.get()) == 0 ? Result<void>{} : cannot_write(path_, errno);
}

Result<void> PendingFile::publish() {
  int error = give_name(file_.get(), path_);
  if (error == EEXIST) error = replace();
  file_.reset();
  return error == 0 ? Result<void>{} : cannot_write(path_, error);
}

int PendingFile::replace() {
  const SignalsHeld held;
  for (unsigned attempt = 0; attempt < most_attempts; ++attempt) {
    const std::string name = temporary_name(path_, attempt);
    const int error = give_name(file_.get(), name);
    if (error == EEXIST) continue;
    if (error != 0) return error;
    if (::rename(name.c_str(), path_.c_str()) == 0) return 0;
    const int refused = errno;
    ::unlink(name.c_str());
    return refused;
  }
  return EEXIST;
}

Result<void> sync_folder_of(const std::string& path) {
  const Descriptor directory(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return cannot_write(path, errno);
  // Some file systems cannot synchronise a folder; the files themselves are safe by then.
  return ::fsync(directory.get()) == 0 || errno == EINVAL ? Result<void>{} : cannot_write(path, errno);
}

}  // namespace vpn::lower
