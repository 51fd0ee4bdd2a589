#include "agent/control/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>
#include <vector>

#include "agent/loop/unix_server.h"
#include "agent/tunnel/wiped.h"

namespace vpn::agent {
namespace {

constexpr std::size_t most_waiting = std::size_t{16} << 20;  // bytes that a client has not read

ControlPeer identify(int descriptor, const UnixPeer& who, std::optional<std::uint32_t> group) {
  ControlPeer peer;
  peer.uid = who.uid;
  if (!group) return peer;
  std::vector<gid_t> groups(65536);
  socklen_t bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) bytes = 0;
  groups.resize(bytes / sizeof(gid_t));
  peer.in_group = who.gid == *group || std::find(groups.begin(), groups.end(), *group) != groups.end();
  return peer;
}

class Server;

class Client final : public ControlClient {
 public:
  Client(Server& server, int descriptor, const UnixPeer& who, ControlPeer peer)
      : server_(server), descriptor_(descriptor), who_(who), peer_(peer) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() override {
    reading_.reset();
    writing_.reset();
    ::close(descriptor_);
  }
  const ControlPeer& peer() const override { return peer_; }
  const UnixPeer& unix_peer() const { return who_; }
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
  UnixPeer who_;
  ControlPeer peer_;
  void take_bytes(std::size_t& begin);
  std::vector<char, WipingAllocator<char>> in_;  // may hold an answer's secret
  std::string out_;
  std::optional<ControlRequest> incomplete_;  // its bytes are still to come
  bool closed_ = false;
  std::unique_ptr<Waiting> reading_, writing_;
};

class Server final : public ControlServer {
 public:
  Server(Loop& loop, std::optional<std::uint32_t> group, Handler handler)
      : loop_(loop), group_(group), handler_(std::move(handler)), clients_(loop) {}
  Result<void> listen(const std::string& path) {
    auto listener = UnixListener::open(loop_, path, SOCK_STREAM, "commands",
                                       [this](int descriptor, const UnixPeer& who) { accept(descriptor, who); });
    if (!listener) return tl::unexpected(listener.error());
    listener_ = std::move(*listener);
    return {};
  }
  void each(const std::function<void(ControlClient&)>& callback) override {
    for (Client& c : clients_)
      if (!c.closed()) callback(c);
  }
  void handle(ControlClient& client, const ControlRequest& request) { handler_(client, request); }
  void sweep_soon() { clients_.sweep_soon(); }

 private:
  void accept(int descriptor, const UnixPeer& who) {
    if (!clients_.admits(who)) {
      ::close(descriptor);
      return;
    }
    clients_.add(*this, descriptor, who, identify(descriptor, who, group_)).start(loop_);
  }
  Loop& loop_;
  std::optional<std::uint32_t> group_;
  Handler handler_;
  UnixConnections<Client> clients_;
  std::unique_ptr<UnixListener> listener_;
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
  if (const auto call = std::exchange(gone, nullptr)) call();
}

void Client::readable() {
  if (closed_) return;
  std::array<char, 16384> buffer{};
  const ssize_t n = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return close();
  in_.insert(in_.end(), buffer.data(), buffer.data() + n);
  OPENSSL_cleanse(buffer.data(), static_cast<std::size_t>(n));
  lines();
}

void Client::lines() {
  std::size_t begin = 0;
  while (!closed_) {
    if (incomplete_) {
      take_bytes(begin);
      if (incomplete_) break;
      continue;
    }
    const std::string_view rest = std::string_view(in_.data(), in_.size()).substr(begin);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;
    begin += end + 1;
    auto request = parse_request(rest.substr(0, end));
    if (!request) {
      send(reply(request.error()));
    } else if (request->bytes != 0) {
      incomplete_ = std::move(*request);
    } else {
      server_.handle(*this, *request);
    }
  }
  // What is left goes into memory of its own, so that what it was in is wiped.
  in_ = std::vector<char, WipingAllocator<char>>(in_.begin() + static_cast<std::ptrdiff_t>(begin), in_.end());
  if (in_.size() <= largest_request) return;
  send(reply(Error{ErrorKind::usage, "the request is too long", {}, {}}));
  close();
}

void Client::take_bytes(std::size_t& begin) {
  WipedBytes& value = incomplete_->value;
  value.reserve(incomplete_->bytes);
  const auto there = std::as_bytes(std::span(in_).subspan(begin));
  const std::size_t count = std::min(there.size(), incomplete_->bytes - value.size());
  value.insert(value.end(), there.begin(), there.begin() + static_cast<std::ptrdiff_t>(count));
  begin += count;
  if (value.size() < incomplete_->bytes) return;
  const ControlRequest request = std::move(*incomplete_);
  incomplete_.reset();
  server_.handle(*this, request);
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

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::open(Loop& loop, const std::string& path,
                                                           std::optional<std::uint32_t> group, Handler handler) {
  auto server = std::make_unique<Server>(loop, group, std::move(handler));
  if (auto listens = server->listen(path); !listens) return tl::unexpected(listens.error());
  return server;
}

}  // namespace vpn::agent
