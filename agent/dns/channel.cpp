#include "agent/dns/channel.h"

#include <array>
#include <utility>

namespace vpn::agent::dns {
namespace {

constexpr unsigned most_pieces = 16;  // before the loop has its turn

}  // namespace

Channel::Channel(Loop& loop, Wire wire, Hooks hooks) : loop_(loop), wire_(std::move(wire)), hooks_(std::move(hooks)) {
  wait_to_write(true);
}

Channel::~Channel() {
  if (phase_ == Phase::open) wire_.end_sending();
}

void Channel::wait_to_write(bool wanted) {
  if (!wanted) writing_.reset();
  if (wanted && writing_ == nullptr) writing_ = loop_.writable(wire_.get(), [this] { go_on(); });
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
  if (phase_ == Phase::connecting) {
    if (wire_.connect_error() != 0) return close(false);
    phase_ = Phase::greeting;
    reading_ = loop_.readable(wire_.get(), [this] { go_on(); });
  }
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

// True: it is open from now on.
bool Channel::greeted() {
  const Outcome outcome = wire_.handshake();
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
    std::size_t count = 0;
    const Outcome outcome = wire_.send(View(out_).subspan(sent), count);
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
  std::array<std::uint8_t, 4096> room;
  for (unsigned i = 0; i < most_pieces; ++i) {
    std::size_t count = 0;
    if (const Outcome outcome = wire_.receive(room, count); outcome != Outcome::done) return outcome;
    hooks_.came({room.data(), count});
  }
  return Outcome::done;
}

}  // namespace vpn::agent::dns
