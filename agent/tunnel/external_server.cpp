#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <utility>

#include "agent/loop/unix_server.h"
#include "agent/tunnel/external.h"

namespace vpn::agent {
namespace {

// The cgroup of a service of its own, into which nobody but root can put a process: a better sign than an executable,
// which anybody may start with libraries of his own. Empty: it is in none.
std::string service_cgroup(std::uint32_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
  std::string line;
  for (int i = 0; i < 64 && std::getline(file, line); ++i) {
    if (!line.starts_with("0::")) continue;
    const std::string path = line.substr(3);
    return path.starts_with("/system.slice/") && path.ends_with(".service") ? path : std::string();
  }
  return {};
}

Peer identify(const UnixPeer& who) {
  Peer peer;
  peer.uid = who.uid;
  peer.pid = who.pid;
  const std::string cgroup = service_cgroup(peer.pid);
  if (!cgroup.empty()) peer.process.cgroups.push_back(cgroup);
  return peer;
}

class Server;

class Connection final : public ClientChannel {
 public:
  Connection(Server& server, int descriptor, const UnixPeer& who)
      : server_(server), descriptor_(descriptor), who_(who), peer_(identify(who)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override { ::close(descriptor_); }
  bool send(std::string_view message) override {
    return !closed_ && ::send(descriptor_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  }
  void close() override;
  void start(Loop& loop);
  const UnixPeer& unix_peer() const { return who_; }
  bool closed() const { return closed_; }
  void end();  ///< tells the provider

 private:
  void readable();
  void take(std::string_view text);
  Server& server_;
  int descriptor_;
  UnixPeer who_;
  Peer peer_;
  ClientProvider* provider_ = nullptr;
  bool closed_ = false;
  std::unique_ptr<Waiting> waiting_;
};

class Server final : public ExternalServer {
 public:
  Server(Loop& loop, Find find) : loop_(loop), find_(std::move(find)), connections_(loop) {}
  Result<void> listen(const std::string& path) {
    auto listener = UnixListener::open(loop_, path, SOCK_SEQPACKET, "clients",
                                       [this](int descriptor, const UnixPeer& who) { accept(descriptor, who); });
    if (!listener) return tl::unexpected(listener.error());
    listener_ = std::move(*listener);
    return {};
  }
  void close_all() override {
    for (Connection& c : connections_) {
      c.end();
      c.close();
    }
  }
  ClientProvider* find(const std::string& tunnel) const { return find_(tunnel); }
  void sweep_soon() { connections_.sweep_soon(); }

 private:
  void accept(int descriptor, const UnixPeer& who) {
    if (!connections_.admits(who)) {
      ::close(descriptor);
      return;
    }
    connections_.add(*this, descriptor, who).start(loop_);
  }
  Loop& loop_;
  Find find_;
  UnixConnections<Connection> connections_;
  std::unique_ptr<UnixListener> listener_;
};

void Connection::start(Loop& loop) {
  waiting_ = loop.readable(descriptor_, [this] { readable(); });
}

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  ::shutdown(descriptor_, SHUT_RDWR);
  server_.sweep_soon();
}

void Connection::end() {
  if (ClientProvider* provider = std::exchange(provider_, nullptr)) provider->detach(*this);
}

void Connection::readable() {
  if (closed_) return;
  std::array<char, largest_client_message + 1> buffer;
  const ssize_t n = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    end();
    return close();
  }
  take(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
}

void Connection::take(std::string_view text) {
  auto message = parse_client_message(text);
  if (!message) {
    send(client_error(message.error()));
    return;
  }
  if (const auto* hello = std::get_if<ClientHello>(&*message)) {
    ClientProvider* provider = server_.find(hello->tunnel);
    if (provider == nullptr || !provider->may_speak(peer_)) {
      send(client_error({ErrorKind::usage, "this tunnel is not configured as an external one of yours", {}, {}}));
      return close();
    }
    end();
    provider_ = provider;
    return provider->attach(*this, peer_);
  }
  if (provider_ == nullptr) {
    send(client_error({ErrorKind::usage, "say hello first", {}, {}}));
    return;
  }
  provider_->received(*this, std::get<ClientReport>(std::move(*message)));
}

}  // namespace

Result<std::unique_ptr<ExternalServer>> ExternalServer::open(Loop& loop, const std::string& path, Find find) {
  auto server = std::make_unique<Server>(loop, std::move(find));
  if (auto listens = server->listen(path); !listens) return tl::unexpected(listens.error());
  return server;
}

}  // namespace vpn::agent
