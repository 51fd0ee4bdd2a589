#include "agent/control/ctl/answer.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include "agent/control/ctl/blocked.h"
#include "agent/control/ctl/connection.h"
#include "agent/files/descriptor.h"
#include "agent/files/files.h"
#include "agent/tunnel/interview.h"
#include "agent/tunnel/wiped.h"
#include "policy/ascii.h"

namespace vpn::agent::ctl {
namespace {

constexpr auto look_every = std::chrono::milliseconds(200);
constexpr auto look_for = std::chrono::seconds(30);

// A terminal that shows nothing of what is typed, until this goes.
class Hidden {
 public:
  explicit Hidden(int terminal) : terminal_(terminal), changed_(::tcgetattr(terminal, &before_) == 0) {
    if (!changed_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    ::tcsetattr(terminal, TCSAFLUSH, &silent);
  }
  ~Hidden() {
    if (changed_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  int terminal_;
  termios before_{};
  bool changed_;
};

// A line without its end. Nothing at the end of the input, or where it is longer than an answer may be. One character
// at a time: what follows is the next answer's.
std::optional<WipedBytes> read_answer(int from) {
  WipedBytes out;
  out.reserve(longest_answer);
  for (;;) {
    char c = 0;
    const ssize_t n = ::read(from, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 && out.empty()) return std::nullopt;
    if (n <= 0 || c == '\n') return out;
    if (out.size() == longest_answer) return std::nullopt;
    out.push_back(static_cast<std::byte>(c));
  }
}

// The tunnel that is meant: that one, or without a name the first that asks something.
Result<Json> tunnel_of(const std::string& socket, const std::string& id) {
  auto status = ask(socket, {{"command", "status"}});
  if (!status) return status;
  for (const Json& t : status->value("tunnels", Json::array())) {
    if (id.empty() ? t.contains("needs") : ascii::equal_without_case(text_of(t, "id"), id) || text_of(t, "name") == id)
      return t;
  }
  if (id.empty()) return fail(ErrorKind::usage, "no tunnel asks for anything");
  return fail(ErrorKind::usage, "the policy has no such tunnel", id, "'vpnagentctl status' lists them");
}

class Dialogue {
 public:
  explicit Dialogue(const cli::Arguments& a)
      : socket_(socket_of(a)), id_(a.positional().empty() ? std::string() : a.positional()[0]), json_(as_json(a)) {
    if (::isatty(STDIN_FILENO) == 1) terminal_ = Descriptor(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  }

  int hold() {
    auto tunnel = tunnel_of(socket_, id_);
    if (!tunnel) return cli::report(tunnel.error());
    if (!tunnel->contains("needs"))
      return cli::report({ErrorKind::usage, "the tunnel does not ask for anything", text_of(*tunnel, "id"), {}});
    id_ = text_of(*tunnel, "id");
    while (tunnel->contains("needs")) {
      const Json needs = (*tunnel)["needs"];
      if (const int code = answer(needs); code != cli::Exit::ok) return code;
      tunnel = after(needs.value("question", std::uint64_t{0}));
      if (!tunnel) return cli::report(tunnel.error());
      if (tunnel->contains("needs") && !terminal_ && (*tunnel)["needs"].value("refused", false)) {
        show(*tunnel);
        return cli::Exit::findings;
      }
    }
    show(*tunnel);
    return cli::Exit::ok;
  }

 private:
  int answer(const Json& needs) {
    const auto value = read(needs);
    if (!value) {
      return cli::report(
          {ErrorKind::usage,
           "there is no answer on standard input, or it is longer than " + std::to_string(longest_answer) + " bytes",
           {},
           "one line for each question"});
    }
    if (value->empty()) return cli::report({ErrorKind::usage, "the answer is empty: nothing was sent", {}, {}});
    const Json request = {{"command", "answer"},
                          {"tunnel", id_},
                          {"question", needs.value("question", std::uint64_t{0})},
                          {"bytes", value->size()}};
    const auto sent = ask(socket_, request, agent::text_of(*value));
    return sent ? static_cast<int>(cli::Exit::ok) : cli::report(sent.error());
  }

  std::optional<WipedBytes> read(const Json& needs) const {
    if (!terminal_) return read_answer(STDIN_FILENO);
    // Before the prompt: what is typed before the terminal is silent would be shown, and then thrown away.
    std::optional<Hidden> hidden;
    if (!needs.value("echo", false)) hidden.emplace(terminal_.get());
    std::string prompt = needs.value("refused", false) ? "That was refused. " : "";
    prompt += printable(text_of(needs, "prompt")) + ": ";
    if (::write(terminal_.get(), prompt.data(), prompt.size()) < 0) return std::nullopt;
    return read_answer(terminal_.get());
  }

  // What becomes of it: the next question, a connection, an end; or after a while as it is.
  Result<Json> after(std::uint64_t answered) const {
    const auto end = std::chrono::steady_clock::now() + look_for;
    for (;;) {
      auto tunnel = tunnel_of(socket_, id_);
      if (!tunnel) return tunnel;
      const std::string status = text_of(*tunnel, "status");
      const bool asks = tunnel->contains("needs") && (*tunnel)["needs"].value("question", std::uint64_t{0}) != answered;
      if (asks || status == "connected" || status == "disconnected" || status == "invalid") return tunnel;
      if (std::chrono::steady_clock::now() > end) {
        tunnel->erase("needs");
        return tunnel;
      }
      std::this_thread::sleep_for(look_every);
    }
  }

  void show(const Json& tunnel) const {
    if (json_) {
      cli::print(tunnel.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
      return;
    }
    const std::string reason = text_of(tunnel, "reason");
    cli::print(printable(text_of(tunnel, "status")) + (reason.empty() ? "" : ": " + printable(reason)) + "\n");
  }

  std::string socket_, id_;
  bool json_;
  Descriptor terminal_;
};

}  // namespace

int run_answer(const cli::Arguments& arguments) {
  lock_secrets(std::size_t{1} << 16);
  return Dialogue(arguments).hold();
}

}  // namespace vpn::agent::ctl
