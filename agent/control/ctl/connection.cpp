#include "agent/control/ctl/connection.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace vpn::agent::ctl {
namespace {

constexpr std::size_t largest_answer = std::size_t{256} << 20;

tl::unexpected<Error> unreachable(const std::string& path) {
  return fail(
      ErrorKind::environment, std::string("the agent cannot be reached: ") + std::strerror(errno), path,
      "is vpnagentd running? 'systemctl status vpnagentd' says; what it put in place stays in force without it");
}

std::string line_of(const Json& request) { return request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

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

Result<Conversation> Conversation::open(const std::string& path, const Json& request, std::string_view bytes) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorKind::usage, "the path of the socket is too long", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  if (socket.get() < 0 || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      !send_all(socket.get(), line_of(request)) || !send_all(socket.get(), bytes))
    return unreachable(path);
  return Conversation(std::move(socket), path);
}

bool Conversation::send(const Json& request) { return send_all(socket_.get(), line_of(request)); }

Result<std::optional<Json>> Conversation::cut() {
  const auto end = text_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  Json answer = Json::parse(text_.substr(0, end), nullptr, false);
  text_.erase(0, end + 1);
  if (!answer.is_object() || !answer.contains("ok"))
    return fail(ErrorKind::environment, "the agent's answer makes no sense", path_);
  if (answer["ok"] != Json(true)) return tl::unexpected(error_of(answer));
  return answer.value("result", Json::object());
}

Result<void> Conversation::receive(int flags) {
  std::array<char, 65536> buffer{};
  ssize_t n = 0;
  do {
    n = ::recv(socket_.get(), buffer.data(), buffer.size(), flags);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN && flags != 0) return {};
  if (n < 0 && errno == EAGAIN)
    return fail(ErrorKind::environment, "the agent does not answer", path_, "'systemctl status vpnagentd' may say why");
  if (n < 0) return unreachable(path_);
  if (n == 0 || text_.size() > largest_answer)
    return fail(ErrorKind::environment, "the agent has ended the connection", path_);
  text_.append(buffer.data(), static_cast<std::size_t>(n));
  return {};
}

Result<Json> Conversation::next() {
  for (;;) {
    auto first = cut();
    if (!first) return tl::unexpected(first.error());
    if (*first) return std::move(**first);
    if (auto more = receive(0); !more) return tl::unexpected(more.error());
  }
}

Result<std::vector<Json>> Conversation::take() {
  if (auto more = receive(MSG_DONTWAIT); !more) return tl::unexpected(more.error());
  std::vector<Json> out;
  for (;;) {
    auto first = cut();
    if (!first) return tl::unexpected(first.error());
    if (!*first) return out;
    out.push_back(std::move(**first));
  }
}

Result<Json> ask(const std::string& path, const Json& request, std::string_view bytes) {
  auto conversation = Conversation::open(path, request, bytes);
  if (!conversation) return tl::unexpected(conversation.error());
  constexpr timeval patience{30, 0};
  ::setsockopt(conversation->descriptor(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return conversation->next();
}

std::string socket_of(const cli::Arguments& arguments) {
  return arguments.get("control", "/run/vpnprofile/control.sock");
}

bool as_json(const cli::Arguments& arguments) { return arguments.get("format", "text") == "json"; }

}  // namespace vpn::agent::ctl
