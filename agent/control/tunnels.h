// The tunnels of the policy in force: their lives (agent/state/tunnel_life.h), their providers, their timers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/config.h"
#include "agent/control/store.h"
#include "agent/loop/loop.h"
#include "agent/state/device_state.h"
#include "agent/state/on_demand_life.h"
#include "agent/tunnel/provider.h"

namespace vpn::agent {

class Tunnels {
 public:
  struct Hooks {
    /// At once, before anything else: what may leave changes with it.
    std::function<void(std::uint32_t tunnel, policy::TunnelStatus from, policy::TunnelStatus to)> status_changed;
    std::function<void()> settings_changed;             ///< the tables must be made anew
    std::function<void(const std::string& text)> tell;  ///< for the log
    /// On-demand: whether connections that need the tunnel wait for it from now on, instead of being refused.
    std::function<void(std::uint32_t tunnel, bool waits)> waits_changed;
    /// Packets that were sent into an interface since it was made; nothing where there is none.
    std::function<std::optional<std::uint64_t>(const std::string& interface)> packets_sent;
  };
  /// The first factory that makes a provider for a tunnel has it. All references outlive this.
  Tunnels(Loop& loop, std::vector<ProviderFactory> factories, Hooks hooks);
  ~Tunnels();
  Tunnels(const Tunnels&) = delete;
  Tunnels& operator=(const Tunnels&) = delete;

  /// Before set(): takes down the tunnels that the next policy and configuration do not have, or have from another
  /// provider. Their providers live on until they have ended what runs for them, and `keep` with them: what they were
  /// configured with.
  void drop(const policy::Policy& next, const Config& config, const std::shared_ptr<const void>& keep);
  /// Another policy, or another configuration. Tunnels that both have live on; what was remembered starts as wanted.
  /// Providers are made anew and find what is up.
  void set(const policy::Policy& policy, const Secrets& secrets, const Config& config, const std::string& state_dir,
           const RememberedTunnels& remembered);
  /// The network changed: interfaces of tunnels, underlays, on-demand, always-on.
  void network_changed(const NetworkView& view, const policy::DeviceState& state, const Resolvers& resolvers);
  /// What on-demand rules say of it: after network_changed(), and when a probe has been answered.
  void evaluate(const policy::DeviceState& state);
  /// URLs that some rule waits for: they have to be probed.
  std::vector<std::string> awaited() const;
  /// A flow that needs this tunnel was refused, or waits.
  void used(std::uint32_t tunnel);
  /// An evaluating rule has found that a host needs it (ConnectIfNeeded). `why`: for the log.
  void needed(std::uint32_t tunnel, const std::string& why);

  /// Going to sleep: what rules say of a network that is about to be another starts and ends nothing.
  void rest(bool asleep) { asleep_ = asleep; }
  /// After sleep: the servers may be out of reach, and the network another one of the same name.
  void wake();

  /// Somebody could not use it.
  void check(std::uint32_t tunnel);

  /// What a user or an administrator asks for. Errors (`usage`): there is no such tunnel, or its on-demand rules are
  /// not his to override. By identifier, without regard to case, or by name.
  Result<void> want(std::string_view id);
  Result<void> unwant(std::string_view id);
  /// Errors: usage: there is no such tunnel, or it does not ask that (any more).
  Result<void> answer(std::string_view id, std::uint64_t question, WipedBytes answer);

  const std::vector<NamedTunnel>& named() const { return named_; }
  const OnDemandLife& on_demand(std::uint32_t tunnel) const;
  std::size_t leaving() const { return leaving_.size(); }  ///< dropped ones that have not ended yet
  std::string_view provider_kind(std::uint32_t tunnel) const;
  RememberedTunnels remember() const;
  ClientProvider* client(const std::string& id) const;

 private:
  struct Entry;
  void dispatch(Entry& entry, const TunnelEvent& event);
  void dispatch(Entry& entry, const OnDemandEvent& event);
  void connect(Entry& entry);
  void find_servers(Entry& entry);
  void make_provider(Entry& entry);
  void take_down(std::unique_ptr<Entry> entry, std::shared_ptr<const void> keep);
  void gone(const Entry& entry);
  Entry* find(std::string_view id) const;
  std::uint32_t present(const ProviderReport& report) const;

  Loop& loop_;
  std::vector<ProviderFactory> factories_;
  Hooks hooks_;
  const policy::Policy* policy_ = nullptr;
  NetworkView view_;
  Resolvers resolvers_;
  std::vector<std::unique_ptr<Entry>> entries_, leaving_;
  std::vector<NamedTunnel> named_;
  bool asleep_ = false;
};

}  // namespace vpn::agent
