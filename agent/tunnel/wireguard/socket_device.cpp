#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <list>

#include "agent/files/descriptor.h"
#include "agent/tunnel/wiped.h"
#include "agent/tunnel/wireguard/device.h"

namespace vpn::agent::wireguard {
namespace {

constexpr auto patience = std::chrono::seconds(3);
constexpr std::size_t longest_answer = std::size_t{1} << 20;

/// One connection, on which requests are answered one after the other: wireguard-go reads ahead, and loses what comes
/// before it has answered.
class Exchange {
 public:
  using Answered = std::function<void(const Result<std::string_view>&)>;
  Exchange(Loop& loop, Descriptor socket, WipedBytes requests, Answered answered)
      : loop_(loop), socket_(std::move(socket)), requests_(std::move(requests)), answered_(std::move(answered)) {
    timer_ = loop_.after(patience, [this] { end("does not answer"); });
    begin();
  }

 private:
  // A request, like an answer, ends with an empty line.
  void begin() {
    end_ = text_of(requests_).find("\n\n", sent_) + 2;
    writing_ = loop_.writable(socket_.get(), [this] { write(); });
  }

  void write() {
    const ssize_t count = ::send(socket_.get(), requests_.data() + sent_, end_ - sent_, MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? void() : end(std::strerror(errno));
    sent_ += static_cast<std::size_t>(count);
    if (sent_ < end_) return;
    reading_ = loop_.readable(socket_.get(), [this] { read(); });
    writing_.reset();
  }

  void read() {
    WipedBytes piece(4096);
    const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? void() : end(std::strerror(errno));
    if (count == 0) return end("has closed its socket");
    if (answer_.size() + static_cast<std::size_t>(count) > longest_answer) return end("says too much");
    answer_.insert(answer_.end(), piece.begin(), piece.begin() + count);
    if (!text_of(answer_).substr(looked_).ends_with("\n\n")) return;
    looked_ = answer_.size();
    if (sent_ < requests_.size()) {
      begin();
      return reading_.reset();
    }
    const Answered answered = std::move(answered_);
    answered(text_of(answer_));
  }

  void end(const std::string& fault) {
    const Answered answered = std::move(answered_);
    answered(fail(ErrorKind::environment, "wireguard-go " + fault));
  }

  Loop& loop_;
  Descriptor socket_;
  WipedBytes requests_, answer_;
  std::size_t sent_ = 0, end_ = 0, looked_ = 0;
  Answered answered_;
  std::unique_ptr<Waiting> writing_, reading_, timer_;
};

Result<Descriptor> connect_to(const std::string& path, pid_t& peer) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorKind::environment, "the path is too long", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (!out || ::connect(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockopt(out.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return fail(ErrorKind::environment, std::string("cannot speak to wireguard-go: ") + std::strerror(errno), path);
  // What is said there is a private key.
  if (credentials.uid != 0) return fail(ErrorKind::environment, "somebody else's socket stands there", path);
  peer = credentials.pid;
  return out;
}

class SocketDevice final : public Device {
 public:
  SocketDevice(Loop& loop, std::string path, pid_t process) : loop_(loop), path_(std::move(path)), process_(process) {}

  void set(const QuickConfig& config, const DeviceSettings& settings, Done done) override {
    ask(set_text(config, settings), without_status(std::move(done)));
  }
  void poke(const QuickConfig& config, Done done) override { ask(poke_text(config), without_status(std::move(done))); }
  void look(Seen seen) override { ask("get=1\n\n", std::move(seen)); }
  pid_t process() const override { return process_; }

 private:
  static Seen without_status(Done done) {
    return [done = std::move(done)](const Result<DeviceStatus>& status) {
      done(status ? Result<void>() : Result<void>(tl::unexpected(status.error())));
    };
  }

  void ask(std::string request, Seen seen) {
    pid_t peer = 0;
    auto socket = connect_to(path_, peer);
    running_.emplace_back();
    const auto place = std::prev(running_.end());
    // From the loop only, and with the exchange gone when it calls: it may be asked again from there.
    const auto finish = [this, place, seen = std::move(seen)](const Result<std::string_view>& text) {
      const Result<DeviceStatus> status = text ? read_answer(*text) : tl::unexpected(text.error());
      const One one = std::move(*place);
      running_.erase(place);
      seen(status);
    };
    if (!socket) {
      place->soon = loop_.after(std::chrono::milliseconds(0),
                                [finish, error = socket.error()] { finish(tl::unexpected(error)); });
    } else {
      place->exchange = std::make_unique<Exchange>(loop_, std::move(*socket), wiped(std::string_view(request)), finish);
    }
    OPENSSL_cleanse(request.data(), request.size());
  }

  struct One {
    std::unique_ptr<Waiting> soon;
    std::unique_ptr<Exchange> exchange;
  };
  Loop& loop_;
  std::string path_;
  pid_t process_;
  std::list<One> running_;
};

}  // namespace

Result<std::unique_ptr<Device>> socket_device(Loop& loop, const std::string& socket) {
  pid_t peer = 0;
  auto connected = connect_to(socket, peer);
  if (!connected) return tl::unexpected(connected.error());
  return std::unique_ptr<Device>(std::make_unique<SocketDevice>(loop, socket, peer));
}

}  // namespace vpn::agent::wireguard
