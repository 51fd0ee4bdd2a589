#include "agent/tunnel/wireguard/wireguard_provider.h"

#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "agent/tunnel/device.h"
#include "agent/tunnel/names.h"
#include "agent/tunnel/secrets.h"
#include "agent/tunnel/wiped.h"
#include "policy/flat_text.h"
#include "policy_generated.h"

namespace vpn::agent::wireguard {

using policy::Address;
using policy::TunnelStatus;
using std::chrono::milliseconds;

namespace {

constexpr auto poll_interval = milliseconds(50);
constexpr int socket_tries = 100;  // five seconds until wireguard-go listens
// Until the datapath lets the outer packets out: a first handshake that it drops would be repeated after five seconds.
constexpr auto until_allowed = milliseconds(250);
constexpr auto shake_limit = std::chrono::seconds(20), move_limit = std::chrono::seconds(10);
constexpr auto quick_looks = milliseconds(100), slow_looks = milliseconds(500);
constexpr unsigned looks_before_slow = 20, looks_before_anew = 30;
// A session is renewed after 120 s where packets flow; one that is older is asked for.
constexpr auto fresh_for = std::chrono::seconds(150);
constexpr auto ask_interval = std::chrono::seconds(5);
constexpr std::uint32_t usual_mtu = 1420;

std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

WireguardProvider::WireguardProvider(Loop& loop, WireguardOptions options, Listener listener)
    : loop_(loop), options_(std::move(options)), listener_(std::move(listener)) {}

Result<void> WireguardProvider::configure(const TunnelConfiguration& configuration) {
  configuration_ = configuration;
  const auto* tunnel = configuration.policy->body().tunnels()->Get(configuration.tunnel);
  const policy::fb::Setting* text = nullptr;
  if (const auto* settings = tunnel->settings()) {
    for (const auto* setting : *settings)
      if (policy::view(setting->key()) == "WgQuickConfig") text = setting;
  }
  if (text == nullptr) return fail(ErrorKind::invalid_input, "VendorConfig has no WgQuickConfig");
  const auto secret = configuration.secrets == nullptr ? std::nullopt : configuration.secrets->find(text->secret());
  const std::string_view plain = policy::view(text->value());
  if (!secret && plain.empty()) return fail(ErrorKind::invalid_input, "WgQuickConfig is not among the secrets");
  auto config = read_quick_config(secret ? text_of(*secret) : plain);
  if (!config) return tl::unexpected(config.error());
  config_ = std::move(*config);
  if (std::all_of(config_.peers.begin(), config_.peers.end(), [](const Peer& p) { return p.host.empty(); }))
    return fail(ErrorKind::invalid_input, "no [Peer] has an Endpoint", "WgQuickConfig");
  interface_ = short_name("wg", tunnel->id()->string_view());
  socket_ = options_.socket_dir + "/" + interface_ + ".sock";
  if (!options_.cgroup.empty()) {
    cgroup_ = "/" + options_.cgroup + "/" + interface_;
    if (auto made = make_cgroup(options_.cgroup_mount + cgroup_); !made) return made;
  }
  adopt();
  return {};
}

std::vector<std::string> WireguardProvider::server_names() const {
  std::vector<std::string> out;
  for (const Peer& peer : config_.peers)
    if (!peer.host.empty() && std::find(out.begin(), out.end(), peer.host) == out.end()) out.push_back(peer.host);
  return out;
}

// ---- Towards the agent

void WireguardProvider::report(TunnelStatus status, std::string reason) {
  ProviderReport out;
  out.status = status;
  out.reason = std::move(reason);
  if (status != TunnelStatus::disconnected) out.settings.endpoints = endpoints_;
  if (status == TunnelStatus::connected) {
    out.settings.interface = interface_;
    out.settings.addresses = config_.addresses;
    for (const Peer& peer : config_.peers)
      out.settings.included_routes.insert(out.settings.included_routes.end(), peer.allowed.begin(), peer.allowed.end());
    out.settings.dns = config_.dns;
    out.settings.mtu = config_.mtu != 0 ? config_.mtu : usual_mtu;
  }
  if (in_kernel_) {
    out.process.mark = options_.outer_mark;
  } else if (cgroup_.empty()) {
    out.process.executables.push_back(options_.program);
  } else {
    out.process.cgroups.push_back(cgroup_);
  }
  listener_(out);
}

// What was under way has come to nothing; the agent decides when to try again, with the interface that is there.
void WireguardProvider::failed(const std::string& reason) {
  timer_.reset();
  again_ = false;
  phase_ = Phase::idle;
  report(TunnelStatus::disconnected, reason);
}

// Never from within a call of the agent's: it may be in the middle of a step.
void WireguardProvider::later(std::function<void()> call) { soon_ = loop_.after(milliseconds(0), std::move(call)); }

// ---- Adopting

void WireguardProvider::adopt() {
  phase_ = Phase::adopting;
  if (::if_nametoindex(interface_.c_str()) != 0) {
    auto found = socket_device(loop_, socket_);
    in_kernel_ = !found;
    if (!found && options_.kind != WireguardOptions::Kind::program_only) found = kernel_device(loop_, interface_);
    if (found) device_ = std::move(*found);
    if (device_ && !in_kernel_) {
      auto process = Daemon::adopt(loop_, device_->process(), [this](const std::string& r) { daemon_ended(r); });
      if (process) daemon_ = std::move(*process);
      if (!process) device_.reset();
    }
    if (device_) return device_->look([this](const Result<DeviceStatus>& status) { adopted(status); });
    remove_link(interface_);
  }
  later([this] { adopted(fail(ErrorKind::environment, "nothing is there")); });
}

void WireguardProvider::adopted(const Result<DeviceStatus>& status) {
  const bool again = std::exchange(again_, false);
  const bool ours =
      status && status->private_key == config_.private_key && status->peers.size() == config_.peers.size();
  const auto old = ours ? age(*status) : std::nullopt;
  if (ours && old && *old < options_.lost_after) {
    learn(*status);
    phase_ = Phase::up;
    report(TunnelStatus::connected);
    look(milliseconds(0));
  } else {
    // What another configuration has left behind goes, and comes anew with the next connection.
    if (device_ && !ours) return take_down();
    phase_ = Phase::idle;
    report(TunnelStatus::disconnected);
  }
  if (again) connect(request_);
}

// ---- Connecting

void WireguardProvider::connect(const ConnectRequest& request) {
  const bool same = request.underlay == request_.underlay && request.names == request_.names;
  request_ = request;
  if (phase_ == Phase::stopping || phase_ == Phase::adopting) {
    again_ = true;
    return;
  }
  if (same && phase_ != Phase::idle) return;
  later([this] { attempt(); });
}

Result<void> WireguardProvider::find_peers() {
  peers_.clear();
  endpoints_.clear();
  bool any = false;
  for (const Peer& peer : config_.peers) {
    peers_.emplace_back();
    if (peer.host.empty()) continue;
    std::vector<Address> known;
    if (const auto literal = Address::parse(peer.host)) known.push_back(*literal);
    if (const auto found = request_.names.find(peer.host); found != request_.names.end()) known = found->second;
    // Only those that the interface can reach; each attempt takes the next one.
    const std::vector<Address> own = request_.underlay.empty() ? known : addresses_of(request_.underlay);
    std::erase_if(known, [&](const Address& a) {
      return std::none_of(own.begin(), own.end(), [&](const Address& o) { return o.v6 == a.v6; });
    });
    if (known.empty()) continue;
    peers_.back() = known[attempts_ % known.size()];
    endpoints_.push_back({*peers_.back(), IPPROTO_UDP, peer.port});
    any = true;
  }
  if (!any)
    return fail(ErrorKind::environment, "no server of the tunnel can be reached by the interface", request_.underlay);
  return {};
}

void WireguardProvider::attempt() {
  timer_.reset();
  const bool moving = phase_ == Phase::up || phase_ == Phase::moving;
  if (auto found = find_peers(); !found) return failed(found.error().what);
  ++attempts_;
  since_ = loop_.now();
  if (moving) {
    phase_ = Phase::moving;
    before_move_ns_ = newest_ns_;
    report(TunnelStatus::connected);
    timer_ = loop_.after(until_allowed, [this] { set_peers(); });
    return;
  }
  phase_ = Phase::starting;
  if (device_ == nullptr) return make_interface();
  prepare();
}

void WireguardProvider::make_interface() {
  in_kernel_ = false;
  if (options_.kind != WireguardOptions::Kind::program_only) {
    remove_link(interface_);
    const int code = make_link(interface_, "wireguard");
    auto device = code == 0 ? kernel_device(loop_, interface_)
                            : fail(ErrorKind::environment, std::string("cannot make it: ") + std::strerror(code));
    in_kernel_ = device.has_value();
    if (in_kernel_) {
      device_ = std::move(*device);
      return prepare();
    }
    remove_link(interface_);
    if (options_.kind == WireguardOptions::Kind::kernel) return failed("the kernel has no WireGuard");
  }
  ::unlink(socket_.c_str());
  DaemonProgram program{options_.program,
                        {interface_},
                        {"LOG_LEVEL=error", "WG_PROCESS_FOREGROUND=1"},  // which spares the log its banner
                        cgroup_.empty() ? std::string() : options_.cgroup_mount + cgroup_};
  auto process = Daemon::start(loop_, program, [this](const std::string& reason) { daemon_ended(reason); });
  if (!process) return failed(process.error().what + " (" + process.error().where + ")");
  daemon_ = std::move(*process);
  await_socket(socket_tries);
}

void WireguardProvider::await_socket(int tries) {
  if (auto device = socket_device(loop_, socket_)) {
    device_ = std::move(*device);
    return prepare();
  }
  if (tries == 0) return failed("wireguard-go does not listen");
  timer_ = loop_.after(poll_interval, [this, tries] { await_socket(tries - 1); });
}

// Everything but the peers, for the first packet must not be sent before it is let out.
void WireguardProvider::prepare() {
  phase_ = Phase::setting;
  auto ready = set_mtu(interface_, config_.mtu != 0 ? config_.mtu : usual_mtu);
  if (ready) ready = bring_up(interface_, config_.addresses);
  if (!ready) return failed(ready.error().what);
  report(TunnelStatus::connecting);
  timer_ = loop_.after(until_allowed, [this] { set_peers(); });
}

void WireguardProvider::set_peers() {
  timer_.reset();
  const DeviceSettings settings{peers_, in_kernel_ ? options_.outer_mark : 0};
  device_->set(config_, settings, [this](const Result<void>& done) {
    if (phase_ != Phase::setting && phase_ != Phase::shaking && phase_ != Phase::moving) return;
    if (!done) return failed(done.error().what);
    if (phase_ == Phase::setting) phase_ = Phase::shaking;
    looks_ = 0;
    look(quick_looks);
  });
}

// ---- Watching

std::optional<milliseconds> WireguardProvider::age(const DeviceStatus& status) {
  const auto now = loop_.now();
  std::int64_t newest = 0;
  for (const PeerStatus& peer : status.peers) newest = std::max(newest, peer.handshake_ns);
  if (newest == 0) return std::nullopt;
  if (newest != newest_ns_) {
    // The wall clock may be wrong, and be set right meanwhile; but it was not before the last look.
    auto old = std::chrono::duration_cast<Loop::Clock::duration>(std::chrono::nanoseconds(wall_ns() - newest));
    old = std::max(old, Loop::Clock::duration::zero());
    if (newest_ns_ != 0) old = std::min(old, now - looked_at_);
    newest_ns_ = newest;
    newest_at_ = now - old;
  }
  looked_at_ = now;
  return std::chrono::duration_cast<milliseconds>(now - newest_at_);
}

// A server may answer from another address (its own roaming), which then is an endpoint, too.
void WireguardProvider::learn(const DeviceStatus& status) {
  bool news = false;
  for (const PeerStatus& peer : status.peers) {
    const auto same = [&](const policy::Endpoint& e) { return e.address == peer.address && e.port == peer.port; };
    if (!peer.address || std::any_of(endpoints_.begin(), endpoints_.end(), same)) continue;
    endpoints_.push_back({*peer.address, IPPROTO_UDP, peer.port});
    news = true;
  }
  if (news && phase_ == Phase::up) report(TunnelStatus::connected);
}

void WireguardProvider::look(milliseconds after) {
  timer_ = loop_.after(after, [this] {
    device_->look([this](const Result<DeviceStatus>& status) {
      if (phase_ != Phase::shaking && phase_ != Phase::moving && phase_ != Phase::up) return;
      if (!status) return failed(status.error().what);
      judge(*status);
    });
  });
}

void WireguardProvider::judge(const DeviceStatus& status) {
  const auto old = age(status);
  if (phase_ != Phase::up) {
    const bool answered = phase_ == Phase::moving ? old && newest_ns_ != before_move_ns_ : old && *old < fresh_for;
    if (answered) {
      const bool was_up = phase_ == Phase::moving;
      phase_ = Phase::up;
      learn(status);
      if (!was_up) report(TunnelStatus::connected);
      return look(fresh_for);
    }
    if (loop_.now() - since_ > (phase_ == Phase::moving ? move_limit : shake_limit))
      return failed("the server does not answer");
    // WireGuard repeats a handshake after five seconds; a peer that is set anew sends one at once.
    if (++looks_ == looks_before_anew) return set_peers();
    return look(looks_ < looks_before_slow ? quick_looks : slow_looks);
  }
  learn(status);
  if (!old || *old > options_.lost_after) return failed("the server has not answered for three minutes");
  if (*old < fresh_for) return look(std::max(milliseconds(1000), fresh_for - *old));
  device_->poke(config_, [this](const Result<void>& done) {
    if (phase_ != Phase::up) return;
    if (!done) return failed(done.error().what);
    look(ask_interval);
  });
}

// ---- Ending

void WireguardProvider::disconnect() {
  timer_.reset();
  again_ = false;
  if (phase_ == Phase::stopping) return;
  later([this] { take_down(); });
}

void WireguardProvider::take_down() {
  timer_.reset();
  newest_ns_ = 0;
  if (daemon_) {
    phase_ = Phase::stopping;
    return daemon_->stop();  // its interface goes with it
  }
  if (device_ || phase_ != Phase::idle) remove_link(interface_);
  device_.reset();
  phase_ = Phase::idle;
  report(TunnelStatus::disconnected);
  if (std::exchange(again_, false)) connect(request_);
}

void WireguardProvider::daemon_ended(const std::string& reason) {
  const bool wanted = phase_ == Phase::stopping;
  const bool again = again_;
  device_.reset();
  daemon_.reset();
  newest_ns_ = 0;
  failed(wanted ? std::string() : "wireguard-go: " + reason);
  if (wanted && again) connect(request_);
}

}  // namespace vpn::agent::wireguard

namespace vpn::agent {

ProviderFactory wireguard_factory(WireguardOptions options) {
  return [options = std::move(options)](Loop& loop, const TunnelConfiguration& configuration,
                                        Provider::Listener listener) -> std::unique_ptr<Provider> {
    const auto* tunnel = configuration.policy->body().tunnels()->Get(configuration.tunnel);
    if (tunnel->provider() != policy::fb::Provider::wireguard || tunnel->app_proxy()) return nullptr;
    return std::make_unique<wireguard::WireguardProvider>(loop, options, std::move(listener));
  };
}

}  // namespace vpn::agent
