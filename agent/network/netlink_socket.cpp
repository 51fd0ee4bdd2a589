#include "agent/network/netlink_socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

namespace vpn::agent {
namespace {

constexpr std::size_t datagram_size = std::size_t{1} << 18;
constexpr int event_room = 8 << 20;  // of bytes: a thousand interfaces at once
constexpr int most_tries = 20;

tl::unexpected<Error> refused(std::string_view what, int error) {
  return fail(ErrorKind::environment, std::string(what) + ": " + std::strerror(error), {},
              error == EPERM ? "the agent needs CAP_NET_ADMIN in this network namespace" : "");
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::open(std::span<const unsigned> groups) { return open(NETLINK_ROUTE, groups); }

Result<NetlinkSocket> NetlinkSocket::open(int protocol, std::span<const unsigned> groups) {
  const int type = SOCK_RAW | SOCK_CLOEXEC | (groups.empty() ? 0 : SOCK_NONBLOCK);
  NetlinkSocket s(::socket(AF_NETLINK, type, protocol));
  if (s.descriptor_ < 0) return refused("cannot open a netlink socket", errno);
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  if (::bind(s.descriptor_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
    return refused("cannot bind a netlink socket", errno);
  constexpr int on = 1;
  // Dumps that obey their filters; since 4.20.
  ::setsockopt(s.descriptor_, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  if (groups.empty()) {
    const timeval limit{2, 0};  // the kernel answers at once; this bounds what must not happen
    ::setsockopt(s.descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  } else if (::setsockopt(s.descriptor_, SOL_SOCKET, SO_RCVBUFFORCE, &event_room, sizeof event_room) != 0) {
    ::setsockopt(s.descriptor_, SOL_SOCKET, SO_RCVBUF, &event_room, sizeof event_room);
  }
  for (const unsigned group : groups)
    if (auto joined = s.join(group); !joined) return tl::unexpected(joined.error());
  s.buffer_ = std::make_unique_for_overwrite<std::byte[]>(datagram_size);  // not touched before it is needed
  return s;
}

Result<void> NetlinkSocket::join(unsigned group) {
  if (::setsockopt(descriptor_, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return refused("cannot subscribe to netlink's events", errno);
  return {};
}

NetlinkSocket::NetlinkSocket(NetlinkSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      sequence_(other.sequence_),
      buffer_(std::move(other.buffer_)) {}

NetlinkSocket& NetlinkSocket::operator=(NetlinkSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(sequence_, other.sequence_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

NetlinkSocket::~NetlinkSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> NetlinkSocket::send(Datagram message) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const ssize_t n = ::sendto(descriptor_, message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                             sizeof kernel);
  if (n < 0) return refused("netlink takes no request", errno);
  return {};
}

Result<NetlinkNews> NetlinkSocket::receive() {
  auto datagram = receive_datagram();
  if (!datagram) return tl::unexpected(datagram.error());
  return read_netlink(*datagram);
}

Result<NetlinkSocket::Datagram> NetlinkSocket::receive_datagram() {
  for (;;) {
    sockaddr_nl from{};
    socklen_t size = sizeof from;
    const ssize_t n =
        ::recvfrom(descriptor_, buffer_.get(), datagram_size, MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refused("netlink does not answer", errno);
    if (from.nl_pid != 0) continue;  // another process: only the kernel's word counts
    if (static_cast<std::size_t>(n) > datagram_size) return refused("netlink's answer is too long", EMSGSIZE);
    return Datagram(buffer_.get(), static_cast<std::size_t>(n));
  }
}

Result<std::vector<NetlinkNews::Item>> NetlinkSocket::dump(NetlinkRequest::What what, std::uint8_t family, bool own) {
  for (int attempt = 0; attempt < most_tries; ++attempt) {
    if (auto sent = send(NetlinkRequest::dump(what, family, ++sequence_, own)); !sent)
      return tl::unexpected(sent.error());
    std::vector<NetlinkNews::Item> all;
    bool interrupted = false;
    for (bool done = false; !done;) {
      auto news = receive();
      if (!news) return tl::unexpected(news.error());
      if (news->error != 0) return refused("netlink refuses to list what it has", news->error);
      std::move(news->items.begin(), news->items.end(), std::back_inserter(all));
      interrupted = interrupted || news->interrupted;
      done = news->done;
    }
    if (!interrupted) return all;
  }
  return refused("the network changes faster than it can be read", EAGAIN);
}

Result<void> NetlinkSocket::change(const Change& change, const std::function<bool(int)>& forgive,
                                   std::string_view what) {
  const std::uint32_t sequence = ++sequence_;
  if (auto sent = send(change(sequence)); !sent) return sent;
  for (;;) {
    auto news = receive();
    if (!news) return tl::unexpected(news.error());
    if (news->error != 0 && news->failed_sequence == sequence) {
      if (forgive(news->error)) return {};
      return refused(what, news->error);
    }
    if (news->acknowledged != 0) return {};
  }
}

NetlinkSocket::Drained NetlinkSocket::drain(const std::function<void(const NetlinkNews&)>& each) {
  return drain_datagrams([&](Datagram datagram) { each(read_netlink(datagram)); });
}

NetlinkSocket::Drained NetlinkSocket::drain_datagrams(const std::function<void(Datagram)>& each) {
  for (int i = 0; i < 4096; ++i) {  // then let others have their turn: the descriptor stays readable
    sockaddr_nl from{};
    socklen_t size = sizeof from;
    const ssize_t n = ::recvfrom(descriptor_, buffer_.get(), datagram_size, MSG_TRUNC | MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return Drained::all;
      return errno == ENOBUFS ? Drained::lost : Drained::failed;
    }
    if (from.nl_pid != 0) continue;
    if (static_cast<std::size_t>(n) > datagram_size) return Drained::lost;
    each(Datagram(buffer_.get(), static_cast<std::size_t>(n)));
  }
  return Drained::all;
}

}  // namespace vpn::agent
