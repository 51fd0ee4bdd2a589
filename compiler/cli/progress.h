// How far a long run is, on standard error, when that is a terminal and the work takes over a second.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace vpn::cli {

class Progress {
 public:
  /// `what` is said before the figures ("linting"), `total` the number of steps.
  Progress(std::string_view what, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance();

 private:
  using Clock = std::chrono::steady_clock;
  std::string_view what_;
  std::size_t done_ = 0, total_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point next_;
};

}  // namespace vpn::cli
