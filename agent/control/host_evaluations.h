// EvaluateConnection: whether a host needs a VPN that is down, asked of the network in the background when the host is
// looked up. What belongs to one of a rule's parameters (servers, a URL) is asked once for all of its hosts, and holds
// for half a minute.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "agent/control/active_policy.h"
#include "agent/control/prober.h"
#include "agent/loop/loop.h"
#include "agent/state/host_rule.h"
#include "agent/state/on_demand_life.h"

namespace vpn::agent {

class HostEvaluations {
 public:
  enum class Outcome : std::uint8_t {
    unspoken,    ///< no parameter speaks of the host
    never,       ///< NeverConnect
    pending,     ///< the network is being asked
    not_needed,  ///< all that ConnectIfNeeded asks for is there, but for the name itself
    needed,
  };
  struct Hooks {
    std::function<const OnDemandLife&(std::uint32_t tunnel)> life;
    std::function<std::unique_ptr<Waiting>(const std::string& url, std::function<void(HttpAnswer)>)> get;
    std::function<std::unique_ptr<Waiting>(const policy::Address& server, const std::string& name,
                                           std::function<void(bool)>)>
        ask;
  };
  /// What was decided of a host last.
  struct Seen {
    std::string host;
    std::uint32_t parameter = 0;  ///< of the rule
    std::uint32_t source = policy::none;
    Outcome outcome = Outcome::unspoken;
    std::string why;      ///< for people; empty where there is nothing to say
    std::string network;  ///< in which that was
  };

  static constexpr std::chrono::seconds lasts{30};

  /// The loop outlives it.
  HostEvaluations(Loop& loop, Hooks hooks);
  ~HostEvaluations();

  /// Another policy: who waits is forgotten.
  void set(std::shared_ptr<const ActivePolicy> policy);
  /// After the rules were looked at anew: what was asked in another network, or for a rule that is no more the
  /// network's, is forgotten, and who waits for it is called.
  void rules_changed();

  bool evaluates(std::uint32_t tunnel) const;  ///< a device-wide VPN whose rule evaluates hosts, up or not
  bool evaluates_any() const;
  std::vector<std::uint32_t> down() const;  ///< of those, the ones that are not up
  Outcome judge(std::uint32_t tunnel, std::string_view host);
  /// While pending: called once, never from within.
  void when_known(std::uint32_t tunnel, std::string_view host, std::function<void()> done);
  /// Its name does not resolve: whether the rule wants the tunnel for that.
  bool unresolved(std::uint32_t tunnel, std::string_view host);
  /// Whether the rule keeps this host from starting the tunnel. Also of per-app VPNs.
  bool is_never(std::uint32_t tunnel, std::string_view host) const;
  /// Why the last one that was judged needs it.
  std::string why(std::uint32_t tunnel) const;

  /// Of the last host; nothing: none yet in this network.
  const Seen* last(std::uint32_t tunnel) const;
  /// Of this one, as far as it is known without asking.
  std::optional<Seen> about(std::uint32_t tunnel, std::string_view host) const;

 private:
  struct Evaluation;
  using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;  // tunnel, rule, parameter
  std::optional<HostRule> rule_for(std::uint32_t tunnel, std::string_view host) const;
  Key key_of(std::uint32_t tunnel, const HostRule& rule) const;
  void begin(Evaluation& evaluation, const Key& key, const HostRule& rule, std::string_view host);
  void server_told(const Key& key, bool answered);
  void page_told(const Key& key, const std::string& url, const HttpAnswer& answer);
  void finish(const Key& key, Outcome outcome, std::string why);
  void note(std::uint32_t tunnel, const HostRule& rule, std::string_view host, Outcome outcome, std::string why);

  Loop& loop_;
  Hooks hooks_;
  std::shared_ptr<const ActivePolicy> policy_;
  std::vector<bool> device_wide_;
  std::map<Key, std::unique_ptr<Evaluation>> evaluations_;
  std::map<std::uint32_t, Seen> seen_;
};

std::string_view to_string(HostEvaluations::Outcome outcome);

}  // namespace vpn::agent
