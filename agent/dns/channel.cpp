#include "agent/dns/channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace vpn::agent::dns {
namespace {

constexpr unsigned most_pieces = 16;  // before the loop has its turn

}  // namespace

Channel::Channel(Loop& loop, Descriptor socket, std::unique_ptr<TlsSession> tls, Hooks hooks)
    : loop_(loop), socket_(std::move(socket)), tls_(std::move(tls)), hooks_(std::move(hooks)) {
  wait_to_write(true);
}

Channel::~Channel() {
  if (phase_ == Phase::open && tls_ != nullptr) tls_->say_goodbye();
}

void Channel::wait_to_write(bool wanted) {
  if (!wanted) writing_.reset();
  if (wanted && writing_ == nullptr) writing_ = loop_.writable(socket_.get(), [this] { go_on(); });
}

void Channel::close(bool whole) {
  phase_ = Phase::closed;
  reading_.reset();
  writing_.reset();
  again_.reset();
  hooks_.closed(whole);
}

void Channel::send(View bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  if (phase_ != Phase::open || busy_) return;
  const Outcome outcome = flush();
  wait_to_write(outcome == Outcome::wants_write);
  // The hooks are called from the loop.
  if (outcome == Outcome::failed)
    again_ = loop_.after(std::chrono::milliseconds(0), [this] {
      if (phase_ == Phase::open) close(false);
    });
}

// As far as it goes without waiting.
void Channel::go_on() {
  again_.reset();
  if (phase_ == Phase::connecting && !connected()) return close(false);
  if (phase_ == Phase::greeting && !greeted()) return;
  if (phase_ != Phase::open) return;
  busy_ = true;
  Outcome in = receive();
  const Outcome out = flush();
  busy_ = false;
  if (in == Outcome::ended || in == Outcome::failed) return close(in == Outcome::ended);
  if (out == Outcome::failed) return close(false);
  wait_to_write(out == Outcome::wants_write || in == Outcome::wants_write);
  // What TLS has read already wakes nobody.
  if (in == Outcome::done) again_ = loop_.after(std::chrono::milliseconds(0), [this] { go_on(); });
}

bool Channel::connected() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return false;
  phase_ = Phase::greeting;
  reading_ = loop_.readable(socket_.get(), [this] { go_on(); });
  return true;
}

// True: it is open from now on.
bool Channel::greeted() {
  const Outcome outcome = tls_ == nullptr ? Outcome::done : tls_->handshake();
  wait_to_write(outcome == Outcome::wants_write);
  if (outcome == Outcome::ended || outcome == Outcome::failed) close(false);
  if (outcome != Outcome::done) return false;
  phase_ = Phase::open;
  busy_ = true;
  hooks_.opened();
  busy_ = false;
  return true;
}

// `done`: all is sent.
Channel::Outcome Channel::flush() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const View rest = View(out_).subspan(sent);
    std::size_t count = 0;
    Outcome outcome = Outcome::done;
    if (tls_ != nullptr) {
      outcome = tls_->write(rest, count);
    } else if (const ssize_t n = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT); n >= 0) {
      count = static_cast<std::size_t>(n);
    } else {
      outcome = errno == EAGAIN ? Outcome::wants_write : Outcome::failed;
    }
    sent += count;
    if (outcome == Outcome::done) continue;
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent));
    return out_.size() > most_waiting || outcome == Outcome::ended ? Outcome::failed : outcome;
  }
  out_.clear();
  return Outcome::done;
}

// `done`: there may be more.
Channel::Outcome Channel::receive() {
  for (unsigned i = 0; i < most_pieces; ++i)
    if (const Outcome outcome = receive_piece(); outcome != Outcome::done) return outcome;
  return Outcome::done;
}

Channel::Outcome Channel::receive_piece() {
  std::array<std::uint8_t, 4096> room;
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
  if (outcome == Outcome::done) hooks_.came({room.data(), count});
  return outcome;
}

}  // namespace vpn::agent::dns
