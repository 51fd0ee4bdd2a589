#include "agent/control/server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace vpn::agent {
namespace {

constexpr std::size_t most_clients = 64;
constexpr std::size_t most_waiting = std::size_t{16} << 20;  // bytes that a client has not read

ControlPeer identify(int descriptor, std::optional<std::uint32_t> group) {
  ControlPeer peer;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return peer;
  peer.uid = credentials.uid;
  if (!group) return peer;
  std::vector<gid_t> groups(65536);
  socklen_t bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) bytes = 0;
  groups.resize(bytes / sizeof(gid_t));
  peer.in_group = credentials.gid == *group || std::find(groups.begin(), groups.end(), *group) != groups.end();
  return peer;
}

class Server;

class Client final : public ControlClient {
 public:
  Client(Server& server, int descriptor, ControlPeer peer) : server_(server), descriptor_(descriptor), peer_(peer) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() override {
    reading_.reset();
    writing_.reset();
    ::close(descriptor_);
  }
  const ControlPeer& peer() const override { return peer_; }
  void send(std::string text) override;
  void start(Loop& loop);
  bool closed() const { return closed_; }

 private:
  void readable();
  void lines();
  void flush();
  void close();
  Server& server_;
  Loop* loop_ = nullptr;
  int descriptor_;
  ControlPeer peer_;
  std::string in_, out_;
  bool closed_ = false;
  std::unique_ptr<Waiting> reading_, writing_;
};

class Server final : public ControlServer {
 public:
  Server(Loop& loop, int listening, std::string path, std::optional<std::uint32_t> group, Handler handler)
      : loop_(loop), listening_(listening), path_(std::move(path)), group_(group), handler_(std::move(handler)) {
    waiting_ = loop_.readable(listening_, [this] { accept(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override {
    waiting_.reset();
    clients_.clear();
    ::close(listening_);
    ::unlink(path_.c_str());
  }
  void each(const std::function<void(ControlClient&)>& callback) override {
    for (Client& c : clients_)
      if (!c.closed()) callback(c);
  }
  void handle(ControlClient& client, std::string_view line) {
    auto request = parse_request(line);
    if (!request) return client.send(reply(request.error()));
    handler_(client, *request);
  }
  void sweep_soon() {
    sweep_ = loop_.after(std::chrono::milliseconds(0), [this] {
      clients_.remove_if([](const Client& c) { return c.closed(); });
      sweep_.reset();
    });
  }

 private:
  void accept() {
    const int descriptor = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return;
    const ControlPeer peer = identify(descriptor, group_);
    // Root gets in, however many others keep their connections.
    if (clients_.size() >= most_clients && peer.uid != 0) {
      ::close(descriptor);
      return;
    }
    clients_.emplace_back(*this, descriptor, peer).start(loop_);
  }
  Loop& loop_;
  int listening_;
  std::string path_;
  std::optional<std::uint32_t> group_;
  Handler handler_;
  std::list<Client> clients_;
  std::unique_ptr<Waiting> waiting_, sweep_;
};

void Client::start(Loop& loop) {
  loop_ = &loop;
  reading_ = loop.readable(descriptor_, [this] { readable(); });
}

void Client::close() {
  if (std::exchange(closed_, true)) return;
  follows_drops = follows_status = false;
  ::shutdown(descriptor_, SHUT_RDWR);
  server_.sweep_soon();
}

void Client::readable() {
  if (closed_) return;
  std::array<char, 16384> buffer{};
  const ssize_t n = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return close();
  in_.append(buffer.data(), static_cast<std::size_t>(n));
  lines();
}

void Client::lines() {
  std::size_t begin = 0;
  for (std::size_t end = 0; !closed_ && (end = in_.find('\n', begin)) != std::string::npos; begin = end + 1)
    server_.handle(*this, std::string_view(in_).substr(begin, end - begin));
  in_.erase(0, begin);
  if (in_.size() <= largest_request) return;
  send(reply(Error{ErrorKind::usage, "the request is too long", {}, {}}));
  close();
}

void Client::send(std::string text) {
  if (closed_) return;
  if (out_.size() + text.size() > most_waiting) return close();
  out_ += text;
  flush();
}

void Client::flush() {
  while (!out_.empty()) {
    const ssize_t n = ::send(descriptor_, out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (writing_ == nullptr) writing_ = loop_->writable(descriptor_, [this] { flush(); });
      return;
    }
    if (n < 0) return close();
    out_.erase(0, static_cast<std::size_t>(n));
  }
  writing_.reset();
}

tl::unexpected<Error> refused(const std::string& path) {
  return fail(ErrorKind::environment, std::string("cannot listen for commands: ") + std::strerror(errno), path);
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::open(Loop& loop, const std::string& path,
                                                           std::optional<std::uint32_t> group, Handler handler) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorKind::usage, "the path of the control socket is too long", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listening < 0) return refused(path);
  ::unlink(path.c_str());
  if (::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0666) != 0 || ::listen(listening, 16) != 0) {
    auto error = refused(path);
    ::close(listening);
    return error;
  }
  return std::unique_ptr<ControlServer>(std::make_unique<Server>(loop, listening, path, group, std::move(handler)));
}

}  // namespace vpn::agent
