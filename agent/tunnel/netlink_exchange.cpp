#include "agent/tunnel/netlink_exchange.h"

#include <sys/socket.h>

#include <cerrno>
#include <memory>

namespace vpn::agent {
namespace {

struct Close {
  void operator()(mnl_socket* p) const { mnl_socket_close(p); }
};
using Socket = std::unique_ptr<mnl_socket, Close>;
using Visit = std::function<void(const nlmsghdr&)>;

int visit(const nlmsghdr* message, void* data) {
  (*static_cast<const Visit*>(data))(*message);
  return MNL_CB_OK;
}

}  // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::size_t capacity) : buffer_(capacity) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer_.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  header->nlmsg_seq = 1;
}

int netlink_exchange(int protocol, NetlinkMessage& message, const Visit& each) {
  const Socket socket(mnl_socket_open2(protocol, SOCK_CLOEXEC));
  if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return errno;
  if (mnl_socket_sendto(socket.get(), message.get(), message.get()->nlmsg_len) < 0) return errno;
  WipedBytes buffer(32768);
  const unsigned port = mnl_socket_get_portid(socket.get());
  const Visit nothing = [](const nlmsghdr&) {};
  const Visit& called = each ? each : nothing;
  while (true) {
    const ssize_t count = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (count < 0) return errno;
    const int state =
        mnl_cb_run(buffer.data(), static_cast<std::size_t>(count), 1, port, visit, const_cast<Visit*>(&called));
    if (state < 0) return errno;
    if (state == MNL_CB_STOP) return 0;
  }
}

}  // namespace vpn::agent
