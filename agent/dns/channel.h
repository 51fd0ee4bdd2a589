// Bytes both ways over a socket that does not block, in TLS or not: what every question over a stream goes through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "agent/dns/message.h"
#include "agent/loop/loop.h"
#include "agent/tunnel/wire.h"

namespace vpn::agent::dns {

class Channel {
 public:
  static constexpr std::size_t most_waiting = 1 << 20;  ///< bytes that the server does not take: it has gone, for us

  /// They come from the loop, and none of them may destroy the channel.
  struct Hooks {
    std::function<void()> opened;            ///< connected; over TLS: to who it must be
    std::function<void(View piece)> came;    ///< not empty
    std::function<void(bool whole)> closed;  ///< nothing follows. `whole`: the server has said so itself
  };
  /// `wire` is on its way to be connected. The loop outlives it.
  Channel(Loop& loop, Wire wire, Hooks hooks);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  /// Says goodbye if it is open.
  ~Channel();

  /// Once it is open. What cannot be sent at once is sent later.
  void send(View bytes);
  bool speaks_http2() const { return wire_.tls() != nullptr && wire_.tls()->speaks_http2(); }

 private:
  enum class Phase : std::uint8_t { connecting, greeting, open, closed };
  using Outcome = Wire::Outcome;
  void go_on();
  bool greeted();
  Outcome flush();
  Outcome receive();
  void wait_to_write(bool wanted);
  void close(bool whole);

  Loop& loop_;
  Wire wire_;
  Hooks hooks_;
  Phase phase_ = Phase::connecting;
  bool busy_ = false;  ///< within go_on(), which sends what is added
  Bytes out_;
  std::unique_ptr<Waiting> reading_, writing_, again_;
};

}  // namespace vpn::agent::dns
