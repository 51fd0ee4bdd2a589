// App proxies: what the kernel hands over to the relay (agent/proxy), by which proxy it goes, and as what name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/control/active_policy.h"
#include "agent/control/guard.h"
#include "agent/control/names.h"
#include "agent/proxy/relay_thread.h"
#include "agent/state/device_state.h"

namespace vpn::agent {

class Proxies {
 public:
  struct Hooks {
    std::function<void(std::uint32_t tunnel)> check;  ///< its proxy could not be used
    std::function<void(const std::string& text, bool loud)> log;
    std::function<void(const Error& error)> failed;  ///< the kernel does not take an exemption
  };
  /// All references outlive it.
  Proxies(Loop& loop, Guard& guard, Names& names, Hooks hooks);
  ~Proxies();

  /// Another policy: what was carried ends. Before its first publication. `numbers`: of its tunnels as providers.
  void set(std::shared_ptr<ActivePolicy> policy, std::vector<Number> numbers);
  /// The tunnels as they are now; a ProxyWord for each, for the tables.
  std::vector<std::uint8_t> plan(std::vector<NamedTunnel> tunnels);
  /// The kernel has the tables that belong to what was planned last.
  void in_force();
  void tunnel_went(std::uint32_t tunnel);
  /// Before the guard is taken away, whose maps its thread reads. What comes is refused from now on.
  void end() { relay_.reset(); }
  /// Nothing: no policy had an app proxy yet.
  std::optional<proxy::RelayCounts> counts() const;
  std::uint16_t port() const { return relay_ == nullptr ? std::uint16_t{0} : relay_->port(); }

 private:
  void start();
  std::optional<proxy::Route> resolve(const Handed& handed) const;
  void exempt();

  Loop& loop_;
  Guard& guard_;
  Names& names_;
  Hooks hooks_;
  std::shared_ptr<ActivePolicy> policy_;
  std::vector<Number> numbers_;
  std::vector<std::shared_ptr<const proxy::Login>> logins_;  ///< of each tunnel; null: none
  std::vector<NamedTunnel> tunnels_;
  std::vector<Exemption> associations_;
  bool in_force_ = false;
  std::unique_ptr<proxy::RelayThread> relay_;
};

}  // namespace vpn::agent
