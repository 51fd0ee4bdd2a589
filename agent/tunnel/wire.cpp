#include "agent/tunnel/wire.h"

#include <sys/socket.h>

#include <cerrno>

namespace vpn::agent {

int Wire::connect_error() const {
  int error = 0;
  socklen_t size = sizeof(error);
  return ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Wire::Outcome Wire::send(std::span<const std::uint8_t> bytes, std::size_t& count) {
  count = 0;
  if (tls_ != nullptr) return tls_->write(bytes, count);
  const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? Outcome::wants_write : Outcome::failed;
  count = static_cast<std::size_t>(n);
  return Outcome::done;
}

Wire::Outcome Wire::receive(std::span<std::uint8_t> room, std::size_t& count) {
  count = 0;
  if (tls_ != nullptr) return tls_->read(room, count);
  const ssize_t n = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? Outcome::wants_read : Outcome::failed;
  count = static_cast<std::size_t>(n);
  return n == 0 ? Outcome::ended : Outcome::done;
}

Wire::Outcome Wire::end_sending() {
  if (tls_ != nullptr) return tls_->say_goodbye();
  ::shutdown(socket_.get(), SHUT_WR);
  return Outcome::done;
}

}  // namespace vpn::agent
