#include "compiler/cli/progress.h"

#include <unistd.h>

#include <cstdio>

namespace vpn::cli {

Progress::Progress(std::string_view what, std::size_t total, std::string_view unit)
    : what_(what),
      unit_(unit),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      next_(Clock::now() + std::chrono::seconds(1)) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::reach(std::size_t done) {
  done_ = done;
  if (!terminal_ || Clock::now() < next_) return;
  std::fprintf(stderr, "\r\x1b[K%.*s %zu of %zu", static_cast<int>(what_.size()), what_.data(), done_, total_);
  if (!unit_.empty()) std::fprintf(stderr, " %.*s", static_cast<int>(unit_.size()), unit_.data());
  shown_ = true;
  next_ = Clock::now() + std::chrono::milliseconds(200);
}

}  // namespace vpn::cli
