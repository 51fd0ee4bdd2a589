// The event loop that the parts of the agent share: one thread, no part of it blocks. asio_loop.h runs it; tests have
// one of their own, with a clock that they set.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace vpn::agent {

/// Something that waits. Destroying it cancels it: its callback does not run afterwards, not even when it was due.
class Waiting {
 public:
  virtual ~Waiting() = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 protected:
  Waiting() = default;
};

class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  using Callback = std::function<void()>;
  virtual ~Loop() = default;

  /// Calls back whenever the descriptor can be read (or has failed), until the result is destroyed. The descriptor
  /// stays the caller's, and open as long as the result lives. Callbacks may destroy their own Waiting.
  [[nodiscard]] virtual std::unique_ptr<Waiting> readable(int descriptor, Callback callback) = 0;
  /// Likewise for writing.
  [[nodiscard]] virtual std::unique_ptr<Waiting> writable(int descriptor, Callback callback) = 0;
  /// Calls back once, after at least this time.
  [[nodiscard]] virtual std::unique_ptr<Waiting> after(std::chrono::milliseconds time, Callback callback) = 0;
  virtual Clock::time_point now() const = 0;
};

}  // namespace vpn::agent
