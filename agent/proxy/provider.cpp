#include "agent/proxy/provider.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/proxy/flow.h"
#include "agent/tunnel/secrets.h"
#include "agent/tunnel/tls.h"
#include "policy/ascii.h"
#include "policy/flat_text.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

using policy::TunnelStatus;
using std::chrono::milliseconds;

constexpr milliseconds let_out{150};  // until the kernel knows the endpoints
constexpr milliseconds probe_limit{5000};
constexpr std::uint16_t socks_port = 1080, http_port = 8080, https_port = 443;
constexpr std::size_t most_addresses_of_proxy = 8;

// Whether a proxy is there, and what it carries: a SOCKS5 proxy is asked for an association, which is ended at once.
class ProxyProbe {
 public:
  struct Found {
    bool there = false;
    bool datagrams = false;
    std::string fault;
  };
  ProxyProbe(Loop& loop, const ProxyPlace& place, std::shared_ptr<const proxy::Login> login,
             const proxy::Prepare& prepare, std::function<void(const Found&)> found)
      : loop_(loop),
        place_(place),
        found_(std::move(found)),
        handshake_(place.protocol, proxy::Request::associate,
                   proxy::Destination{{}, policy::Address{0, 0, place.address.v6}, 0}, std::move(login)) {
    auto wire = proxy::connect_to(place_, 0, prepare);
    if (!wire) {
      timer_ = loop_.after(milliseconds(0), [this] { finish({false, false, "it cannot be reached"}); });
      return;
    }
    wire_ = std::move(*wire);
    timer_ = loop_.after(probe_limit, [this] { finish({false, false, "it does not answer in time"}); });
    waiting_ = loop_.writable(wire_.get(), [this] { go_on(); });
  }

 private:
  void finish(const Found& found) {
    waiting_.reset();
    timer_.reset();
    wire_ = {};
    const auto told = std::move(found_);
    told(found);  // may destroy this
  }

  void go_on() {
    if (!std::exchange(connected_, true)) {
      if (const int error = wire_.connect_error(); error != 0)
        return finish({false, false, std::string("it cannot be reached: ") + std::strerror(error)});
      if (place_.protocol == ProxyPlace::Protocol::socks5) waiting_ = loop_.readable(wire_.get(), [this] { go_on(); });
    }
    if (place_.protocol == ProxyPlace::Protocol::http) return look_at_http();
    for (;;) {
      const auto out = handshake_.outgoing();  // a few bytes: they always fit
      if (!out.empty() && ::send(wire_.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return finish({false, false, "it has closed the connection"});
      handshake_.sent();
      std::array<char, 512> room{};
      const ssize_t n = ::recv(wire_.get(), room.data(), room.size(), MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return;
      // Some close the connection at a command that they do not know: it was let in, and its command was the fault.
      if (n <= 0) return finish({asked_, false, "it has closed the connection"});
      std::size_t used = 0;
      const auto state = handshake_.take({room.data(), static_cast<std::size_t>(n)}, used);
      asked_ = handshake_.asked();
      if (state == proxy::Handshake::State::done) return finish({true, place_.socket.empty(), {}});
      if (state == proxy::Handshake::State::failed) return finish({handshake_.refused(), false, handshake_.fault()});
    }
  }

  // Only the connection is tried, and over TLS who is there.
  void look_at_http() {
    switch (wire_.handshake()) {
      case Wire::Outcome::done:
        return finish({true, false, {}});
      case Wire::Outcome::wants_read:
        waiting_ = loop_.readable(wire_.get(), [this] { go_on(); });
        return;
      case Wire::Outcome::wants_write:
        waiting_ = loop_.writable(wire_.get(), [this] { go_on(); });
        return;
      default:
        finish({false, false, wire_.tls()->fault()});
    }
  }

  Loop& loop_;
  ProxyPlace place_;
  std::function<void(const Found&)> found_;
  proxy::Handshake handshake_;
  Wire wire_;
  bool connected_ = false, asked_ = false;
  std::unique_ptr<Waiting> timer_, waiting_;
};

// VendorConfig, as far as it is about the proxy.
struct ProxySettings {
  ProxyPlace::Protocol protocol = ProxyPlace::Protocol::socks5;
  bool tls = false;
  std::uint16_t port = 0;
  std::vector<policy::Prefix> included, excluded;
};

tl::unexpected<Error> unusable(std::string key, std::string what) {
  return fail(ErrorKind::invalid_input, "VendorConfig." + std::move(key) + " " + std::move(what), {},
              "see docs/app-proxy.md");
}

Result<ProxySettings> read_settings(const policy::fb::Tunnel& tunnel) {
  ProxySettings out;
  for (const auto* s : *tunnel.settings()) {
    const std::string_view key = policy::view(s->key()), value = policy::view(s->value());
    if (key == "ProxyType") {
      out.tls = ascii::equal_without_case(value, "HTTPS");
      const bool http = out.tls || ascii::equal_without_case(value, "HTTP");
      if (!http && !ascii::equal_without_case(value, "SOCKS5"))
        return unusable("ProxyType", "is SOCKS5, HTTP or HTTPS");
      if (http) out.protocol = ProxyPlace::Protocol::http;
    } else if (key == "ProxyPort") {
      if (!ascii::read_number(value, out.port) || out.port == 0) return unusable("ProxyPort", "is a port");
    } else if (key.starts_with("IncludedRoutes.") || key.starts_with("ExcludedRoutes.")) {
      const auto prefix = policy::Prefix::parse(value);
      if (!prefix) return unusable(std::string(key), "is no prefix");
      (key.front() == 'I' ? out.included : out.excluded).push_back(*prefix);
    } else {
      return unusable(std::string(key), "is not known");
    }
  }
  const bool socks = out.protocol == ProxyPlace::Protocol::socks5;
  if (out.port == 0) out.port = socks ? socks_port : out.tls ? https_port : http_port;
  if (out.included.empty()) out.included = {policy::Prefix{}, {policy::Address::from_v6(0, 0), 0}};
  return out;
}

class ProxyProvider final : public Provider {
 public:
  ProxyProvider(Loop& loop, ProxyOptions options, Listener listener)
      : loop_(loop), options_(std::move(options)), listener_(std::move(listener)) {}

  Result<void> configure(const TunnelConfiguration& configuration) override {
    const auto* tunnel = configuration.policy->body().tunnels()->Get(configuration.tunnel);
    number_ = configuration.tunnel;
    auto settings = read_settings(*tunnel);
    if (!settings) return tl::unexpected(settings.error());
    settings_ = std::move(*settings);
    host_ = policy::copy(tunnel->server());
    if (host_.empty()) return fail(ErrorKind::invalid_input, "the proxy has no address", {}, "RemoteAddress names it");
    if (const auto* said = tunnel->login(); said != nullptr) {
      auto login = std::make_shared<proxy::Login>();
      login->user = wiped(policy::view(said->user()));
      const auto password =
          configuration.secrets == nullptr ? std::nullopt : configuration.secrets->find(said->password());
      if (password) login->password = wiped(*password);
      login_ = std::move(login);
    }
    if (auto ready = prepare_tls(configuration); !ready) return ready;
    report(TunnelStatus::disconnected, {});
    return {};
  }

  void connect(const ConnectRequest& request) override {
    probe_.reset();
    const auto known = request.names.find(host_);
    addresses_ = known != request.names.end() ? known->second : request.servers;
    if (addresses_.size() > most_addresses_of_proxy) addresses_.resize(most_addresses_of_proxy);
    place_.reset();
    next_ = 0;
    report(TunnelStatus::connecting, {});
    timer_ = loop_.after(let_out, [this] { try_next("the proxy has no address"); });
  }

  void disconnect() override {
    timer_.reset();
    probe_.reset();
    place_.reset();
    addresses_.clear();
    report(TunnelStatus::disconnected, {});
  }

  void check() override {
    if (!place_ || probe_ != nullptr) return;
    next_ = 0;
    try_next({});
  }

  std::vector<std::string> server_names() const override { return {host_}; }
  std::string_view kind() const override { return "proxy"; }

 private:
  Result<void> prepare_tls(const TunnelConfiguration& configuration) {
    if (!settings_.tls) return {};
    const auto& body = configuration.policy->body();
    const auto* login = body.tunnels()->Get(configuration.tunnel)->login();
    auto trust = trust_of(body, login == nullptr ? policy::none : login->certificate(), [&](std::uint32_t number) {
      return configuration.secrets == nullptr ? std::nullopt : configuration.secrets->find(number);
    });
    if (!trust) return tl::unexpected(trust.error());
    tls_ = std::make_shared<ProxyTls>(ProxyTls{std::move(*trust), host_});
    return {};
  }

  void try_next(const std::string& fault) {
    if (next_ >= addresses_.size()) {
      place_.reset();
      return report(TunnelStatus::disconnected, fault);
    }
    ProxyPlace place;
    place.protocol = settings_.protocol;
    place.address = addresses_[next_++];
    place.port = settings_.port;
    place.tls = tls_;
    probe_ = std::make_unique<ProxyProbe>(
        loop_, place, login_, [this](int socket, Number) { return options_.prepare(socket, number_); },
        [this, place](const ProxyProbe::Found& found) {
          const auto done = std::move(probe_);
          if (!found.there) return try_next("the proxy " + host_ + ": " + found.fault);
          ProxyPlace there = place;
          there.datagrams = found.datagrams;
          if (place_ == there) return;
          place_ = there;
          report(TunnelStatus::connected, {});
        });
  }

  void report(TunnelStatus status, std::string reason) {
    ProviderReport out;
    out.status = status;
    out.reason = std::move(reason);
    if (status != TunnelStatus::disconnected) {
      out.settings.included_routes = settings_.included;
      out.settings.excluded_routes = settings_.excluded;
      for (const policy::Address& a : addresses_) out.settings.endpoints.push_back({a, IPPROTO_TCP, settings_.port});
      out.settings.proxy = place_;
    }
    listener_(out);
  }

  Loop& loop_;
  ProxyOptions options_;
  Listener listener_;
  std::uint32_t number_ = 0;
  ProxySettings settings_;
  std::string host_;
  std::shared_ptr<const proxy::Login> login_;
  std::shared_ptr<const ProxyTls> tls_;
  std::vector<policy::Address> addresses_;
  std::size_t next_ = 0;
  std::optional<ProxyPlace> place_;  ///< where it was found
  std::unique_ptr<ProxyProbe> probe_;
  std::unique_ptr<Waiting> timer_;
};

}  // namespace

bool names_proxy(const policy::fb::Tunnel& tunnel) {
  if (!tunnel.app_proxy() || tunnel.settings() == nullptr) return false;
  for (const auto* s : *tunnel.settings())
    if (policy::view(s->key()) == "ProxyType") return true;
  return false;
}

ProviderFactory proxy_factory(ProxyOptions options) {
  return [options = std::move(options)](Loop& loop, const TunnelConfiguration& configuration,
                                        Provider::Listener listener) -> std::unique_ptr<Provider> {
    if (!names_proxy(*configuration.policy->body().tunnels()->Get(configuration.tunnel))) return nullptr;
    return std::make_unique<ProxyProvider>(loop, options, std::move(listener));
  };
}

}  // namespace vpn::agent
