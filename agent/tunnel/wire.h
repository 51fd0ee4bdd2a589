// A connected stream socket that does not block, with TLS over it or without: bytes out, bytes in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "agent/files/descriptor.h"
#include "agent/tunnel/tls.h"

namespace vpn::agent {

class Wire {
 public:
  using Outcome = TlsSession::Outcome;
  Wire() = default;
  /// `socket` may be on its way to be connected; `tls` is made for it, or null.
  explicit Wire(Descriptor socket, std::unique_ptr<TlsSession> tls = nullptr)
      : socket_(std::move(socket)), tls_(std::move(tls)) {}

  int get() const { return socket_.get(); }
  const Descriptor& socket() const { return socket_; }
  const TlsSession* tls() const { return tls_.get(); }

  /// What has come of connect(), once the socket can be written to: errno, 0 for success.
  int connect_error() const;
  /// `done` at once without TLS.
  Outcome handshake() { return tls_ == nullptr ? Outcome::done : tls_->handshake(); }
  /// `done`: `count` bytes of them are on their way.
  Outcome send(std::span<const std::uint8_t> bytes, std::size_t& count);
  /// `done`: `count` bytes came. `ended`: nothing follows, and the other side has said so itself.
  Outcome receive(std::span<std::uint8_t> room, std::size_t& count);
  /// There is something to receive() that no event of the socket tells of.
  bool has_more() const { return tls_ != nullptr && tls_->has_more(); }
  /// Tells the other side that nothing follows.
  Outcome end_sending();

 private:
  Descriptor socket_;
  std::unique_ptr<TlsSession> tls_;  // gone before its socket
};

}  // namespace vpn::agent
