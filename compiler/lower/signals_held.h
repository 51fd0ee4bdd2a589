// Ctrl-C and its like, kept waiting while a file has a temporary name.
#pragma once

#include <signal.h>

namespace vpn::lower {

/// Blocks SIGINT, SIGTERM, SIGHUP and SIGQUIT in this thread, and in those that it starts.
class SignalsHeld {
 public:
  SignalsHeld() {
    const sigset_t held = set();
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

  /// One of them waits: it comes as soon as none is held any more.
  static bool waiting() {
    sigset_t pending;
    ::sigpending(&pending);
    for (const int signal : signals)
      if (::sigismember(&pending, signal) == 1) return true;
    return false;
  }

 private:
  static constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

  static sigset_t set() {
    sigset_t held;
    ::sigemptyset(&held);
    for (const int signal : signals) ::sigaddset(&held, signal);
    return held;
  }

  sigset_t before_{};
};

}  // namespace vpn::lower
