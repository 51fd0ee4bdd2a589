#include "agent/control/ctl/follow.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "agent/control/ctl/blocked.h"
#include "agent/control/ctl/connection.h"
#include "agent/control/ctl/screen.h"
#include "agent/control/ctl/text.h"
#include "agent/control/ctl/watch_view.h"
#include "agent/files/files.h"
#include "policy/ascii.h"

namespace vpn::agent::ctl {
namespace {

using cli::Arguments;
using cli::Option;

constexpr Option follow_control{
    "control", 0, "SOCKET", "the agent's socket; /run/vpnprofile/control.sock unless said", {}};
constexpr Option follow_format{"format", 0, "FORMAT", "how to print", "text,json"};

constexpr Option drops_table[] = {
    {"follow", 0, {}, "goes on, with a line for each drop", {}},
    follow_control,
    follow_format,
};

constexpr Option notify_table[] = {
    {"every", 0, "SECONDS", "at most one message for each tunnel in this time; 60 unless said", {}},
    {"run", 0, "PROGRAM", "gets a title and a text as its arguments; notify-send unless said", {}},
    follow_control,
};

std::string json_line(const Json& result) { return result.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

// Lines of JSON for programs.
int print_changes(const Arguments& a) {
  auto conversation = Conversation::open(socket_of(a), {{"command", "watch"}});
  if (!conversation) return cli::report(conversation.error());
  for (;;) {
    const auto result = conversation->next();
    if (!result) return cli::report(result.error());
    if (!cli::print(json_line(*result))) return cli::Exit::unreadable;
  }
}

// The view goes on when the agent is started anew; until then it says so.
class View {
 public:
  View(std::string socket, bool color) : socket_(std::move(socket)), color_(color) {}

  Result<void> connect() {
    auto opened = Conversation::open(socket_, {{"command", "watch"}});
    if (!opened) return tl::unexpected(opened.error());
    conversation_ = std::move(*opened);
    return {};
  }
  /// What cannot get better by itself: no permission.
  Result<void> first() {
    auto result = conversation_->next();
    if (!result) return tl::unexpected(result.error());
    now_ = std::move(*result);
    return {};
  }

  bool run(Screen& screen) {
    constexpr int again_after = 1000;
    for (;;) {
      if (!Screen::show(fault_.empty() ? watch_frame(now_, before_, Screen::size(), color_) : fault_ + "\x1b[K\n"))
        return false;
      switch (screen.wait(conversation_ ? conversation_->descriptor() : -1, conversation_ ? -1 : again_after)) {
        case Screen::Event::quit:
          return true;
        case Screen::Event::data:
          take();
          break;
        case Screen::Event::timeout:
          if (connect()) fault_.clear();
          break;
        case Screen::Event::resized:
          break;
      }
    }
  }

 private:
  void take() {
    auto results = conversation_->take();
    if (!results) {
      conversation_.reset();
      fault_ = printable(results.error().what) + "; trying again (q quits)";
      return;
    }
    for (Json& result : *results) {
      // A change of the status comes between the seconds; rates are those of about a whole one.
      constexpr double least_span = 0.9;
      if (!before_.is_object() || seconds_of(now_) - seconds_of(before_) >= least_span) before_ = now_;
      now_ = std::move(result);
    }
  }
  static double seconds_of(const Json& state) { return state.value("time", 0.0); }

  std::string socket_, fault_;
  bool color_;
  std::optional<Conversation> conversation_;
  Json now_, before_;
};

// Notification daemons take a text for markup.
std::string without_markup(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

// Waits for it: at most one at a time.
Result<void> tell(const std::string& program, const std::string& title, const std::string& text) {
  std::array<std::string, 3> words{program, title, text};
  std::array<char*, 4> argv{words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = -1;
  if (const int error = ::posix_spawnp(&child, program.c_str(), nullptr, nullptr, argv.data(), environ); error != 0)
    return fail(ErrorKind::environment, std::string("cannot be started: ") + std::strerror(error), program,
                "notify-send is in Debian's libnotify-bin; or name another program with --run");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {};
}

Result<void> tell_of(const std::string& program, const Json& drop) {
  return tell(program, "Blocked: the VPN is not connected",
              without_markup(text_of(drop, "app") + " cannot reach " + text_of(drop, "remote") + " (" +
                             text_of(drop, "rule") + ")"));
}

}  // namespace

std::span<const Option> drops_options() { return drops_table; }
std::span<const Option> notify_options() { return notify_table; }

int run_drops(const Arguments& a) {
  const bool follow = a.has("follow"), color = cli::use_color(1);
  auto conversation = Conversation::open(socket_of(a), {{"command", "drops"}, {"follow", follow}});
  if (!conversation) return cli::report(conversation.error());
  for (bool first = true;; first = false) {
    const auto result = conversation->next();
    if (!result) return cli::report(result.error());
    const std::string text = as_json(a) ? json_line(*result)
                             : first    ? drops_text(*result, color)
                                        : drop_line(*result, color);
    if (!cli::print(text)) return cli::Exit::unreadable;
    if (!follow) return cli::Exit::ok;
  }
}

int run_watch(const Arguments& a) {
  if (as_json(a) || ::isatty(STDOUT_FILENO) != 1) return print_changes(a);
  View view(socket_of(a), cli::use_color(1));
  // Before the screen is taken, so that what is wrong at once stays to be read.
  if (const auto connected = view.connect(); !connected) return cli::report(connected.error());
  if (const auto first = view.first(); !first) return cli::report(first.error());
  auto screen = Screen::open();
  if (!screen) return print_changes(a);
  return view.run(*screen) ? cli::Exit::ok : cli::Exit::unreadable;
}

int run_notify(const Arguments& a) {
  std::uint32_t every = 60;
  if (a.has("every") && (!ascii::read_number(a.get("every"), every) || every == 0))
    return cli::report({ErrorKind::usage, "--every takes a number of seconds", {}, "vpnagentctl notify --every 300"});
  const std::string program = a.get("run", "notify-send");
  OnceInAWhile once{std::chrono::seconds(every)};
  bool connected = false;
  for (;;) {
    auto conversation = Conversation::open(socket_of(a), {{"command", "drops"}, {"follow", true}});
    if (!conversation && !connected) return cli::report(conversation.error());
    if (conversation) {
      // The first answer has what was dropped before: nobody is told of that.
      auto result = conversation->next();
      if (!result && !connected) return cli::report(result.error());
      connected = true;
      while (result && (result = conversation->next())) {
        if (!is_blocked_for_lack_of_a_tunnel(*result) ||
            !once.is_due(text_of(*result, "tunnel"), OnceInAWhile::Clock::now()))
          continue;
        if (const auto told = tell_of(program, *result); !told) return cli::report(told.error());
      }
    }
    std::this_thread::sleep_for(std::chrono::seconds(2));  // the agent is started again
  }
}

}  // namespace vpn::agent::ctl
