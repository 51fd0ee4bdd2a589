#include "agent/proxy/relay.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/network/socket_address.h"

namespace vpn::agent::proxy {
namespace {

constexpr int relay_backlog = 256;
constexpr unsigned relay_in_turn = 256;  // datagrams of one socket, before the loop has its turn
constexpr std::chrono::seconds look_every{15};
constexpr std::chrono::milliseconds accept_pause{200};  // when there is no descriptor for a connection
constexpr std::size_t longest_host_names = 32;          // destinations of one port whose names are known

Descriptor bound_socket(const policy::Address& address, std::uint16_t port, int type, bool& ready) {
  const int family = address.v6 ? AF_INET6 : AF_INET;
  Descriptor out(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  sockaddr_storage own{};
  const socklen_t size = socket_address(address, port, own);
  ready = static_cast<bool>(out);
  if (address.v6) ready = ready && ::setsockopt(out.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) == 0;
  if (type == SOCK_STREAM) ready = ready && ::setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0;
  ready = ready && ::bind(out.get(), reinterpret_cast<const sockaddr*>(&own), size) == 0;
  if (type == SOCK_STREAM) ready = ready && ::listen(out.get(), relay_backlog) == 0;
  if (ready || !address.v6 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return out;
  ready = true;  // no IPv6 here
  return {};
}

bool is_one_owner(const Handed& a, const Handed& b) {
  return a.owner.app == b.owner.app && a.owner.spawner == b.owner.spawner;
}

}  // namespace

struct Relay::Stream {
  Handed handed;
  Descriptor client;  // until there is a flow
  std::unique_ptr<Flow> flow;
  bool over = false;
};

struct Relay::Session {
  Handed handed;  // of the last datagram
  std::size_t family = 0;
  Sender from;
  bool resolving = false, over = false;
  std::map<Sender, Destination> known;  // destinations whose names were asked for
  std::deque<std::pair<Handed, std::string>> waiting;
  std::unique_ptr<Association> association;
};

Relay::Relay(Loop& loop, Hooks hooks) : loop_(loop), hooks_(std::move(hooks)), self_(std::make_shared<Relay*>(this)) {}

Relay::~Relay() { *self_ = nullptr; }

Result<std::unique_ptr<Relay>> Relay::open(Loop& loop, const policy::Address& address,
                                           std::span<const std::uint16_t> ports, Hooks hooks) {
  std::unique_ptr<Relay> out(new Relay(loop, std::move(hooks)));
  for (const std::uint16_t port : ports)
    if (out->listen(address, port)) return out;
  return fail(ErrorKind::environment, "the relay of app proxies finds no port to listen on at " + address.to_string());
}

bool Relay::listen(const policy::Address& address, std::uint16_t port) {
  const std::array addresses{address, policy::Address::from_v6(0, 1)};
  bool ready = true;
  for (std::size_t i = 0; ready && i < addresses.size(); ++i) {
    listeners_[i] = bound_socket(addresses[i], port, SOCK_STREAM, ready);
    if (ready) datagrams_[i] = bound_socket(addresses[i], port, SOCK_DGRAM, ready);
  }
  for (std::size_t i = 0; ready && i < 2; ++i)
    if (datagrams_[i]) waiting_[2 + i] = loop_.readable(datagrams_[i].get(), [this] { readable(); });
  if (ready) await_connections();
  port_ = port;
  return ready;
}

void Relay::await_connections() {
  for (std::size_t i = 0; i < 2; ++i)
    if (listeners_[i]) waiting_[i] = loop_.readable(listeners_[i].get(), [this, i] { accept(listeners_[i].get()); });
}

void Relay::readable() {
  const std::chrono::nanoseconds before = Loop::Clock::now().time_since_epoch();  // CLOCK_MONOTONIC, as the kernel's
  bool all = true;
  has_read_ = false;
  for (std::size_t i = 0; i < 2; ++i) all = (!datagrams_[i] || read_datagrams(i)) && all;
  if (all) hooks_.datagrams_read(before);
  // What came meanwhile was read too, but that nothing of it is left is known a moment later. Without that its port
  // could send to nobody else until somebody else sends something.
  if (all && has_read_) again_ = loop_.after(std::chrono::milliseconds(0), [this] { readable(); });
}

// --- Connections -----------------------------------------------------------------------------------------------------

void Relay::accept(int socket) {
  for (int i = 0; i < relay_backlog; ++i) {
    Descriptor client(::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (errno == EAGAIN) return;
      // It stays readable all the time until there are descriptors again.
      waiting_[0].reset();
      waiting_[1].reset();
      rests_ = loop_.after(accept_pause, [this] { await_connections(); });
      return;
    }
    reset_at_end(client);
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    // Of a connection that is gone already nothing can be said: its port may be another's by now.
    if (::getpeername(client.get(), reinterpret_cast<sockaddr*>(&from), &size) != 0) continue;
    const auto sender = from_socket_address(from);
    const auto handed = sender ? hooks_.handed(IPPROTO_TCP, sender->first, sender->second) : std::nullopt;
    const auto same = std::count_if(streams_.begin(), streams_.end(),
                                    [&](const auto& s) { return handed && is_one_owner(s->handed, *handed); });
    if (!handed || streams_.size() >= most_streams || static_cast<std::size_t>(same) >= most_of_one) {
      ++refused_;
      continue;
    }
    const auto stream = std::make_shared<Stream>();
    stream->handed = *handed;
    stream->client = std::move(client);
    streams_.push_back(stream);
    count();
    hooks_.resolve(*handed, [self = std::weak_ptr<Relay*>(self_),
                             weak = std::weak_ptr<Stream>(stream)](std::optional<Route> route) {
      const auto relay = self.lock();
      const auto waits = weak.lock();
      if (relay != nullptr && *relay != nullptr && waits != nullptr && !waits->over)
        (*relay)->begin(*waits, std::move(route));
    });
  }
}

void Relay::begin(Stream& stream, std::optional<Route> route) {
  if (!route) {
    ++refused_;
    stream.over = true;
    return sweep_soon();
  }
  stream.flow =
      std::make_unique<Flow>(loop_, std::move(stream.client), std::move(*route), [this, &stream](const Flow::End& end) {
        stream.over = true;
        sweep_soon();
        if (!end.unreachable) return;
        ++refused_;
        hooks_.unreachable(stream.flow->route().tunnel, end.fault);
      });
  ++carried_;
  stream.flow->start(hooks_.prepare);
  look_soon();
}

// --- Datagrams -------------------------------------------------------------------------------------------------------

bool Relay::read_datagrams(std::size_t family) {
  static thread_local std::array<char, 65536> room;
  for (unsigned i = 0; i < relay_in_turn; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    const ssize_t n = ::recvfrom(datagrams_[family].get(), room.data(), room.size(), MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0) return errno == EAGAIN;
    has_read_ = true;
    const auto sender = from_socket_address(from);
    const auto handed = sender ? hooks_.handed(IPPROTO_UDP, sender->first, sender->second) : std::nullopt;
    if (handed) datagram(family, *sender, *handed, {room.data(), static_cast<std::size_t>(n)});
  }
  return false;
}

void Relay::datagram(std::size_t family, const Sender& from, const Handed& handed, std::string_view data) {
  std::shared_ptr<Session>& session = sessions_[from];
  // The port is another socket's by now.
  if (session != nullptr &&
      (session->over || !is_one_owner(session->handed, handed) || session->handed.tunnel != handed.tunnel))
    session = nullptr;
  if (session == nullptr) {
    const auto same = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& s) {
      return s.second != nullptr && is_one_owner(s.second->handed, handed);
    });
    if (sessions_.size() > most_associations || static_cast<std::size_t>(same) >= most_associations_of_one) {
      sessions_.erase(from);
      ++refused_;
      return;
    }
    session = std::make_shared<Session>();
    session->family = family;
    session->from = from;
    count();
    look_soon();
  }
  session->handed = handed;
  const auto known = session->known.find({handed.remote, handed.port});
  if (session->association != nullptr && known != session->known.end()) {
    session->association->turn_to(known->second);
    return session->association->send(data);
  }
  if (session->waiting.size() < Association::most_waiting) session->waiting.emplace_back(handed, std::string(data));
  if (std::exchange(session->resolving, true)) return;
  hooks_.resolve(handed, [self = std::weak_ptr<Relay*>(self_), weak = std::weak_ptr<Session>(session),
                          handed](std::optional<Route> route) {
    const auto relay = self.lock();
    const auto waits = weak.lock();
    if (relay != nullptr && *relay != nullptr && waits != nullptr && !waits->over)
      (*relay)->begin(*waits, std::move(route), handed);
  });
}

void Relay::begin(Session& session, std::optional<Route> route, const Handed& handed) {
  session.resolving = false;
  if (!route || !route->place.datagrams) {
    ++refused_;
    session.over = true;
    return sweep_soon();
  }
  if (session.known.size() >= longest_host_names) session.known.clear();
  session.known[{handed.remote, handed.port}] = route->to;
  if (session.association == nullptr) {
    Association::Hooks hooks;
    hooks.prepare = hooks_.prepare;
    hooks.allow = hooks_.allow;
    hooks.forbid = hooks_.forbid;
    hooks.arrived = [this, &session](std::string_view data) {
      sockaddr_storage to{};
      const socklen_t size = socket_address(session.from.first, session.from.second, to);
      ::sendto(datagrams_[session.family].get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&to), size);
    };
    hooks.ended = [this, &session](const Flow::End& end) {
      session.over = true;
      sweep_soon();
      if (end.unreachable) hooks_.unreachable(session.association->route().tunnel, end.fault);
    };
    session.association = std::make_unique<Association>(loop_, std::move(*route), std::move(hooks));
    ++carried_;
    session.association->start();
  }
  // What waits for another destination is asked about next.
  auto waiting = std::exchange(session.waiting, {});
  const std::size_t family = session.family;
  for (auto& [where, data] : waiting) datagram(family, session.from, where, data);
}

// --- What ends -------------------------------------------------------------------------------------------------------

void Relay::cut(const std::function<bool(const Handed& handed)>& stays) {
  for (const auto& s : streams_) {
    if (s->over || stays(s->handed)) continue;
    if (s->flow != nullptr)
      s->flow->cut("the rules say otherwise now");
    else
      begin(*s, std::nullopt);
  }
  for (const auto& [from, s] : sessions_) {
    if (s->over || stays(s->handed)) continue;
    s->over = true;
    if (s->association != nullptr && !s->association->over()) s->association->cut("the rules say otherwise now");
  }
  sweep_soon();
}

RelayCounts Relay::counts() const { return {streams_now_, sessions_now_, carried_, refused_}; }

void Relay::count() {
  streams_now_ = streams_.size();
  sessions_now_ = sessions_.size();
}

// One timer, and none while nothing is carried.
void Relay::look_soon() {
  if (look_ != nullptr || (streams_.empty() && sessions_.empty())) return;
  look_ = loop_.after(look_every, [this] {
    look_.reset();
    for (const auto& s : streams_)
      if (s->flow != nullptr) s->flow->look();
    for (const auto& [from, s] : sessions_)
      if (s->association != nullptr) s->association->look();
    look_soon();
  });
}

void Relay::sweep_soon() {
  if (sweep_ != nullptr) return;
  sweep_ = loop_.after(std::chrono::milliseconds(0), [this] {
    sweep_.reset();
    sweep();
  });
}

void Relay::sweep() {
  streams_.remove_if([](const auto& s) { return s->over; });
  std::erase_if(sessions_, [](const auto& s) { return s.second->over; });
  count();
}

}  // namespace vpn::agent::proxy
