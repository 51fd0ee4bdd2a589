// A terminal as one full screen, put back as it was whatever ends the program in an orderly way.
#pragma once

#include <termios.h>

#include <optional>
#include <string>

#include "agent/files/descriptor.h"

namespace vpn::agent::ctl {

struct ScreenSize {
  unsigned rows = 24, columns = 80;
};

class Screen {
 public:
  /// Nothing where standard output is no terminal. Signals that end, stop or resize come by wait() from then on.
  static std::optional<Screen> open();
  Screen(Screen&& other) noexcept;
  Screen& operator=(Screen&&) = delete;
  ~Screen();

  static ScreenSize size();
  /// In place of what was shown; false when the terminal is gone.
  static bool show(const std::string& frame);

  enum class Event {
    data,     ///< `descriptor` can be read
    resized,  ///< or shown again after a stop
    timeout,
    quit,  ///< q, Ctrl-C, or a signal that ends
  };
  /// `descriptor` below zero: none. `milliseconds` below zero: without end.
  Event wait(int descriptor, int milliseconds = -1);

 private:
  Screen(Descriptor signals, std::optional<termios> before) : signals_(std::move(signals)), before_(before) {}
  void enter() const;
  void leave() const;
  std::optional<Event> signalled() const;

  Descriptor signals_;             ///< signalfd
  std::optional<termios> before_;  ///< of standard input, where it is a terminal
};

}  // namespace vpn::agent::ctl
