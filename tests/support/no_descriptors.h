// A process that has no descriptor left.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>

#include "agent/loop/loop.h"

namespace vpn::test {

/// While it lives, or until end(), nobody in this process gets another descriptor.
class NoDescriptors {
 public:
  /// UndefinedBehaviorSanitizer needs a pipe when it meets objects of a type for the first time: it is shown what `loop`,
  /// and its like, hand out. `descriptor`: one that epoll takes.
  NoDescriptors(agent::Loop& loop, int descriptor) {
    loop.readable(descriptor, [] {}).reset();
    loop.after(std::chrono::seconds(1), [] {}).reset();
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
