// Requests to the kernel over netlink, answered at once. For the few that a provider makes when a tunnel comes or goes;
// what is watched all the time is agent/network's.
#pragma once

#include <libmnl/libmnl.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "agent/tunnel/wiped.h"

namespace vpn::agent {

/// A request that is being written; what is written is wiped in the end, for it may hold keys.
class NetlinkMessage {
 public:
  /// `capacity` in bytes: nothing may be put behind it.
  NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::size_t capacity = 1024);
  template <class T>
  T& body() {
    return *static_cast<T*>(mnl_nlmsg_put_extra_header(get(), sizeof(T)));
  }
  nlmsghdr* get() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }
  std::size_t room() { return buffer_.size() - get()->nlmsg_len; }

 private:
  WipedBytes buffer_;
};

/// Sends it and waits for the acknowledgement, or for the end of a dump, of which each message is handed to `each`.
/// 0, or errno.
int netlink_exchange(int protocol, NetlinkMessage& message, const std::function<void(const nlmsghdr&)>& each = {});

}  // namespace vpn::agent
