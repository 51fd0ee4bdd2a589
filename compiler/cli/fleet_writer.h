// The files of many devices, brought to the disk some at a time: one wait for the disk is for all of them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compiler/lower/pending_file.h"
#include "policy/result.h"

namespace vpn::cli {

/// For one thread. All files go into one folder.
class FleetWriter {
 public:
  /// `most` files wait at a time, each with a descriptor.
  explicit FleetWriter(std::size_t most) : most_(most) {}

  /// Takes a file of a device; it appears at the next flush(). A device's files appear in the order given.
  Result<void> put(std::size_t device, const std::string& path, std::span<const std::byte> bytes, unsigned mode);

  /// The files of the device that wait will not appear.
  void drop(std::size_t device);

  bool is_full() const { return waiting_.size() >= most_; }

  /// All files appear, their content on the disk before their names. Gives the devices with a file that could not be
  /// written; none of their files after that one appears.
  std::vector<std::pair<std::size_t, Error>> flush();

 private:
  struct Waiting {
    std::size_t device;
    lower::PendingFile file;
  };

  std::vector<Waiting> waiting_;
  std::string last_path_;
  std::size_t most_;
};

}  // namespace vpn::cli
