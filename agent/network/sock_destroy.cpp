#include "agent/network/sock_destroy.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace vpn::agent {
namespace {

constexpr std::uint32_t all_states = 0xffffffff;

class DiagSocket {
 public:
  DiagSocket() : number_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {
    const timeval limit{1, 0};
    if (number_ >= 0) ::setsockopt(number_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  DiagSocket(const DiagSocket&) = delete;
  DiagSocket& operator=(const DiagSocket&) = delete;
  ~DiagSocket() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

bool send(int socket, std::uint16_t type, std::uint16_t flags, const inet_diag_req_v2& body) {
  Request r{};
  r.header.nlmsg_len = sizeof r;
  r.header.nlmsg_type = type;
  r.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  r.body = body;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  return ::sendto(socket, &r, sizeof r, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) >= 0;
}

std::uint64_t cookie_of(const inet_diag_sockid& id) {
  return static_cast<std::uint64_t>(id.idiag_cookie[1]) << 32 | id.idiag_cookie[0];
}

// Reads answers until the dump's end or an answer's code; `each` gets every socket. The code, or -errno of our own.
template <class Each>
int receive(int socket, Each each) {
  alignas(nlmsghdr) std::array<char, 32768> buffer{};
  for (;;) {
    const ssize_t n = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    std::size_t left = static_cast<std::size_t>(n);
    const char* at = buffer.data();
    while (left >= sizeof(nlmsghdr)) {
      nlmsghdr header{};
      std::memcpy(&header, at, sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > left) break;
      if (header.nlmsg_type == NLMSG_DONE) return 0;
      if (header.nlmsg_type == NLMSG_ERROR && header.nlmsg_len >= sizeof header + sizeof(int)) {
        int code = 0;
        std::memcpy(&code, at + sizeof header, sizeof code);
        return code;
      }
      if (header.nlmsg_len >= sizeof header + sizeof(inet_diag_msg)) {
        inet_diag_msg message{};
        std::memcpy(&message, at + sizeof header, sizeof message);
        each(message);
      }
      const std::size_t step = (header.nlmsg_len + 3) & ~std::size_t{3};
      if (step >= left) break;
      at += step;
      left -= step;
    }
  }
}

}  // namespace

Result<void> destroy(std::span<const TcpSocket> sockets) {
  if (sockets.empty()) return {};
  const DiagSocket socket;
  if (socket.get() < 0)
    return fail(ErrorKind::environment, std::string("sock_diag cannot be asked: ") + std::strerror(errno));
  std::set<std::uint64_t> wanted;
  bool v4 = false;
  for (const TcpSocket& s : sockets) {
    wanted.insert(s.cookie);
    v4 |= !s.remote.v6;
  }
  int refused = 0;
  // An IPv4 destination may be an IPv6 socket's.
  for (const int family : {AF_INET, AF_INET6}) {
    if (!v4 && family == AF_INET) continue;
    inet_diag_req_v2 request{};
    request.sdiag_family = static_cast<std::uint8_t>(family);
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = all_states;
    if (sockets.size() == 1) { /* the kernel looks at fewer */
      request.id.idiag_sport = htons(sockets[0].local_port);
      request.id.idiag_dport = htons(sockets[0].remote_port);
    }
    std::vector<inet_diag_sockid> found;
    const auto look = [&](const inet_diag_msg& m) {
      if (wanted.contains(cookie_of(m.id))) found.push_back(m.id);
    };
    if (!send(socket.get(), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request) || receive(socket.get(), look) < 0) continue;
    for (const inet_diag_sockid& id : found) {
      request.id = id;
      if (!send(socket.get(), SOCK_DESTROY, NLM_F_ACK, request)) continue;
      const int code = receive(socket.get(), [](const inet_diag_msg&) {});
      if (code != 0 && code != -ENOENT) refused = code;
    }
  }
  if (refused == 0) return {};
  return fail(ErrorKind::environment, std::string("a connection cannot be ended: ") + std::strerror(-refused), {},
              refused == -EOPNOTSUPP ? "the kernel lacks CONFIG_INET_DIAG_DESTROY" : "");
}

}  // namespace vpn::agent
