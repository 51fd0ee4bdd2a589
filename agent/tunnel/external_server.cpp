#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <list>
#include <utility>

#include "agent/tunnel/external.h"

namespace vpn::agent {
namespace {

constexpr std::size_t most_clients = 64;

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

Peer identify(int descriptor) {
  Peer peer;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    peer.uid = 0xffffffff;
    return peer;
  }
  peer.uid = credentials.uid;
  peer.pid = static_cast<std::uint32_t>(credentials.pid);
  const std::string cgroup = service_cgroup(peer.pid);
  if (!cgroup.empty()) peer.process.cgroups.push_back(cgroup);
  return peer;
}

class Server;

class Connection final : public ClientChannel {
 public:
  Connection(Server& server, int descriptor) : server_(server), descriptor_(descriptor), peer_(identify(descriptor)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override { ::close(descriptor_); }
  bool send(std::string_view message) override {
    return !closing_ && ::send(descriptor_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  }
  void close() override;
  void start(Loop& loop);
  bool closing() const { return closing_; }
  void end();  ///< tells the provider

 private:
  void readable();
  void take(std::string_view text);
  Server& server_;
  int descriptor_;
  Peer peer_;
  ClientProvider* provider_ = nullptr;
  bool closing_ = false;
  std::unique_ptr<Waiting> waiting_;
};

class Server final : public ExternalServer {
 public:
  Server(Loop& loop, int listening, std::string path, Find find)
      : loop_(loop), listening_(listening), path_(std::move(path)), find_(std::move(find)) {
    waiting_ = loop_.readable(listening_, [this] { accept(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override {
    waiting_.reset();
    connections_.clear();
    ::close(listening_);
    ::unlink(path_.c_str());
  }
  void close_all() override {
    for (Connection& c : connections_) {
      c.end();
      c.close();
    }
  }
  ClientProvider* find(const std::string& tunnel) const { return find_(tunnel); }
  // Not at once: the connection may be in the middle of a callback.
  void sweep_soon() {
    sweep_ = loop_.after(std::chrono::milliseconds(0), [this] {
      connections_.remove_if([](const Connection& c) { return c.closing(); });
      sweep_.reset();
    });
  }

 private:
  void accept() {
    const int descriptor = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return;
    if (connections_.size() >= most_clients) {
      ::close(descriptor);
      return;
    }
    connections_.emplace_back(*this, descriptor).start(loop_);
  }
  Loop& loop_;
  int listening_;
  std::string path_;
  Find find_;
  std::list<Connection> connections_;
  std::unique_ptr<Waiting> waiting_, sweep_;
};

void Connection::start(Loop& loop) {
  waiting_ = loop.readable(descriptor_, [this] { readable(); });
}

void Connection::close() {
  if (std::exchange(closing_, true)) return;
  ::shutdown(descriptor_, SHUT_RDWR);
  server_.sweep_soon();
}

void Connection::end() {
  if (ClientProvider* provider = std::exchange(provider_, nullptr)) provider->detach(*this);
}

void Connection::readable() {
  if (closing_) return;
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

tl::unexpected<Error> refused(const std::string& path) {
  return fail(ErrorKind::environment, std::string("cannot listen for clients: ") + std::strerror(errno), path);
}

}  // namespace

Result<std::unique_ptr<ExternalServer>> ExternalServer::open(Loop& loop, const std::string& path, Find find) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorKind::usage, "the path of the socket is too long", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int listening = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listening < 0) return refused(path);
  ::unlink(path.c_str());
  // Who may speak is asked of each peer; anybody may connect.
  if (::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0666) != 0 || ::listen(listening, 16) != 0) {
    auto error = refused(path);
    ::close(listening);
    return error;
  }
  return std::unique_ptr<ExternalServer>(std::make_unique<Server>(loop, listening, path, std::move(find)));
}

}  // namespace vpn::agent
