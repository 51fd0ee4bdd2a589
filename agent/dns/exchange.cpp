#include "agent/dns/exchange.h"

#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "agent/dns/stream.h"
#include "agent/files/descriptor.h"

namespace vpn::agent::dns {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds datagram_patience{1500}, stream_patience{4000};
constexpr std::size_t rounds = 2;      // over all servers
constexpr std::size_t most_tries = 6;  // a client has given up by then
constexpr unsigned most_at_once = 32;  // datagrams that are no answer, before the loop has its turn

class Exchange final : public Waiting {
 public:
  Exchange(Loop& loop, ExchangeRequest request, std::function<void(std::optional<Bytes>)> answered)
      : loop_(loop), request_(std::move(request)), answered_(std::move(answered)) {
    ask();
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  // Whoever cannot be asked at all is passed over at once.
  void ask() {
    const auto& servers = request_.resolver.servers;
    while (tried_ < std::min(servers.size() * rounds, most_tries)) {
      const policy::Address& server = servers[tried_++ % servers.size()];
      if (start(server)) return;
    }
    give_up();
  }

  bool start(const policy::Address& server) {
    close();
    const Resolver& r = request_.resolver;
    // Another number for each try, and a socket unless it is shared: an outsider would have to guess both.
    std::uint16_t id = 0;
    if (::getrandom(&id, sizeof(id), 0) != sizeof(id)) return false;
    sent_ = request_.query;
    set_id(sent_, id);
    const bool stream = request_.stream || r.stream || r.transport != Transport::cleartext;
    const bool started = r.transport == Transport::https ? start_https(server)
                         : stream                        ? start_stream(server)
                                                         : start_datagram(server);
    if (started) timer_ = loop_.after(stream ? stream_patience : datagram_patience, [this] { ask(); });
    return started;
  }

  bool start_https(const policy::Address& server) {
    question_ = request_.links->ask(
        {request_.standing, request_.resolver, server, request_.trust, sent_, request_.prepare}, hears());
    return question_ != nullptr;
  }

  bool start_stream(const policy::Address& server) {
    const Resolver& r = request_.resolver;
    Descriptor socket = connected_socket(server, r.port, SOCK_STREAM, request_.prepare);
    if (!socket) return false;
    std::unique_ptr<TlsSession> tls;
    if (r.transport == Transport::tls) {
      if (request_.trust != nullptr)
        tls = TlsSession::open(request_.trust, socket.get(), r.name, server, TlsSession::Speaks::unsaid);
      if (tls == nullptr) return false;
    }
    stream_ = std::make_unique<StreamQuestion>(loop_, Wire(std::move(socket), std::move(tls)), sent_, hears());
    return true;
  }

  bool start_datagram(const policy::Address& server) {
    socket_ = connected_socket(server, request_.resolver.port, SOCK_DGRAM, request_.prepare);
    if (!socket_ || ::send(socket_.get(), sent_.data(), sent_.size(), MSG_NOSIGNAL) < 0) return false;
    waiting_ = loop_.readable(socket_.get(), [this] { readable(); });
    return true;
  }

  StreamQuestion::Done hears() {
    return [this](std::optional<Bytes> answer) {
      if (answer && is_answer_to(sent_, *answer)) return deliver(std::move(*answer));
      ask();
    };
  }

  void readable() {
    static thread_local std::array<std::uint8_t, largest_message> room;
    for (unsigned i = 0; i < most_at_once; ++i) {
      const ssize_t n = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) return ask();  // nobody is there
      const View answer(room.data(), static_cast<std::size_t>(n));
      if (is_answer_to(sent_, answer)) return deliver(Bytes(answer.begin(), answer.end()));
    }
  }

  // May destroy this.
  void deliver(Bytes answer) {
    if (request_.query.size() >= 2)
      set_id(answer, static_cast<std::uint16_t>(request_.query[0] << 8 | request_.query[1]));
    const auto answered = std::move(answered_);
    answered(std::move(answer));
  }

  // Not at once: this may be the constructor.
  void give_up() {
    close();
    timer_ = loop_.after(milliseconds(0), [answered = std::move(answered_)] { answered(std::nullopt); });
  }

  void close() {
    waiting_.reset();
    timer_.reset();
    stream_.reset();
    question_.reset();
    socket_ = {};
  }

  Loop& loop_;
  ExchangeRequest request_;
  std::function<void(std::optional<Bytes>)> answered_;
  Bytes sent_;
  std::size_t tried_ = 0;
  Descriptor socket_;
  std::unique_ptr<StreamQuestion> stream_;
  std::unique_ptr<Waiting> question_, waiting_, timer_;
};

}  // namespace

std::unique_ptr<Waiting> exchange(Loop& loop, ExchangeRequest request,
                                  std::function<void(std::optional<Bytes> answer)> answered) {
  return std::make_unique<Exchange>(loop, std::move(request), std::move(answered));
}

}  // namespace vpn::agent::dns
