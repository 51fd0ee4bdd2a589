// A socket to rtnetlink, or another part of netlink, of the network namespace in which it was opened.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "agent/network/netlink_messages.h"
#include "policy/result.h"

namespace vpn::agent {

/// Owns the descriptor. For requests, or, with groups, for events.
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open(std::span<const unsigned> groups = {});
  /// Of another protocol (NETLINK_GENERIC).
  static Result<NetlinkSocket> open(int protocol, std::span<const unsigned> groups);
  NetlinkSocket(NetlinkSocket&& other) noexcept;
  NetlinkSocket& operator=(NetlinkSocket&& other) noexcept;
  ~NetlinkSocket();
  int descriptor() const { return descriptor_; }

  /// Everything of one kind, of one moment: a dump that was interrupted is asked for again.
  Result<std::vector<NetlinkNews::Item>> dump(NetlinkRequest::What what, std::uint8_t family, bool own = false);
  /// Sends changes one after the other and reads the answers. `forgive(errno)`: this failure is as good as none.
  /// `what` names the change for the error. Stops at the first one that fails.
  using Change = std::function<std::vector<std::byte>(std::uint32_t sequence)>;
  Result<void> change(const Change& change, const std::function<bool(int)>& forgive, std::string_view what);

  /// Takes out what is waiting, without waiting. Events that were lost (no room) are an error of kind `environment`.
  enum class Drained : std::uint8_t { all, lost, failed };
  Drained drain(const std::function<void(const NetlinkNews&)>& each);

  // What those are made of, for other messages than rtnetlink's.
  using Datagram = std::span<const std::byte>;
  Drained drain_datagrams(const std::function<void(Datagram)>& each);
  Result<void> join(unsigned group);
  Result<void> send(Datagram message);
  /// Waits, two seconds at most. The bytes are the socket's until the next call.
  Result<Datagram> receive_datagram();
  std::uint32_t next_sequence() { return ++sequence_; }

 private:
  explicit NetlinkSocket(int descriptor) : descriptor_(descriptor) {}
  Result<NetlinkNews> receive();
  int descriptor_ = -1;
  std::uint32_t sequence_ = 1;
  std::unique_ptr<std::byte[]> buffer_;  ///< for one datagram
};

}  // namespace vpn::agent
