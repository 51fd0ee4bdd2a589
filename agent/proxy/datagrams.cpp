#include "agent/proxy/datagrams.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "agent/network/socket_address.h"

namespace vpn::agent::proxy {
namespace {

constexpr unsigned datagrams_in_turn = 64;

bool is_any(const policy::Address& a) { return a.high == 0 && a.low == 0; }

}  // namespace

Association::Association(Loop& loop, Route route, Hooks hooks)
    : loop_(loop),
      route_(std::move(route)),
      hooks_(std::move(hooks)),
      handshake_(ProxyPlace::Protocol::socks5, Request::associate,
                 Destination{{}, policy::Address{0, 0, route_.place.address.v6}, 0}, route_.login),
      alive_(std::make_shared<bool>(true)),
      last_(loop.now()) {}

Association::~Association() {
  if (place_ && !over_) hooks_.forbid(route_.provider, place_->first, place_->second);
}

void Association::start() {
  auto wire = connect_to(route_.place, route_.provider, hooks_.prepare);
  if (!wire) {
    soon_ = loop_.after(std::chrono::milliseconds(0), [this] { end({"the proxy cannot be reached", true}); });
    return;
  }
  control_ = std::move(*wire);
  controlling_ = loop_.writable(control_.get(), [this] { go_on(); });
}

void Association::cut(const std::string& why) {
  if (!over_) end({why, false});
}

void Association::look() {
  if (over_) return;
  const auto quiet = loop_.now() - last_;
  if (!ready_ && quiet >= longest_start) return end({"the proxy does not answer in time", true});
  if (quiet >= longest_idle) end({});
}

void Association::end(const Flow::End& how) {
  over_ = true;
  soon_.reset();
  controlling_.reset();
  receiving_.reset();
  waiting_.clear();
  datagrams_ = {};
  control_ = {};
  if (place_) hooks_.forbid(route_.provider, place_->first, place_->second);
  const auto ended = std::move(hooks_.ended);
  ended(how);
}

void Association::go_on() {
  if (!connected_) {
    if (control_.connect_error() != 0) return end({"the proxy cannot be reached", true});
    connected_ = true;
    controlling_ = loop_.readable(control_.get(), [this] { go_on(); });
  }
  const auto say = [this] {  // a few bytes: they always fit
    const auto out = handshake_.outgoing();
    const ssize_t n = ::send(control_.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    const bool all = n == static_cast<ssize_t>(out.size());
    handshake_.sent();
    return all;
  };
  if (!handshake_.outgoing().empty() && !say()) return end({"the proxy has closed the connection", true});
  std::array<char, 512> room{};
  for (;;) {
    const ssize_t n = ::recv(control_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    // The association ends with its connection (RFC 1928, 7).
    if (n <= 0) return end({"the proxy has ended the association", !greeted_});
    if (greeted_) continue;
    std::size_t used = 0;
    const auto state = handshake_.take({room.data(), static_cast<std::size_t>(n)}, used);
    if (state == Handshake::State::failed) return end({"the proxy: " + handshake_.fault(), !handshake_.refused()});
    if (!handshake_.outgoing().empty() && !say()) return end({"the proxy has closed the connection", true});
    if (state != Handshake::State::done) continue;
    greeted_ = true;
    return associated();
  }
}

// Only to the proxy itself: another address would be somebody whom the profile does not name.
void Association::associated() {
  const auto& bound = handshake_.bound();
  if (!bound || bound->second == 0 || (!is_any(bound->first) && bound->first != route_.place.address))
    return end({"the proxy takes datagrams elsewhere, where nothing may be sent", false});
  place_.emplace(route_.place.address, bound->second);
  hooks_.allow(route_.provider, place_->first, place_->second, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired() && !over_) ready();
  });
}

void Association::ready() {
  const bool v6 = place_->first.v6;
  datagrams_ = Descriptor(::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage to{};
  const socklen_t size = socket_address(place_->first, place_->second, to);
  if (!datagrams_ || !hooks_.prepare(datagrams_.get(), route_.provider) ||
      ::connect(datagrams_.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0)
    return end({"no datagrams can be sent to the proxy", false});
  receiving_ = loop_.readable(datagrams_.get(), [this] { receive(); });
  ready_ = true;
  last_ = loop_.now();
  for (const auto& [destination, data] : std::exchange(waiting_, {})) {
    route_.to = destination;
    send(data);
  }
}

void Association::send(std::string_view data) {
  if (over_) return;
  if (!ready_) {
    if (waiting_.size() < most_waiting) waiting_.emplace_back(route_.to, std::string(data));
    return;
  }
  last_ = loop_.now();
  const std::string out = wrapped(route_.to, data);
  ::send(datagrams_.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Association::receive() {
  static thread_local std::array<char, 65536> room;
  for (unsigned i = 0; i < datagrams_in_turn; ++i) {
    const ssize_t n = ::recv(datagrams_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0) return;
    const auto datagram = unwrapped({room.data(), static_cast<std::size_t>(n)});
    // From whom the app has asked last: to it everything comes from there.
    if (!datagram || datagram->port != route_.to.port) continue;
    if (route_.to.host.empty() && datagram->from && *datagram->from != route_.to.address) continue;
    last_ = loop_.now();
    hooks_.arrived(datagram->data);
  }
}

}  // namespace vpn::agent::proxy
