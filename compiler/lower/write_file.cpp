#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string>

#include "compiler/lower/lower.h"

namespace vpn::lower {
namespace {

tl::unexpected<Error> cannot_write(const std::string& path, int error) {
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  return fail(refused ? ErrorKind::environment : ErrorKind::unreadable,
              std::string("cannot write the file: ") + std::strerror(error), path);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

/// Keeps Ctrl-C and its like waiting while a file has a temporary name.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t held;
    sigemptyset(&held);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&held, signal);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_{};
};

int write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return 0;
}

int fill(int fd, std::span<const std::byte> bytes, unsigned mode) {
  if (const int error = write_all(fd, bytes); error != 0) return error;
  if (::fchmod(fd, static_cast<mode_t>(mode)) != 0 || ::fsync(fd) != 0) return errno;
  return 0;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string temporary_name(const std::string& path, unsigned attempt) {
  return path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(attempt);
}

constexpr unsigned most_attempts = 100;

// A nameless file, written and synchronised before it gets a name: nothing is left behind however the process ends.
// Gives -1 where the file system has no such files.
int publish_nameless(const std::string& path, std::span<const std::byte> bytes, unsigned mode) {
  const Descriptor file(::open(folder_of(path).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (file.get() < 0) return errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT ? -1 : errno;
  if (const int error = fill(file.get(), bytes, mode); error != 0) return error;
  const std::string self = "/proc/self/fd/" + std::to_string(file.get());
  const SignalsHeld held;
  for (unsigned attempt = 0; attempt < most_attempts; ++attempt) {
    const std::string name = temporary_name(path, attempt);
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      if (errno == EEXIST) continue;
      return errno == ENOENT ? -1 : errno;  // no /proc
    }
    if (::rename(name.c_str(), path.c_str()) == 0) return 0;
    const int error = errno;
    ::unlink(name.c_str());
    return error;
  }
  return EEXIST;
}

int publish_named(const std::string& path, std::span<const std::byte> bytes, unsigned mode) {
  const SignalsHeld held;
  Descriptor file(-1);
  std::string name;
  for (unsigned attempt = 0; attempt < most_attempts && file.get() < 0; ++attempt) {
    name = temporary_name(path, attempt);
    file.reset(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0 && errno != EEXIST) return errno;
  }
  if (file.get() < 0) return EEXIST;
  int error = fill(file.get(), bytes, mode);
  if (error == 0 && ::rename(name.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) ::unlink(name.c_str());
  return error;
}

int sync_folder(const std::string& folder) {
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot synchronise a folder; the file itself is safe by then.
  if (directory.get() < 0) return errno;
  return ::fsync(directory.get()) == 0 || errno == EINVAL ? 0 : errno;
}

int write_special(const std::string& path, std::span<const std::byte> bytes) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  return file.get() < 0 ? errno : write_all(file.get(), bytes);
}

// A symbolic link stays one: what it points to is replaced.
std::string resolve(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return path;
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return path;
  std::string out(real);
  std::free(real);
  return out;
}

}  // namespace

Result<void> write_file(const std::string& path, std::span<const std::byte> bytes, unsigned mode) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return fail(ErrorKind::usage, "cannot write the file: there is a folder of that name", path,
                "give the name of a file");
  }
  // A device or a pipe is written to, never replaced.
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    const int error = write_special(path, bytes);
    return error == 0 ? Result<void>{} : cannot_write(path, error);
  }
  const std::string target = resolve(path);
  int error = publish_nameless(target, bytes, mode);
  if (error == -1) error = publish_named(target, bytes, mode);
  if (error == 0) error = sync_folder(folder_of(target));
  return error == 0 ? Result<void>{} : cannot_write(path, error);
}

}  // namespace vpn::lower
