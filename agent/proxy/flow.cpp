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

std::optional<Wire> connect_to(const ProxyPlace& place, Number provider, const Prepare& prepare) {
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
    if (place.tls == nullptr) return Wire(std::move(out));
    auto tls = TlsSession::open(place.tls->trust, out.get(), place.tls->name, place.address, TlsSession::Speaks::http1);
    if (tls == nullptr) return std::nullopt;
    return Wire(std::move(out), std::move(tls));
  }
  // A client names a path, and root connects there: to nobody else's socket.
  ucred peer{};
  size = sizeof(peer);
  if (::getsockopt(out.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != place.owner)
    return std::nullopt;
  return Wire(std::move(out));
}

Flow::Flow(Loop& loop, Descriptor client, Route route, std::function<void(const End&)> ended)
    : loop_(loop),
      route_(std::move(route)),
      ended_(std::move(ended)),
      handshake_(route_.place.protocol, Request::connect, route_.to, route_.login),
      last_(loop.now()) {
  client_.wire = Wire(std::move(client));
  reset_at_end(client_.wire.socket());
  stay_alive(client_.wire.socket());
}

void Flow::start(const Prepare& prepare) {
  auto wire = connect_to(route_.place, route_.provider, prepare);
  if (!wire) {
    soon_ = loop_.after(std::chrono::milliseconds(0), [this] { end({"the proxy cannot be reached", true}); });
    return;
  }
  proxy_.wire = std::move(*wire);
  reset_at_end(proxy_.wire.socket());
  phase_ = Phase::connecting;
  watch(proxy_, false, true);
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
    if (how.fault.empty()) close_in_order(side->wire.socket());
    side->reading.reset();
    side->writing.reset();
    side->wire = {};
  }
  up_.left = down_.left = {};
  const auto ended = std::move(ended_);
  ended(how);
}

void Flow::go_on() {
  if (phase_ == Phase::connecting) connected();
  if (phase_ == Phase::securing) secure();
  if (phase_ == Phase::greeting) greet();
  if (phase_ == Phase::flowing) pump();
}

void Flow::connected() {
  if (const int error = proxy_.wire.connect_error(); error != 0)
    return end({std::string("the proxy cannot be reached: ") + std::strerror(error), true});
  last_ = loop_.now();
  phase_ = Phase::securing;
}

// True: the side is waited for.
bool Flow::waits(Side& side, Wire::Outcome outcome) {
  if (outcome != Wire::Outcome::wants_read && outcome != Wire::Outcome::wants_write) return false;
  watch(side, outcome == Wire::Outcome::wants_read, outcome == Wire::Outcome::wants_write);
  return true;
}

void Flow::secure() {
  const Wire::Outcome outcome = proxy_.wire.handshake();
  if (waits(proxy_, outcome)) return;
  if (outcome != Wire::Outcome::done) return end({"the proxy: " + proxy_.wire.tls()->fault(), true});
  last_ = loop_.now();
  phase_ = Phase::greeting;
}

// True: nothing is left to be said.
bool Flow::say() {
  const auto out = handshake_.outgoing();
  while (said_ < out.size()) {
    std::size_t count = 0;
    const auto rest = out.subspan(said_);
    const Wire::Outcome outcome =
        proxy_.wire.send({reinterpret_cast<const std::uint8_t*>(rest.data()), rest.size()}, count);
    said_ += count;
    if (outcome == Wire::Outcome::done) continue;
    if (!waits(proxy_, outcome)) end({"the proxy has closed the connection", true});
    return false;
  }
  handshake_.sent();
  said_ = 0;
  return true;
}

void Flow::greet() {
  for (;;) {
    if (!say()) return;
    std::array<char, 4096> room{};
    std::size_t n = 0;
    const Wire::Outcome outcome = proxy_.wire.receive({reinterpret_cast<std::uint8_t*>(room.data()), room.size()}, n);
    if (waits(proxy_, outcome)) return;
    if (outcome != Wire::Outcome::done) return end({"the proxy has closed the connection", true});
    std::size_t used = 0;
    const std::string_view bytes(room.data(), n);
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
    std::size_t n = 0;
    const Wire::Outcome outcome = to.wire.send({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, n);
    bytes.remove_prefix(n);
    pipe.bytes += n;
    if (outcome == Wire::Outcome::done) continue;
    if (outcome == Wire::Outcome::wants_write) break;
    end({"a side has closed the connection", false});
    return false;
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
    std::size_t n = 0;
    const Wire::Outcome outcome = from.wire.receive({reinterpret_cast<std::uint8_t*>(room.data()), room.size()}, n);
    if (outcome == Wire::Outcome::wants_write) from.must_write = true;  // TLS has its own to say
    if (outcome == Wire::Outcome::wants_read || outcome == Wire::Outcome::wants_write) return true;
    if (outcome == Wire::Outcome::failed) {
      end({"a side has reset the connection", false});
      return false;
    }
    last_ = loop_.now();
    if (outcome == Wire::Outcome::ended) {
      pipe.ended = true;
    } else if (!put(to, pipe, {room.data(), n})) {
      return !over();
    }
  }
  if (pipe.ended && !pipe.closed) {
    // To one that has gone there is nothing to tell.
    to.must_write = to.wire.end_sending() == Wire::Outcome::wants_write;
    pipe.closed = !to.must_write;
  }
  return true;
}

void Flow::pump() {
  client_.must_write = proxy_.must_write = false;
  if (!pump(client_, proxy_, up_) || !pump(proxy_, client_, down_)) return;
  if (up_.closed && down_.closed) return end({});
  wait();
  // What TLS has read already wakes nobody.
  if (proxy_.wire.has_more() && down_.left.empty())
    soon_ = loop_.after(std::chrono::milliseconds(0), [this] { go_on(); });
}

void Flow::wait() {
  const auto watch_one = [this](Side& side, const Pipe& in, const Pipe& out) {
    watch(side, in.left.empty() && !in.ended && !side.must_write, !out.left.empty() || side.must_write);
  };
  watch_one(client_, up_, down_);
  watch_one(proxy_, down_, up_);
}

void Flow::watch(Side& side, bool reading, bool writing) {
  if (!reading)
    side.reading.reset();
  else if (side.reading == nullptr)
    side.reading = loop_.readable(side.wire.get(), [this] { go_on(); });
  if (!writing)
    side.writing.reset();
  else if (side.writing == nullptr)
    side.writing = loop_.writable(side.wire.get(), [this] { go_on(); });
}

}  // namespace vpn::agent::proxy
