#include "agent/dns/stream.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace vpn::agent::dns {
namespace {

using Outcome = TlsSession::Outcome;

Bytes framed(const Resolver& resolver, const policy::Address& server, View query) {
  Bytes out;
  if (resolver.transport == Transport::https) {
    const std::string text =
        http_request(resolver.name.empty() ? server.to_string() : resolver.name, resolver.port, resolver.path, query);
    out.assign(text.begin(), text.end());
    return out;
  }
  out.push_back(static_cast<std::uint8_t>(query.size() >> 8));
  out.push_back(static_cast<std::uint8_t>(query.size() & 0xff));
  out.insert(out.end(), query.begin(), query.end());
  return out;
}

}  // namespace

StreamQuestion::StreamQuestion(Loop& loop, Descriptor socket, const Resolver& resolver, const policy::Address& server,
                               const std::shared_ptr<TlsTrust>& trust, View query, Done done)
    : loop_(loop),
      socket_(std::move(socket)),
      https_(resolver.transport == Transport::https),
      out_(framed(resolver, server, query)),
      done_(std::move(done)) {
  if (resolver.transport != Transport::cleartext) {
    tls_ = trust == nullptr ? nullptr : TlsSession::open(trust, socket_.get(), resolver.name, server, https_);
    if (tls_ == nullptr) {
      finish(std::nullopt);
      return;
    }
  }
  wait(true);
}

void StreamQuestion::wait(bool writable) {
  if (waiting_ != nullptr && waits_to_write_ == writable) return;
  waits_to_write_ = writable;
  waiting_.reset();
  waiting_ = writable ? loop_.writable(socket_.get(), [this] { go_on(); })
                      : loop_.readable(socket_.get(), [this] { go_on(); });
}

void StreamQuestion::finish(std::optional<Bytes> answer) {
  waiting_.reset();
  over_ = loop_.after(std::chrono::milliseconds(0),
                      [done = std::move(done_), a = std::move(answer)]() mutable { done(std::move(a)); });
}

// As far as it goes without waiting.
void StreamQuestion::go_on() {
  if (phase_ == Phase::connecting) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
      return finish(std::nullopt);
    phase_ = tls_ == nullptr ? Phase::asking : Phase::greeting;
  }
  for (;;) {
    Outcome outcome = Outcome::done;
    if (phase_ == Phase::greeting) outcome = tls_->handshake();
    if (phase_ == Phase::asking) outcome = send_some();
    if (phase_ == Phase::hearing) outcome = receive_some();
    switch (outcome) {
      case Outcome::wants_read:
        return wait(false);
      case Outcome::wants_write:
        return wait(true);
      case Outcome::failed:
        return finish(std::nullopt);
      case Outcome::ended:
        if (over_ == nullptr) finish(std::nullopt);
        return;
      case Outcome::done:
        if (phase_ == Phase::hearing) continue;
        phase_ = phase_ == Phase::greeting ? Phase::asking : Phase::hearing;
    }
  }
}

Outcome StreamQuestion::send_some() {
  if (tls_ != nullptr) return tls_->write(out_);
  while (sent_ < out_.size()) {
    const ssize_t n = ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN ? Outcome::wants_write : Outcome::failed;
    sent_ += static_cast<std::size_t>(n);
  }
  return Outcome::done;
}

Outcome StreamQuestion::receive_some() {
  std::array<std::uint8_t, 4096> room{};
  std::size_t count = 0;
  Outcome outcome = Outcome::done;
  if (tls_ != nullptr) {
    outcome = tls_->read(room, count);
  } else {
    const ssize_t n = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN ? Outcome::wants_read : Outcome::failed;
    count = static_cast<std::size_t>(n);
    if (n == 0) outcome = Outcome::ended;
  }
  if (outcome != Outcome::done && outcome != Outcome::ended) return outcome;
  return take({room.data(), count}, outcome == Outcome::ended) ? Outcome::ended : outcome;
}

bool StreamQuestion::take(View piece, bool ended) {
  if (https_) {
    const auto state = http_.take({reinterpret_cast<const char*>(piece.data()), piece.size()}, ended);
    if (state == HttpAnswer::State::more) return false;
    finish(state == HttpAnswer::State::whole ? std::optional(http_.message()) : std::nullopt);
    return true;
  }
  in_.insert(in_.end(), piece.begin(), piece.end());
  if (in_.size() < 2) return false;
  const std::size_t size = static_cast<std::size_t>(in_[0]) << 8 | in_[1];
  if (in_.size() < size + 2) return false;
  finish(Bytes(in_.begin() + 2, in_.begin() + 2 + static_cast<std::ptrdiff_t>(size)));
  return true;
}

}  // namespace vpn::agent::dns
