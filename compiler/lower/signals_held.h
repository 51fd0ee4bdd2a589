// Ctrl-C and its like, kept waiting while a file has a temporary name.
#pragma once

#include <csignal>

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

  /// One of them waits, and ends the program as soon as none is held any more. What is ignored (nohup, a shell's
  /// background) waits, too, while it is held, but then comes to nothing.
  static bool waiting() {
    sigset_t pending;
    ::sigpending(&pending);
    for (const int signal : signals) {
      struct sigaction action {};
      if (::sigismember(&pending, signal) == 1 && ::sigaction(signal, nullptr, &action) == 0 &&
          action.sa_handler != SIG_IGN)
        return true;
    }
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
