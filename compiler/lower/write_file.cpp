#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
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

Result<bool> is_special(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return false;
  if (S_ISDIR(info.st_mode)) {
    return fail(ErrorKind::usage, "cannot write the file: there is a folder of that name", path,
                "give the name of a file");
  }
  return !S_ISREG(info.st_mode);
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
  const auto special = is_special(path);
  if (!special) return tl::unexpected(special.error());
  if (*special) return write_special(path, bytes);
  const std::string target = resolve(path);
  auto pending = PendingFile::write(target, bytes, mode);
  if (!pending) return tl::unexpected(std::move(pending.error()));
  auto written = *pending ? write_nameless(**pending) : write_named(target, bytes, mode);
  return written ? sync_folder_of(target) : written;
}

// --- Bit by bit -----------------------------------------------------------------------------------------------------

Result<StreamedFile> StreamedFile::create(const std::string& path, unsigned mode) {
  StreamedFile out;
  const auto special = is_special(path);
  if (!special) return tl::unexpected(special.error());
  out.special_ = *special;
  out.mode_ = mode;
  if (out.special_) {
    out.path_ = path;
    out.file_.reset(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  } else {
    out.path_ = resolve(path);
    auto pending = PendingFile::create(out.path_, mode);
    if (!pending) return tl::unexpected(std::move(pending.error()));
    out.pending_ = std::move(*pending);
    if (!out.pending_ && ::access(folder_of(out.path_).c_str(), W_OK) != 0) return cannot_write(path, errno);
    if (!out.pending_) out.file_.reset(::open(P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (out.descriptor() < 0) out.file_.reset(::memfd_create("vpnprofile", MFD_CLOEXEC));
  }
  if (out.descriptor() < 0) return cannot_write(path, errno);
  return out;
}

Result<void> StreamedFile::finish() {
  if (special_) return {};
  if (pending_) {
    const auto written = write_nameless(*pending_);
    return written ? sync_folder_of(path_) : written;
  }
  struct stat info {};
  if (::fstat(file_.get(), &info) != 0) return cannot_write(path_, errno);
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return write_file(path_, {}, mode_);
  void* content = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.get(), 0);
  if (content == MAP_FAILED) return cannot_write(path_, errno);
  auto written = write_file(path_, {static_cast<const std::byte*>(content), size}, mode_);
  ::munmap(content, size);
  return written;
}

}  // namespace vpn::lower
