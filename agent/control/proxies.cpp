#include "agent/control/proxies.h"

#include <netinet/in.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/files/files.h"
#include "agent/proxy/provider.h"
#include "policy/flat_text.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

// Ports without a service, below 1024: while the agent is away nobody but root can take the relay's place.
constexpr std::array<std::uint16_t, 8> relay_ports{1009, 1008, 1007, 1006, 1005, 1004, 1003, 1002};

// Each flow has two sockets, which the loop watches by duplicates.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::shared_ptr<const proxy::Login> login_of(const ActivePolicy& policy, const policy::fb::Tunnel& tunnel) {
  if (!names_proxy(tunnel) || tunnel.login() == nullptr) return nullptr;
  auto out = std::make_shared<proxy::Login>();
  out->user = wiped(policy::view(tunnel.login()->user()));
  if (const auto password = policy.secrets.find(tunnel.login()->password())) out->password = wiped(*password);
  return out;
}

}  // namespace

Proxies::Proxies(Loop& loop, Guard& guard, Names& names, Hooks hooks)
    : loop_(loop), guard_(guard), names_(names), hooks_(std::move(hooks)) {}

Proxies::~Proxies() = default;

void Proxies::set(std::shared_ptr<ActivePolicy> policy, std::vector<Number> numbers) {
  in_force_ = false;
  policy_ = std::move(policy);
  numbers_ = std::move(numbers);
  tunnels_.clear();
  logins_.clear();
  bool any = false;
  if (const auto* tunnels = policy_->policy.body().tunnels())
    for (const auto* t : *tunnels) {
      logins_.push_back(login_of(*policy_, *t));
      any = any || t->app_proxy();
    }
  if (relay_ != nullptr) relay_->cut_all();
  if (any && relay_ == nullptr) start();
}

void Proxies::start() {
  raise_descriptor_limit();
  proxy::RelayThread::Hooks hooks;
  Datapath* const datapath = &guard_.datapath();
  hooks.handed = [datapath](std::uint8_t protocol, const policy::Address& address, std::uint16_t port) {
    return datapath->handed(protocol, address, port);
  };
  hooks.datagrams_read = [datapath](std::chrono::nanoseconds before) { datapath->datagrams_read(before); };
  hooks.prepare = [datapath](int socket, Number provider) {
    return datapath->provide_for(socket, provider).has_value();
  };
  hooks.resolve = [this](const Handed& handed) { return resolve(handed); };
  hooks.allow = [this](Number provider, const policy::Address& address, std::uint16_t port) {
    Exemption e;
    e.provider = provider;
    e.address = address;
    e.protocol = IPPROTO_UDP;
    e.port = port;
    associations_.push_back(e);
    exempt();
  };
  hooks.forbid = [this](Number provider, const policy::Address& address, std::uint16_t port) {
    const auto it = std::find_if(associations_.begin(), associations_.end(), [&](const Exemption& e) {
      return e.provider == provider && e.address == address && e.port == port;
    });
    if (it == associations_.end()) return;
    associations_.erase(it);
    exempt();
  };
  hooks.unreachable = [this](std::uint32_t tunnel, const std::string& why) {
    if (tunnel < tunnels_.size()) hooks_.log("tunnel " + printable(tunnels_[tunnel].id) + ": " + printable(why), false);
    hooks_.check(tunnel);
  };
  auto opened = proxy::RelayThread::open(loop_, own_address, relay_ports, std::move(hooks));
  if (!opened) return hooks_.log("app proxies carry nothing: " + opened.error().what, true);
  relay_ = std::move(*opened);
  guard_.datapath().set_relay(relay_->port());
}

void Proxies::exempt() {
  if (auto done = guard_.exempt_associations(associations_); !done) hooks_.failed(done.error());
}

std::vector<std::uint8_t> Proxies::plan(std::vector<NamedTunnel> tunnels) {
  tunnels_ = std::move(tunnels);
  std::vector<std::uint8_t> out;
  for (std::size_t t = 0; t < tunnels_.size(); ++t) {
    const bool is_proxy = policy_->policy.body().tunnels()->Get(static_cast<std::uint32_t>(t))->app_proxy();
    const auto& place = tunnels_[t].life->report.settings.proxy;
    out.push_back(!is_proxy ? no_proxy : place && place->datagrams ? full_proxy : stream_proxy);
  }
  return out;
}

void Proxies::in_force() {
  in_force_ = true;
  if (relay_ != nullptr) relay_->review([this](const Handed& handed) { return resolve(handed).has_value(); });
}

void Proxies::tunnel_went(std::uint32_t tunnel) {
  if (relay_ != nullptr) relay_->cut_tunnel(tunnel);
}

// The kernel has judged it, a moment ago; what holds now counts.
std::optional<proxy::Route> Proxies::resolve(const Handed& handed) const {
  if (!in_force_ || handed.tunnel >= tunnels_.size() || handed.tunnel >= numbers_.size()) return std::nullopt;
  const TunnelLife& life = *tunnels_[handed.tunnel].life;
  if (life.status != policy::TunnelStatus::connected || !life.report.settings.proxy) return std::nullopt;
  if (!handed.asking && names_.proxy_of(handed) != handed.tunnel) return std::nullopt;
  proxy::Route out;
  out.tunnel = handed.tunnel;
  out.provider = numbers_[handed.tunnel];
  out.place = *life.report.settings.proxy;
  out.login = logins_[handed.tunnel];
  out.to.address = handed.remote;
  out.to.port = handed.port;
  if (!handed.asking) out.to.host = names_.host_of(handed);
  return out;
}

std::optional<proxy::RelayCounts> Proxies::counts() const {
  if (relay_ == nullptr) return std::nullopt;
  return relay_->counts();
}

}  // namespace vpn::agent
