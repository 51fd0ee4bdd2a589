#include "agent/tunnel/strongswan/vici_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace vpn::agent::strongswan {
namespace {

constexpr std::size_t read_size = 16384;
// More than this from one wake-up, and others on the loop would wait.
constexpr int reads_at_once = 16;

/// The command's own verdict: `success` and `errmsg` are there for all that do something.
Result<Section> judged(Section message) {
  const auto success = message.text("success");
  if (!success || *success == "yes") return message;
  const auto reason = message.text("errmsg");
  return fail(ErrorKind::environment, std::string(reason.value_or("charon gives no reason")));
}

}  // namespace

Result<std::unique_ptr<ViciClient>> ViciClient::connect(Loop& loop, const std::string& path, Handlers handlers) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::usage, "the path of charon's socket is too long", path, "use a shorter state folder");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(ErrorKind::unreadable, std::string("cannot reach charon: ") + std::strerror(errno), path);
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  // It is going to be told keys and passwords.
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      (peer.uid != 0 && peer.uid != ::geteuid())) {
    return fail(ErrorKind::environment, "somebody else than charon listens on its socket", path);
  }
  return std::make_unique<ViciClient>(loop, std::move(socket), std::move(handlers));
}

ViciClient::ViciClient(Loop& loop, Descriptor socket, Handlers handlers)
    : loop_(loop), socket_(std::move(socket)), handlers_(std::move(handlers)) {
  readable_ = loop_.readable(socket_.get(), [this] { read(); });
}

ViciClient::~ViciClient() { *alive_ = false; }

pid_t ViciClient::peer() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

void ViciClient::request(std::string command, Section message, Reply reply, std::chrono::milliseconds limit) {
  enqueue(Packet{PacketType::command_request, std::move(command), std::move(message)}, std::move(reply), limit);
}

void ViciClient::subscribe(std::string event, Reply reply) {
  enqueue(Packet{PacketType::event_register, std::move(event), {}}, std::move(reply), std::chrono::seconds(10));
}

void ViciClient::enqueue(const Packet& packet, Reply reply, std::chrono::milliseconds limit) {
  if (!socket_) return;
  auto bytes = encode(packet);
  if (!bytes) {
    // An empty request is answered with its error when its turn comes: in order, and never from within this call.
    queue_.push_back({{},
                      [reply = std::move(reply), error = std::move(bytes.error())](const Result<Section>&) {
                        reply(tl::unexpected(error));
                      },
                      limit});
  } else {
    queue_.push_back({std::move(*bytes), std::move(reply), limit});
  }
  send_next();
}

void ViciClient::send_next() {
  // Only one can be active at a time: the protocol has no sequence numbers.
  if (under_way_ || queue_.empty() || !socket_) return;
  under_way_ = true;
  written_ = 0;
  soon_ = loop_.after(std::chrono::milliseconds(0), [this] {
    if (queue_.front().bytes.empty()) return answer(Section{});
    limit_ = loop_.after(queue_.front().limit, [this] { close("charon does not answer"); });
    flush();
  });
}

void ViciClient::flush() {
  const WipedBytes& bytes = queue_.front().bytes;
  while (written_ < bytes.size()) {
    const ssize_t count = ::send(socket_.get(), bytes.data() + written_, bytes.size() - written_, MSG_NOSIGNAL);
    if (count > 0) {
      written_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      if (!writable_) writable_ = loop_.writable(socket_.get(), [this] { flush(); });
      return;
    } else if (errno != EINTR) {
      return close(std::string("the connection to charon failed: ") + std::strerror(errno));
    }
  }
  writable_.reset();
}

void ViciClient::read() {
  const std::shared_ptr<bool> alive = alive_;
  std::array<std::byte, read_size> buffer;
  for (int i = 0; i < reads_at_once; ++i) {
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count == 0) return close("charon has closed the connection");
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return close(std::string("the connection to charon failed: ") + std::strerror(errno));
    }
    stream_.append(std::span(buffer).first(static_cast<std::size_t>(count)));
    while (true) {
      auto packet = stream_.next();
      if (!packet) return close(packet.error().what);
      if (!*packet) break;
      handle(std::move(**packet));
      if (!*alive || !socket_) return;
    }
  }
}

void ViciClient::handle(Packet packet) {
  const bool asked = under_way_ && written_ > 0 && written_ == queue_.front().bytes.size();
  switch (packet.type) {
    case PacketType::event:
      if (const auto on_event = handlers_.on_event) on_event(packet.name, packet.message);
      return;
    case PacketType::command_response:
    case PacketType::event_confirm:
      if (!asked) break;
      return answer(judged(std::move(packet.message)));
    case PacketType::command_unknown:
    case PacketType::event_unknown:
      if (!asked) break;
      return answer(fail(ErrorKind::environment, "this charon does not know what it was asked"));
    default:
      break;
  }
  close("charon sent an answer that nobody had asked for");
}

void ViciClient::answer(Result<Section> result) {
  limit_.reset();
  writable_.reset();
  under_way_ = false;
  const Reply reply = std::move(queue_.front().reply);
  queue_.pop_front();
  const std::shared_ptr<bool> alive = alive_;
  if (reply) reply(std::move(result));
  if (*alive) send_next();
}

void ViciClient::close(const std::string& reason) {
  if (!socket_) return;
  readable_.reset();
  writable_.reset();
  limit_.reset();
  soon_.reset();
  socket_ = Descriptor();
  queue_.clear();
  const auto on_closed = std::move(handlers_.on_closed);
  if (on_closed) on_closed(reason);
}

}  // namespace vpn::agent::strongswan
