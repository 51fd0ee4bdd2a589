#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "compiler/lower/lower.h"
#include "compiler/lower/pending_file.h"
#include "compiler/lower/signals_held.h"

namespace vpn::lower {
namespace {

// Where there are no nameless files. A signal that cannot be held leaves the temporary file behind.
Result<void> write_named(const std::string& path, std::span<const std::byte> bytes, unsigned mode) {
  const SignalsHeld held;
  Descriptor file;
  std::string name;
  for (unsigned attempt = 0; attempt < most_attempts && file.get() < 0; ++attempt) {
    name = temporary_name(path, attempt);
    file.reset(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0 && errno != EEXIST) return cannot_write(path, errno);
  }
  if (file.get() < 0) return cannot_write(path, EEXIST);
  int error = write_all(file.get(), bytes);
  if (error == 0 && (::fchmod(file.get(), static_cast<mode_t>(mode)) != 0 || ::fsync(file.get()) != 0)) error = errno;
  if (error == 0 && ::rename(name.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(name.c_str());
  return cannot_write(path, error);
}

Result<void> write_nameless(PendingFile& file) {
  if (auto ok = file.sync(); !ok) return ok;
  return file.publish();
}

// A device or a pipe is written to, never replaced.
Result<void> write_special(const std::string& path, std::span<const std::byte> bytes) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  const int error = file.get() < 0 ? errno : write_all(file.get(), bytes);
  return error == 0 ? Result<void>{} : cannot_write(path, error);
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
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) {
    return fail(ErrorKind::usage, "cannot write the file: there is a folder of that name", path,
                "give the name of a file");
  }
  if (exists && !S_ISREG(info.st_mode)) return write_special(path, bytes);
  const std::string target = resolve(path);
  auto pending = PendingFile::write(target, bytes, mode);
  if (!pending) return tl::unexpected(std::move(pending.error()));
  auto written = *pending ? write_nameless(**pending) : write_named(target, bytes, mode);
  return written ? sync_folder_of(target) : written;
}

}  // namespace vpn::lower
