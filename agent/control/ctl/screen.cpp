#include "agent/control/ctl/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace vpn::agent::ctl {
namespace {

// The other screen of xterm and its kin, no cursor, no wrapping; and back.
constexpr std::string_view enter_sequence = "\x1b[?1049h\x1b[?25l\x1b[?7l",
                           leave_sequence = "\x1b[?7h\x1b[?25h\x1b[?1049l";

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

sigset_t handled() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP}) ::sigaddset(&set, signal);
  return set;
}

}  // namespace

std::optional<Screen> Screen::open() {
  if (::isatty(STDOUT_FILENO) != 1) return std::nullopt;
  const sigset_t set = handled();
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return std::nullopt;
  Descriptor signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return std::nullopt;
  std::optional<termios> before;
  termios now{};
  if (::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &now) == 0) before = now;
  Screen out(std::move(signals), before);
  out.enter();
  return out;
}

Screen::Screen(Screen&& other) noexcept : signals_(std::move(other.signals_)), before_(other.before_) {}

Screen::~Screen() {
  if (signals_) leave();
}

void Screen::enter() const {
  if (before_) {
    termios raw = *before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  write_all(enter_sequence);
}

void Screen::leave() const {
  write_all(leave_sequence);
  if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

ScreenSize Screen::size() {
  winsize w{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_row == 0 || w.ws_col == 0) return {};
  return {w.ws_row, w.ws_col};
}

bool Screen::show(const std::string& frame) { return write_all("\x1b[H" + frame + "\x1b[J"); }

std::optional<Screen::Event> Screen::signalled() const {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  if (info.ssi_signo == SIGWINCH) return Event::resized;
  if (info.ssi_signo != SIGTSTP) return Event::quit;
  leave();
  ::raise(SIGSTOP);
  enter();
  return Event::resized;
}

Screen::Event Screen::wait(int descriptor, int milliseconds) {
  bool keys = before_.has_value();
  for (;;) {
    std::array<pollfd, 3> all{{{descriptor, POLLIN, 0}, {signals_.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    const int ready = ::poll(all.data(), keys ? 3 : 2, milliseconds);
    if (ready == 0) return Event::timeout;
    if (ready < 0 && errno != EINTR) return Event::quit;
    if (all[1].revents != 0)
      if (const auto event = signalled()) return *event;
    if (keys && all[2].revents != 0) {
      char key = 0;
      if (::read(STDIN_FILENO, &key, 1) != 1) keys = false;  // the terminal's input has ended: signals still come
      constexpr char control_c = 3;
      if (key == 'q' || key == 'Q' || key == control_c) return Event::quit;
    }
    if (all[0].revents != 0) return Event::data;
  }
}

}  // namespace vpn::agent::ctl
