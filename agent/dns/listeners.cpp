#include "agent/dns/listeners.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/network/socket_address.h"

namespace vpn::agent::dns {
namespace {

constexpr unsigned most_in_turn = 256;  // datagrams of one socket, before the loop has its turn
constexpr int backlog = 64;
constexpr std::size_t most_unsent = 262144, most_unread = 2 * (largest_message + 2);

Result<Descriptor> bound(const policy::Address& address, std::uint16_t port, int type) {
  const int family = address.v6 ? AF_INET6 : AF_INET;
  Descriptor out(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  sockaddr_storage own{};
  const socklen_t size = socket_address(address, port, own);
  bool ready = static_cast<bool>(out);
  if (address.v6) ready = ready && ::setsockopt(out.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) == 0;
  // Connections of an agent before us linger; a listener of somebody else's is in the way all the same.
  if (type == SOCK_STREAM) ready = ready && ::setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0;
  ready = ready && ::bind(out.get(), reinterpret_cast<const sockaddr*>(&own), size) == 0;
  if (type == SOCK_STREAM) ready = ready && ::listen(out.get(), backlog) == 0;
  if (ready) return out;
  const int error = errno;
  if (address.v6 && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL)) return Descriptor();
  return fail(ErrorKind::environment,
              "the forwarder of lookups cannot listen on port " + std::to_string(port) + " of " + address.to_string());
}

}  // namespace

// One client's stream of questions, each behind its length (RFC 7766).
class Listeners::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Listeners& all, Descriptor socket, const Asker& asker)
      : all_(all), socket_(std::move(socket)), asker_(asker) {}
  void start() {
    waiting_ = all_.loop_.readable(socket_.get(), [this] { readable(); });
    rest();
  }
  bool closed() const { return closed_; }
  const Asker& asker() const { return asker_; }
  void close() {
    closed_ = true;
    waiting_.reset();
    writing_.reset();
    idle_.reset();
    socket_ = {};
  }

 private:
  void rest() {
    idle_ = all_.loop_.after(idle_limit, [this] { end(); });
  }
  void end() {
    close();
    all_.sweep_soon();
  }
  void readable() {
    const auto self = shared_from_this();
    std::array<std::uint8_t, 4096> room{};
    const ssize_t n = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 || in_.size() + static_cast<std::size_t>(n) > most_unread) return end();
    in_.insert(in_.end(), room.begin(), room.begin() + n);
    rest();
    while (!closed_ && in_.size() >= 2) {
      const std::size_t size = static_cast<std::size_t>(in_[0]) << 8 | in_[1];
      if (in_.size() < size + 2) return;
      const Bytes query(in_.begin() + 2, in_.begin() + 2 + static_cast<std::ptrdiff_t>(size));
      in_.erase(in_.begin(), in_.begin() + 2 + static_cast<std::ptrdiff_t>(size));
      all_.hooks_.asked(asker_, query, true, [weak = std::weak_ptr<Connection>(self)](const Bytes& answer) {
        if (const auto connection = weak.lock()) connection->send(answer);
      });
    }
  }
  void send(const Bytes& answer) {
    if (closed_) return;
    if (answer.size() > largest_message || out_.size() > most_unsent) return end();
    out_.push_back(static_cast<std::uint8_t>(answer.size() >> 8));
    out_.push_back(static_cast<std::uint8_t>(answer.size() & 0xff));
    out_.insert(out_.end(), answer.begin(), answer.end());
    flush();
  }
  void flush() {
    const ssize_t n = ::send(socket_.get(), out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return end();
    if (n > 0) out_.erase(out_.begin(), out_.begin() + n);
    if (out_.empty()) {
      writing_.reset();
    } else if (writing_ == nullptr) {
      writing_ = all_.loop_.writable(socket_.get(), [this] { flush(); });
    }
    rest();
  }

  Listeners& all_;
  Descriptor socket_;
  Asker asker_;
  Bytes in_, out_;
  bool closed_ = false;
  std::unique_ptr<Waiting> waiting_, writing_, idle_;
};

Listeners::Listeners(Loop& loop, const ForwarderPlace& place, Hooks hooks)
    : loop_(loop), place_(place), hooks_(std::move(hooks)) {}

Listeners::~Listeners() {
  for (const auto& c : connections_) c->close();
}

Result<std::unique_ptr<Listeners>> Listeners::open(Loop& loop, std::span<const ForwarderPlace> places,
                                                   const Hooks& hooks) {
  Error last{ErrorKind::environment, "the forwarder of lookups has no place to listen", {}, {}};
  for (const ForwarderPlace& place : places) {
    std::unique_ptr<Listeners> out(new Listeners(loop, place, hooks));
    auto done = out->listen(place);
    if (done) return out;
    last = done.error();
  }
  return tl::unexpected(last);
}

Result<void> Listeners::listen(const ForwarderPlace& place) {
  const std::array addresses{place.address, policy::Address::from_v6(0, 1)};
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    auto datagram = bound(addresses[i], place.port, SOCK_DGRAM);
    if (!datagram) return tl::unexpected(datagram.error());
    auto stream = bound(addresses[i], place.port, SOCK_STREAM);
    if (!stream) return tl::unexpected(stream.error());
    datagrams_[i] = std::move(*datagram);
    streams_[i] = std::move(*stream);
  }
  std::size_t at = 0;
  for (const auto* sockets : {&datagrams_, &streams_})
    for (const Descriptor& s : *sockets)
      if (s) waiting_[at++] = loop_.readable(s.get(), [this] { readable(); });
  return {};
}

// All of them, whichever has something: only then is it known that nothing older is waiting anywhere.
void Listeners::readable() {
  const std::chrono::nanoseconds before = Loop::Clock::now().time_since_epoch();  // CLOCK_MONOTONIC, as the kernel's
  bool all = true;
  for (const Descriptor& s : datagrams_) all = (!s || read_datagrams(s.get())) && all;
  for (const Descriptor& s : streams_) all = (!s || accept(s.get())) && all;
  if (all) hooks_.read_until(before);
}

bool Listeners::read_datagrams(int socket) {
  static thread_local std::array<std::uint8_t, largest_message> room;
  for (unsigned i = 0; i < most_in_turn; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    const ssize_t n =
        ::recvfrom(socket, room.data(), room.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0) return errno == EAGAIN;
    const auto sender = from_socket_address(from);
    const auto asker = sender ? hooks_.asker(IPPROTO_UDP, sender->first, sender->second) : std::nullopt;
    if (!asker) continue;
    hooks_.asked(*asker, {room.data(), static_cast<std::size_t>(n)}, false, [socket, from, size](const Bytes& answer) {
      ::sendto(socket, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&from), size);
    });
  }
  return false;
}

bool Listeners::accept(int socket) {
  for (int i = 0; i < backlog; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    Descriptor client(::accept4(socket, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) return errno == EAGAIN;
    const auto sender = from_socket_address(from);
    const auto asker = sender ? hooks_.asker(IPPROTO_TCP, sender->first, sender->second) : std::nullopt;
    if (!asker) continue;
    const auto same = std::count_if(connections_.begin(), connections_.end(), [&](const auto& c) {
      return c->asker().owner.app == asker->owner.app && c->asker().owner.spawner == asker->owner.spawner;
    });
    if (connections_.size() >= most_connections || static_cast<std::size_t>(same) >= most_of_one) continue;
    connections_.push_back(std::make_shared<Connection>(*this, std::move(client), *asker));
    connections_.back()->start();
  }
  return false;
}

void Listeners::sweep_soon() {
  sweep_ = loop_.after(std::chrono::milliseconds(0), [this] {
    sweep_.reset();
    connections_.remove_if([](const auto& c) { return c->closed(); });
  });
}

}  // namespace vpn::agent::dns
