#include "agent/network/lookup.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "agent/network/socket_address.h"
#include "policy/ascii.h"

namespace vpn::agent {
namespace {

constexpr std::chrono::milliseconds patience{1500};  // for each question
constexpr std::size_t most_addresses = 16;
constexpr unsigned tries = 2;

bool same_name(const char* a, const std::string& b) {
  std::string_view x(a), y(b);
  if (x.ends_with('.')) x.remove_suffix(1);
  if (y.ends_with('.')) y.remove_suffix(1);
  return ascii::equal_without_case(x, y);
}

policy::Address record_address(const unsigned char* data, bool v6) {
  std::uint64_t high = 0, low = 0;
  if (!v6) {
    for (int i = 0; i < 4; ++i) low = low << 8 | data[i];
    return policy::Address::from_v4(static_cast<std::uint32_t>(low));
  }
  for (int i = 0; i < 8; ++i) high = high << 8 | data[i];
  for (int i = 8; i < 16; ++i) low = low << 8 | data[i];
  return policy::Address::from_v6(high, low);
}

std::uint16_t random_id() {
  std::uint16_t id = 0;
  if (::getrandom(&id, sizeof id, 0) != sizeof id) return 0;
  return id;
}

class Lookup final : public Waiting {
 public:
  Lookup(Loop& loop, LookupRequest request, std::function<void(LookupResult)> callback)
      : loop_(loop), request_(std::move(request)), callback_(std::move(callback)) {
    timer_ = loop_.after(std::chrono::milliseconds(0), [this] { ask(); });
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() override { close(); }

 private:
  // The next server, or the end.
  void ask() {
    close();
    if (at_ >= request_.servers.size() * tries) return finish();
    const policy::Address& server = request_.servers[at_++ % request_.servers.size()];
    answered_ = 0;
    found_.addresses.clear();
    // A socket for each question: another port, which an outsider would have to guess.
    socket_ = ::socket(server.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_storage to{};
    const socklen_t size = socket_address(server, 53, to);
    const std::string& name = request_.interface;
    bool ready = socket_ >= 0;
    if (ready && !name.empty())
      ready = ::setsockopt(socket_, SOL_SOCKET, SO_BINDTODEVICE, name.data(), static_cast<socklen_t>(name.size())) == 0;
    ready = ready && ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), size) == 0;
    for (std::size_t i = 0; ready && i < 2; ++i) {
      ids_[i] = random_id();
      const auto query = dns_query(request_.name, i == 1, ids_[i]);
      ready = !query.empty() && ::send(socket_, query.data(), query.size(), MSG_NOSIGNAL) >= 0;
    }
    if (ready) waiting_ = loop_.readable(socket_, [this] { readable(); });
    // What could not be sent is tried at the next server soon, but not at once: this could go on and on.
    timer_ = loop_.after(ready ? patience : std::chrono::milliseconds(100), [this] { ask(); });
  }

  void readable() {
    std::array<unsigned char, 4096> packet{};
    const ssize_t n = ::recv(socket_, packet.data(), packet.size(), MSG_DONTWAIT);
    if (n <= 0) return;
    for (unsigned i = 0; i < 2; ++i) {
      const auto answer = dns_answer({packet.data(), static_cast<std::size_t>(n)}, request_.name, i == 1, ids_[i]);
      if (!answer || (answered_ & 1u << i) != 0) continue;
      answered_ |= 1u << i;
      found_.answered = true;
      auto& all = found_.addresses;
      all.insert(i == 0 ? all.begin() : all.end(), answer->begin(), answer->end());
    }
    if (request_.only_whether_answered && found_.answered) return finish();
    if (answered_ != 3) return;
    if (found_.addresses.empty()) return ask();
    finish();
  }

  void finish() {
    close();
    const auto callback = std::move(callback_);
    callback(std::move(found_));  // may destroy this
  }

  void close() {
    waiting_.reset();
    timer_.reset();
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  Loop& loop_;
  LookupRequest request_;
  std::function<void(LookupResult)> callback_;
  LookupResult found_;
  std::array<std::uint16_t, 2> ids_{};
  unsigned answered_ = 0;
  std::size_t at_ = 0;
  int socket_ = -1;
  std::unique_ptr<Waiting> waiting_, timer_;
};

}  // namespace

std::vector<unsigned char> dns_query(const std::string& name, bool v6, std::uint16_t id) {
  std::vector<unsigned char> out(NS_PACKETSZ);
  const int size = ::res_mkquery(ns_o_query, name.c_str(), ns_c_in, v6 ? ns_t_aaaa : ns_t_a, nullptr, 0, nullptr,
                                 out.data(), static_cast<int>(out.size()));
  if (size < NS_HFIXEDSZ || name.find('\0') != std::string::npos) return {};
  out.resize(static_cast<std::size_t>(size));
  out[0] = static_cast<unsigned char>(id >> 8);
  out[1] = static_cast<unsigned char>(id & 0xff);
  return out;
}

std::optional<std::vector<policy::Address>> dns_answer(std::span<const unsigned char> packet, const std::string& name,
                                                       bool v6, std::uint16_t id) {
  ns_msg message{};
  if (packet.size() > 65535 || ::ns_initparse(packet.data(), static_cast<int>(packet.size()), &message) != 0)
    return std::nullopt;
  if (ns_msg_id(message) != id || ns_msg_getflag(message, ns_f_qr) != 1 || ns_msg_getflag(message, ns_f_tc) != 0 ||
      ns_msg_count(message, ns_s_qd) != 1)
    return std::nullopt;
  const int type = v6 ? ns_t_aaaa : ns_t_a;
  ns_rr record{};
  if (::ns_parserr(&message, ns_s_qd, 0, &record) != 0 || ns_rr_type(record) != type ||
      !same_name(ns_rr_name(record), name))
    return std::nullopt;
  std::vector<policy::Address> out;
  if (ns_msg_getflag(message, ns_f_rcode) != ns_r_noerror) return out;  // nobody of that name
  // Whatever names lead there (CNAME): the addresses are what the resolver says for our question.
  for (int i = 0; i < ns_msg_count(message, ns_s_an) && out.size() < most_addresses; ++i) {
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) return std::nullopt;
    if (ns_rr_type(record) == type && ns_rr_class(record) == ns_c_in && ns_rr_rdlen(record) == (v6 ? 16 : 4))
      out.push_back(record_address(ns_rr_rdata(record), v6));
  }
  return out;
}

std::unique_ptr<Waiting> look_up(Loop& loop, LookupRequest request, std::function<void(LookupResult)> callback) {
  return std::make_unique<Lookup>(loop, std::move(request), std::move(callback));
}

}  // namespace vpn::agent
