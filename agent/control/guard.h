// The guard as one thing: programs and maps, gate, routes and sysctls. It does what it is told and says which part
// failed; what follows from that is for agent/state/guard_life.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/control/tables.h"
#include "agent/datapath/datapath.h"
#include "agent/datapath/gate.h"
#include "agent/datapath/kernel_map.h"
#include "agent/datapath/route_plan.h"
#include "agent/network/route_writer.h"
#include "agent/state/guard_life.h"

namespace vpn::agent {

/// Everything that has to be in place together, for a policy in one state of the device.
struct Desired {
  std::vector<Interface> interfaces;
  std::vector<TunnelAddress> tunnel_addresses;
  std::vector<TunnelAddress> unanswered;  ///< for the gate: those, and more
  std::vector<TunnelAddress> sources;     ///< for connections that have waited for a tunnel
  std::vector<Exemption> exemptions;
  std::vector<GatePlan::Outer> outer;
  Tables tables;
  RoutePlan routes;
};

/// A part that is not in place, and why.
struct PartFailure {
  std::uint8_t parts = 0;
  Error error;
};

class Guard {
 public:
  struct Settings {
    Options datapath;
    std::string sysctl_root = "/proc/sys/net";
    std::string sysctl_backup;  ///< file that keeps what was there before the first agent
  };
  /// Loads or adopts. Where there is nothing to adopt, the gate is shut while the programs are loaded: from `shut` on
  /// nothing leaves but S1. Errors leave what was there before in force.
  static Result<Guard> open(const Settings& settings, const std::vector<Interface>& interfaces,
                            const std::function<void()>& shut);

  Datapath& datapath() { return datapath_; }
  const Datapath& datapath() const { return datapath_; }
  Gate& gate() { return gate_; }

  /// Puts all of it in place; what is there already is left alone. Gives what failed; nothing: all is well.
  std::vector<PartFailure> put(Desired desired);
  /// What the agent's own probes may reach (S1.f), beside the exemptions of put(). At once.
  Result<void> exempt_probes(std::vector<Exemption> probes);
  /// Likewise where app proxies take datagrams (S1.c).
  Result<void> exempt_associations(std::vector<Exemption> associations);
  /// One store, at once; the tables follow with the next put().
  void set_disconnected(std::uint32_t tunnel);
  /// Whether connections wait for a tunnel that is down. One store.
  void set_waits(std::uint32_t tunnel, bool waits);
  /// The tables of the last put() with every verdict a drop. Nothing happens before the first one, for until then the
  /// datapath lets nothing out, or adopted tables are in force, which grow stale without a beat.
  void block();
  /// Changes the ticket, and beats: but only while the kernel has the tables that were meant last. Those that are in
  /// force in their place tell of a network that may be gone.
  std::optional<PartFailure> beat();
  /// Becomes readable when somebody takes a pin of the guard away: then drain_pins() and check().
  int pins_fd() const { return pins_.get(); }
  void drain_pins();
  /// Whether everything is still where it was put.
  std::vector<PartFailure> check();
  bool routes_in_place();  ///< after somebody touched a route or a rule of ours

  /// Keeps what the sysctls were before the first agent, for remove().
  Result<void> keep_sysctls() const;
  /// Takes everything away. For `stop --remove-guard` only.
  Result<void> remove();

 private:
  Guard(Settings settings, std::string sysctls, Datapath datapath, Gate gate, RouteWriter routes, Descriptor pins);
  Result<void> publish(const Tables& tables);
  GatePlan gate_plan() const;
  Result<void> set_exemptions();

  Settings settings_;
  std::string sysctls_;  ///< before this agent
  Datapath datapath_;
  Gate gate_;
  RouteWriter routes_;
  Descriptor pins_;
  bool hooks_missing_ = false;
  std::vector<std::uint32_t> tickets_;
  std::vector<Exemption> probes_, associations_;
  std::optional<Desired> last_;  ///< its tables have moved into tables_
  TableLife tables_;
  std::string gate_in_place_;  ///< commands of the plan that was applied last, its tickets left out
};

}  // namespace vpn::agent
