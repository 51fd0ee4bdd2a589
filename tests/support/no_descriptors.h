// A process that has no descriptor left.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "agent/loop/loop.h"

namespace vpn::test {

/// While it lives, or until end(), nobody in this process gets another descriptor.
class NoDescriptors {
 public:
  /// UndefinedBehaviorSanitizer needs a pipe when it meets objects of a type for the first time: it is shown what
  /// `loop`, and its like, hand out.
  explicit NoDescriptors(agent::Loop& loop) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe(ends.data()) != 0) return;
    loop.readable(ends[0], [] {}).reset();
    loop.after(std::chrono::seconds(1), [] {}).reset();
    for (const int end : ends) ::close(end);
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { end(); }
  void end() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  bool is_true() const { return ::dup(STDIN_FILENO) < 0; }

 private:
  rlimit before_{};
};

}  // namespace vpn::test
