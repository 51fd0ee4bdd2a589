// The agent: holds the machine to its policy. One thread; everything happens in callbacks of the loop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/control/active_policy.h"
#include "agent/control/config.h"
#include "agent/control/guard.h"
#include "agent/control/host_evaluations.h"
#include "agent/control/journal.h"
#include "agent/control/lookup_holds.h"
#include "agent/control/names.h"
#include "agent/control/owners.h"
#include "agent/control/probes.h"
#include "agent/control/proxies.h"
#include "agent/control/server.h"
#include "agent/control/store.h"
#include "agent/control/tunnels.h"
#include "agent/dns/hidden_socket.h"
#include "agent/loop/loop.h"
#include "agent/network/monitor.h"
#include "agent/network/router_monitor.h"
#include "agent/network/sock_destroy.h"
#include "agent/network/wifi.h"
#include "agent/state/guard_life.h"
#include "agent/state/policy_life.h"

namespace vpn::agent {

struct AgentOptions {
  std::string policy;      ///< file
  std::string config_dir;  ///< empty: none
  std::string state_dir = "/var/lib/vpnprofile";
  std::string control = "/run/vpnprofile/control.sock";  ///< external clients' socket, `clients`, is beside it
  std::string cgroup;                                    ///< folder to guard; empty: the root of cgroup v2
  std::string bpf_dir = "/sys/fs/bpf/vpn-guard";
  bool audit = false;
};

class Agent {
 public:
  struct Outside {
    std::function<void(const std::string& text, bool loud, const LogFields& fields)> log;
    std::function<void(const std::string& state)> notify;  ///< sd_notify
    std::function<void(int exit_code)> stop;
  };
  /// Reads, opens, adopts; the guard is in force soon after, which is announced. Errors: nothing was changed, but for
  /// programs that may be loaded already and block.
  static Result<std::unique_ptr<Agent>> start(Loop& loop, AgentOptions options, std::vector<ProviderFactory> factories,
                                              Outside outside);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  void reload();  ///< SIGHUP: configuration, app maps and the policy's file

 private:
  using Json = nlohmann::json;
  Agent(Loop& loop, AgentOptions options, std::vector<ProviderFactory> factories, Outside outside);

  // agent.cpp: start, events, publication.
  std::vector<ProviderFactory> with_proxies(std::vector<ProviderFactory> factories);
  Result<void> open();
  Result<void> open_first_policy();
  Result<void> open_network();
  Result<void> open_guard();
  Result<void> open_sockets();
  void place_enrolment();
  void activate(std::shared_ptr<ActivePolicy> policy);
  void network_changed();
  void tell_probes(std::uint32_t primary);
  policy::DeviceState seen() const;
  void machine_told(MachineFacts facts);
  void machine_tells(ControlClient& client, const MachineFacts& facts);
  void probes_changed();
  void waits_changed(std::uint32_t tunnel, bool waits);
  bool connections_wait(std::uint32_t tunnel) const;
  void publish_soon();
  void publish();
  Result<Desired> desired(const policy::DeviceState& state);
  void put(Desired desired);
  Result<void> set_numbers();
  void owners_changed();
  void remember();
  void keep_policy();
  void beat();
  void check();
  void check_soon();
  void hide_resolved();
  void guard(const GuardEvent& event);
  bool policy(const PolicyEvent& event, std::string* refusal = nullptr);
  void log(const std::string& text, bool loud = false, const LogFields& fields = {});

  // agent_owners.cpp: set_numbers, owners_changed.
  // agent_commands.cpp: what is asked on the control socket. agent_reports.cpp: what is told.
  void handle(ControlClient& client, const ControlRequest& request);
  Result<Json> answer(ControlClient& client, const ControlRequest& request);
  Result<Json> apply(const ControlRequest& request);
  Result<Json> why(const ControlRequest& request);
  Result<Json> stop(const ControlRequest& request);
  Result<Json> reloaded();
  Json status() const;
  Json proxies_seen() const;
  Json drops_seen() const;
  Json source_of(const Json& drop) const;
  Json watched() const;
  Json support() const;
  Result<std::string> metrics() const;
  Result<Json> counters() const;
  void read_drops();
  Json drop_seen(const DropEvent& event) const;
  void report_lookup(const DropEvent& event, const std::string& name);
  void tell_drops(std::vector<Json> fresh);
  bool is_to_end(const DropEvent& event) const;
  bool needs_tunnel(const DropEvent& event) const;
  void note_waiting(const DropEvent& event);
  Json on_demand(std::uint32_t tunnel, const std::string& host = {}) const;
  Json evaluation(std::uint32_t tunnel, const std::string& host) const;
  void end_connections(std::span<const TcpSocket> connections);
  void tell_followers();
  void keep_watch();
  std::string app_name(Number number) const;
  std::string tunnel_name(std::uint32_t index) const;
  Result<void> name_owner(std::uint32_t pid, Json& flow);

  Loop& loop_;
  AgentOptions options_;
  Outside outside_;
  Config config_;
  Store store_;
  std::shared_ptr<ActivePolicy> active_, before_, candidate_;
  PolicyLife policy_life_;
  GuardLife guard_life_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<WifiNetworks> wifi_;      // nothing: they cannot be heard of
  std::unique_ptr<RouterMonitor> routers_;  // likewise
  std::optional<Guard> guard_;
  std::unique_ptr<OwnerWatch> owners_;
  Tunnels tunnels_;
  Probes probes_;
  HostEvaluations hosts_;  // ends before what it asks by
  LookupHolds lookup_holds_;
  std::unique_ptr<Names> lookups_;
  std::unique_ptr<Proxies> proxies_;      // ends first: its thread asks by the guard
  std::optional<HiddenSocket> resolved_;  // nothing: a part of the machine is guarded, and others ask over it, too
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<ExternalServer> external_;
  ControlClient* teller_ = nullptr;  // who tells of the machine
  MachineFacts machine_;
  Resolvers resolvers_;
  policy::DeviceState state_;
  std::string owners_in_place_;
  bool between_tables_ = true;  // the table in force is not the active policy's yet
  std::vector<AppIdentity> identities_;
  std::map<std::uint32_t, Number> app_numbers_;  // of apps that are something on this device, by index
  std::vector<Number> tunnel_numbers_;
  std::map<Number, std::string> names_;
  RememberedTunnels remembered_;
  std::deque<Json> drops_;       // the last ones
  std::deque<std::string> log_;  // the last lines, for `support`
  bool stopping_ = false;
  std::map<std::uint32_t, std::vector<TcpSocket>> waiting_;  // connections, by the tunnel that they wait for
  bool cannot_end_ = false;                                  // connections from before; said once
  unsigned races_ = 0;                                       // interfaces that went while we wrote, one after the other
  unsigned quiet_beats_ = 0;                                 // since the last publication
  Loop::Clock::time_point published_{}, started_{};
  std::unique_ptr<Waiting> publish_timer_, beat_timer_, retry_timer_, confirm_timer_, check_timer_, drops_waiting_,
      gate_waiting_, pins_waiting_, stop_timer_, watch_timer_;
};

}  // namespace vpn::agent
