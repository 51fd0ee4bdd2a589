// A file that is written and not yet to be seen, so that many can reach the disk together before any of them appears.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "policy/result.h"

namespace vpn::lower {

/// A closed door around a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  int get() const { return fd_; }
  void reset(int fd = -1);

 private:
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  int fd_;
};

/// Content without a name. However the process ends, nothing of it stays unless publish() gave it one.
class PendingFile {
 public:
  /// Empty, to be written to by its descriptor. Otherwise as write().
  static Result<std::optional<PendingFile>> create(const std::string& path, unsigned mode);
  int descriptor() const { return file_.get(); }

  /// Writes `bytes` for `path`, which is no symbolic link. Nothing: the file system has no nameless files, or `path` is
  /// no regular file; write_file() knows what to do.
  static Result<std::optional<PendingFile>> write(const std::string& path, std::span<const std::byte> bytes,
                                                  unsigned mode);

  /// The content reaches the disk.
  Result<void> sync();
  /// So does everything else that was written to the same file system: one call for many files.
  Result<void> sync_file_system();
  /// Gives it its name, in place of the file that had it. The content must be on the disk.
  Result<void> publish();

 private:
  PendingFile(Descriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  int replace();

  Descriptor file_;
  std::string path_;
};

/// A file that is written bit by bit, by its descriptor, and appears when it is whole; a device or a pipe is written
/// to.
class StreamedFile {
 public:
  /// Errors: as write_file().
  static Result<StreamedFile> create(const std::string& path, unsigned mode);
  int descriptor() const { return pending_ ? pending_->descriptor() : file_.get(); }
  Result<void> finish();

 private:
  StreamedFile() = default;
  std::optional<PendingFile> pending_;
  Descriptor file_;  ///< where there is no pending one: the device, or what is copied in the end
  bool special_ = false;
  std::string path_;
  unsigned mode_ = 0;
};

/// The names that were given in the folder of `path` reach the disk.
Result<void> sync_folder_of(const std::string& path);

// What write_file.cpp shares.
std::string folder_of(const std::string& path);
tl::unexpected<Error> cannot_write(const std::string& path, int error);
std::string temporary_name(const std::string& path, unsigned attempt);
constexpr unsigned most_attempts = 100;                   ///< at a temporary name
int write_all(int fd, std::span<const std::byte> bytes);  ///< errno, or 0

}  // namespace vpn::lower
