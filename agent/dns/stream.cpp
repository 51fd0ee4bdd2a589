#include "agent/dns/stream.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "agent/network/socket_address.h"

namespace vpn::agent::dns {

Descriptor connected_socket(const policy::Address& server, std::uint16_t port, int type,
                            const std::function<Result<void>(int socket)>& prepare) {
  Descriptor out(::socket(server.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out || !prepare(out.get())) return {};
  sockaddr_storage to{};
  const socklen_t size = socket_address(server, port, to);
  const bool connected = ::connect(out.get(), reinterpret_cast<const sockaddr*>(&to), size) == 0;
  if (!connected && errno != EINPROGRESS) return {};
  return out;
}

StreamQuestion::StreamQuestion(Loop& loop, Wire wire, View query, Done done)
    : loop_(loop),
      out_{static_cast<std::uint8_t>(query.size() >> 8), static_cast<std::uint8_t>(query.size() & 0xff)},
      done_(std::move(done)),
      channel_(loop, std::move(wire),
               {[this] { channel_.send(out_); }, [this](View piece) { take(piece); },
                [this](bool) { finish(std::nullopt); }}) {
  out_.insert(out_.end(), query.begin(), query.end());
}

void StreamQuestion::finish(std::optional<Bytes> answer) {
  if (over_ != nullptr) return;
  over_ = loop_.after(std::chrono::milliseconds(0),
                      [done = std::move(done_), a = std::move(answer)]() mutable { done(std::move(a)); });
}

void StreamQuestion::take(View piece) {
  if (over_ != nullptr) return;
  in_.insert(in_.end(), piece.begin(), piece.end());
  if (in_.size() < 2) return;
  const std::size_t size = static_cast<std::size_t>(in_[0]) << 8 | in_[1];
  if (in_.size() < size + 2) return;
  finish(Bytes(in_.begin() + 2, in_.begin() + 2 + static_cast<std::ptrdiff_t>(size)));
}

}  // namespace vpn::agent::dns
