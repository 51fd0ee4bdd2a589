// Names: the forwarder of lookups (agent/dns) with the policy in force, the kernel's programs and the network's facts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/control/active_policy.h"
#include "agent/control/guard.h"
#include "agent/dns/forwarder.h"
#include "agent/dns/inventions.h"
#include "agent/dns/ties.h"
#include "agent/network/facts.h"
#include "agent/state/device_state.h"

namespace vpn::agent {

class Names final : private dns::LookupRules {
 public:
  using Log = std::function<void(const std::string& text, bool loud)>;
  /// A lookup that the rules refuse, as if its packet had been dropped.
  using Refused = std::function<void(const DropEvent& event, const std::string& name)>;
  /// What lookups are judged by.
  struct Facts {
    std::shared_ptr<ActivePolicy> active;
    const policy::DeviceState* state = nullptr;
    std::vector<NamedTunnel> tunnels;
    const Resolvers* resolvers = nullptr;
    std::map<Number, std::string> identifiers;  ///< of apps
  };

  /// `guard` outlives it. Where nobody can listen, that is said, and lookups have the verdict that they have anyway.
  Names(Loop& loop, Guard& guard, Log log, Refused refused);
  ~Names() override;

  /// A policy follows, before the first plan() for it. What was known by name under another one does not hold until
  /// in_force(); under the same one it does, also what an earlier agent has left in the kernel.
  void policy_changes(const ActivePolicy& next);
  /// New facts, in force from now on for what is asked. Adds to pairs of KernelClasses whose lookups are steered.
  void plan(Facts facts, std::vector<std::uint32_t>& pairs);
  /// The kernel has the tables that belong to what was planned last.
  void in_force();
  /// A tunnel has gone: who waits for an answer through it is told at once.
  void tunnel_went();
  /// Where names decide and apps may ask for them past every socket of their own: what asks for them. For people.
  const std::string& fault() const { return fault_; }

  void set_gate(LookupGate* gate) { gate_ = gate; }
  /// The name by which an app got an address, for people; empty: none.
  std::string name_of(Number app, const policy::Address& address) const { return ties_.name_of(app, address); }
  /// The name by which an app knows an address that it wants to reach; empty: by none that was looked up here.
  std::string host_of(const Handed& handed);
  /// Whose proxy is to carry it, by what was planned last; nothing: nobody's.
  std::optional<std::uint32_t> proxy_of(const Handed& handed);
  struct Counts {
    std::optional<ForwarderPlace> place;  ///< nothing: nobody listens
    dns::ForwarderCounts lookups;
    std::size_t ties = 0;      ///< addresses of apps
    std::uint64_t shared = 0;  ///< those that had names with different verdicts, since the start
  };
  Counts counts() const;
  void resolved_is_away() { resolved_is_away_ = true; }  ///< while lookups are steered nobody asks by nss-resolve
  bool steers() const { return steers_; }                ///< lookups of somebody, by what was planned last

 private:
  // dns::LookupRules
  std::optional<Asker> asker(std::uint8_t protocol, const policy::Address& address, std::uint16_t port) override;
  void questions_read(std::chrono::nanoseconds before) override;
  dns::Choice choose(const Asker& asker, const dns::Query& query) override;
  std::optional<policy::Address> invent(const dns::Query& query) override;
  dns::Standing standing(const Asker& asker, const dns::Query& query) override;
  Result<void> ask_for(int socket, const Asker& asker, const dns::Query& query) override;
  bool tie(const Asker& asker, const dns::Query& query, std::span<const dns::AddressAnswer> addresses) override;
  LookupAsked describe(const Asker& asker, const dns::Query& query, const dns::Choice& choice) override;
  void refused(const Asker& asker, const dns::Query& query, const dns::Choice& choice) override;
  LookupGate* gate() override { return gate_; }
  std::shared_ptr<TlsTrust> trust(const dns::Resolver& resolver) override;

  dns::Questioner questioner(std::uint32_t app, std::uint32_t spawner) const;
  std::string_view identifier(Number number) const;
  bool names_decide(const Asker& asker) const;
  bool stricter(const dns::TieOwner& owner, const policy::Address& address, policy::DomainClass a,
                policy::DomainClass b) const;
  bool tell(const std::vector<dns::TieChange>& changes);
  void take_over(const ActivePolicy& policy);
  void look_for_hidden_services();
  void expire();
  void wait_for_expiry();

  Loop& loop_;
  Guard& guard_;
  Log log_;
  Refused refused_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, dns::Ties::Time>
      told_;  ///< of app and tunnel: when it was told last
  LookupGate* gate_ = nullptr;
  Facts facts_;
  std::optional<policy::Situation> situation_;
  dns::NamePlan plan_;
  std::vector<bool> by_name_;  ///< for each class of owners: whether names decide
  dns::Ties ties_;
  dns::Inventions inventions_;
  std::uint64_t shared_ = 0;
  bool in_force_ = false;
  bool steers_ = false, resolved_is_away_ = false;
  bool other_policy_ = false;  ///< ties are of another policy than the one that is planned
  bool full_said_ = false;
  std::string fault_;
  std::map<std::uint32_t, std::shared_ptr<TlsTrust>>
      trust_;  ///< by the identity that is shown; null: it cannot be used
  std::optional<dns::Ties::Time> expiry_;
  std::unique_ptr<Waiting> expiry_timer_;
  std::unique_ptr<dns::Forwarder> forwarder_;
};

}  // namespace vpn::agent
