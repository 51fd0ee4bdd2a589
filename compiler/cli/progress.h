// How far a long run is, on standard error, when that is a terminal and the work takes over a second.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace vpn::cli {

class Progress {
 public:
  /// `what` is said before the figures ("linting"), `total` the number of steps, `unit` what they are ("MiB").
  Progress(std::string_view what, std::size_t total, std::string_view unit = {});
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance() { reach(done_ + 1); }
  void reach(std::size_t done);

 private:
  using Clock = std::chrono::steady_clock;
  std::string_view what_, unit_;
  std::size_t done_ = 0, total_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point next_;
};

}  // namespace vpn::cli
