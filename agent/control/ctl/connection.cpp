#include "agent/control/ctl/connection.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace vpn::agent::ctl {
namespace {

constexpr std::size_t largest_answer = std::size_t{256} << 20;

class Socket {
 public:
  Socket() : number_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

tl::unexpected<Error> unreachable(const std::string& path) {
  return fail(
      ErrorKind::environment, std::string("the agent cannot be reached: ") + std::strerror(errno), path,
      "is vpnagentd running? 'systemctl status vpnagentd' says; what it put in place stays in force without it");
}

bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string member(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Error error_of(const Json& answer) {
  const Json& e = answer.contains("error") ? answer["error"] : answer;
  const std::string kind = member(e, "kind");
  const ErrorKind k = kind == "invalid-input" ? ErrorKind::invalid_input
                      : kind == "usage"       ? ErrorKind::usage
                      : kind == "unreadable"  ? ErrorKind::unreadable
                                              : ErrorKind::environment;
  return {k, member(e, "what"), member(e, "where"), member(e, "help")};
}

}  // namespace

Result<void> ask(const std::string& path, const Json& request, const std::function<bool(const Json&)>& each) {
  const Socket socket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorKind::usage, "the path of the socket is too long", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  if (socket.get() < 0 || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      !send_all(socket.get(), request.dump() + "\n"))
    return unreachable(path);
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
      const Json answer = Json::parse(text.substr(0, end), nullptr, false);
      if (!answer.is_object() || !answer.contains("ok"))
        return fail(ErrorKind::environment, "the agent's answer makes no sense", path);
      if (answer["ok"] != Json(true)) return tl::unexpected(error_of(answer));
      if (!each(answer.value("result", Json::object()))) return {};
    }
    const ssize_t n = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreachable(path);
    if (n == 0 || text.size() > largest_answer)
      return fail(ErrorKind::environment, "the agent has ended the connection", path);
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

Result<Json> ask(const std::string& path, const Json& request) {
  Json out;
  auto done = ask(path, request, [&](const Json& result) {
    out = result;
    return false;
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

std::string socket_of(const cli::Arguments& arguments) {
  return arguments.get("control", "/run/vpnprofile/control.sock");
}

bool as_json(const cli::Arguments& arguments) { return arguments.get("format", "text") == "json"; }

}  // namespace vpn::agent::ctl
