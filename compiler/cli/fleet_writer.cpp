#include "compiler/cli/fleet_writer.h"

#include "compiler/lower/lower.h"

namespace vpn::cli {

Result<void> FleetWriter::put(std::size_t device, const std::string& path, std::span<const std::byte> bytes,
                              unsigned mode) {
  auto pending = lower::PendingFile::write(path, bytes, mode);
  if (!pending) return tl::unexpected(std::move(pending.error()));
  if (!*pending) return lower::write_file(path, bytes, mode);
  waiting_.push_back({device, std::move(**pending)});
  last_path_ = path;
  return {};
}

void FleetWriter::drop(std::size_t device) {
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.device == device; });
}

std::vector<std::pair<std::size_t, Error>> FleetWriter::flush() {
  std::vector<std::pair<std::size_t, Error>> failed;
  if (waiting_.empty()) return failed;
  auto ok = waiting_.back().file.sync_file_system();
  for (Waiting& waiting : waiting_) {
    if (!failed.empty() && failed.back().first == waiting.device) continue;
    if (ok) {
      if (auto published = waiting.file.publish(); !published)
        failed.emplace_back(waiting.device, std::move(published.error()));
    } else {
      failed.emplace_back(waiting.device, ok.error());
    }
  }
  if (ok) ok = lower::sync_folder_of(last_path_);
  if (!ok && failed.empty()) failed.emplace_back(waiting_.back().device, std::move(ok.error()));
  waiting_.clear();
  return failed;
}

}  // namespace vpn::cli
