#include "agent/proxy/flow.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/network/socket_address.h"

namespace vpn::agent::proxy {
namespace {

constexpr std::size_t piece = 65536;
constexpr unsigned pieces_in_turn = 8;  // of one direction, before others have their turn

// All has arrived, and been passed on: no reset.
void close_in_order(const Descriptor& socket) {
  const linger none{0, 0};
  if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

void stay_alive(const Descriptor& socket) {
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

}  // namespace

void reset_at_end(const Descriptor& socket) {
  const linger at_once{1, 0};
  if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

std::optional<Descriptor> connect_to(const ProxyPlace& place, Number provider, const Prepare& prepare) {
  sockaddr_storage to{};
  socklen_t size = 0;
  int family = AF_UNIX;
  if (!place.socket.empty()) {
    auto& name = reinterpret_cast<sockaddr_un&>(to);
    if (place.socket.size() >= sizeof(name.sun_path)) return std::nullopt;
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, place.socket.data(), place.socket.size());
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place.socket.size() + 1);
  } else {
    family = place.address.v6 ? AF_INET6 : AF_INET;
    size = socket_address(place.address, place.port, to);
  }
  Descriptor out(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out || (family != AF_UNIX && !prepare(out.get(), provider))) return std::nullopt;
  if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0 && errno != EINPROGRESS)
    return std::nullopt;
  if (family != AF_UNIX) {
    stay_alive(out);
    return out;
  }
  // A client names a path, and root connects there: to nobody else's socket.
  ucred peer{};
  size = sizeof(peer);
  if (::getsockopt(out.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != place.owner)
    return std::nullopt;
  return out;
}

Flow::Flow(Loop& loop, Descriptor client, Route route, std::function<void(const End&)> ended)
    : loop_(loop),
      route_(std::move(route)),
      ended_(std::move(ended)),
      handshake_(route_.place.protocol, Request::connect, route_.to, route_.login),
      last_(loop.now()) {
  client_.socket = std::move(client);
  reset_at_end(client_.socket);
  stay_alive(client_.socket);
}

void Flow::start(const Prepare& prepare) {
  auto socket = connect_to(route_.place, route_.provider, prepare);
  if (!socket) {
    soon_ = loop_.after(std::chrono::milliseconds(0), [this] { end({"the proxy cannot be reached", true}); });
    return;
  }
  proxy_.socket = std::move(*socket);
  reset_at_end(proxy_.socket);
  phase_ = Phase::connecting;
  proxy_.writing = loop_.writable(proxy_.socket.get(), [this] { go_on(); });
}

void Flow::cut(const std::string& why) {
  if (!over()) end({why, false});
}

void Flow::look() {
  if (over()) return;
  const auto quiet = loop_.now() - last_;
  if (phase_ != Phase::flowing) {
    if (quiet >= longest_start) end({"the proxy does not answer in time", true});
    return;
  }
  const bool half = up_.closed || down_.closed;
  if (quiet >= (half ? longest_half : longest_idle)) end({"nothing was sent for too long", false});
}

void Flow::end(const End& how) {
  phase_ = Phase::over;
  soon_.reset();
  for (Side* side : {&client_, &proxy_}) {
    if (how.fault.empty()) close_in_order(side->socket);
    side->reading.reset();
    side->writing.reset();
    side->socket = {};
  }
  up_.left = down_.left = {};
  const auto ended = std::move(ended_);
  ended(how);
}

void Flow::go_on() {
  if (phase_ == Phase::connecting) connected();
  if (phase_ == Phase::greeting) greet();
  if (phase_ == Phase::flowing) pump();
}

void Flow::connected() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(proxy_.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
    return end({std::string("the proxy cannot be reached: ") + std::strerror(error), true});
  last_ = loop_.now();
  phase_ = Phase::greeting;
}

// True: nothing is left to be said.
bool Flow::say() {
  const auto out = handshake_.outgoing();
  while (said_ < out.size()) {
    const ssize_t n = ::send(proxy_.socket.get(), out.data() + said_, out.size() - said_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno != EAGAIN) end({"the proxy has closed the connection", true});
      return false;
    }
    said_ += static_cast<std::size_t>(n);
  }
  handshake_.sent();
  said_ = 0;
  return true;
}

void Flow::greet() {
  for (;;) {
    if (!say()) {
      if (!over()) watch(proxy_, false, true);
      return;
    }
    std::array<char, 4096> room{};
    const ssize_t n = ::recv(proxy_.socket.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return watch(proxy_, true, false);
    if (n <= 0) return end({"the proxy has closed the connection", true});
    std::size_t used = 0;
    const std::string_view bytes(room.data(), static_cast<std::size_t>(n));
    const Handshake::State state = handshake_.take(bytes, used);
    if (state == Handshake::State::failed) return end({"the proxy: " + handshake_.fault(), !handshake_.refused()});
    if (state == Handshake::State::going_on) continue;
    phase_ = Phase::flowing;
    last_ = loop_.now();
    down_.left = bytes.substr(used);
    return;
  }
}

// Takes over what `to` does not take at once. False: it takes nothing more.
bool Flow::put(Side& to, Pipe& pipe, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(to.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) break;
      end({"a side has closed the connection", false});
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    pipe.bytes += static_cast<std::uint64_t>(n);
  }
  pipe.left = std::string(bytes);
  return pipe.left.empty();
}

// False: the flow is over.
bool Flow::pump(Side& from, Side& to, Pipe& pipe) {
  static thread_local std::array<char, piece> room;
  if (!pipe.left.empty()) {
    last_ = loop_.now();
    if (!put(to, pipe, std::exchange(pipe.left, {}))) return !over();
  }
  for (unsigned i = 0; i < pieces_in_turn && !pipe.ended; ++i) {
    const ssize_t n = ::recv(from.socket.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) return true;
      end({"a side has reset the connection", false});
      return false;
    }
    last_ = loop_.now();
    if (n == 0) {
      pipe.ended = true;
    } else if (!put(to, pipe, {room.data(), static_cast<std::size_t>(n)})) {
      return !over();
    }
  }
  if (pipe.ended && !pipe.closed) {
    pipe.closed = true;
    ::shutdown(to.socket.get(), SHUT_WR);
  }
  return true;
}

void Flow::pump() {
  if (!pump(client_, proxy_, up_) || !pump(proxy_, client_, down_)) return;
  if (up_.closed && down_.closed) return end({});
  wait();
}

void Flow::wait() {
  watch(client_, up_.left.empty() && !up_.ended, !down_.left.empty());
  watch(proxy_, down_.left.empty() && !down_.ended, !up_.left.empty());
}

void Flow::watch(Side& side, bool reading, bool writing) {
  if (!reading)
    side.reading.reset();
  else if (side.reading == nullptr)
    side.reading = loop_.readable(side.socket.get(), [this] { go_on(); });
  if (!writing)
    side.writing.reset();
  else if (side.writing == nullptr)
    side.writing = loop_.writable(side.socket.get(), [this] { go_on(); });
}

}  // namespace vpn::agent::proxy
