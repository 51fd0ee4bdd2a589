// The state of one IKEv2 tunnel. Internal to this folder; strongswan.h is what others include.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/tunnel/daemon.h"
#include "agent/tunnel/enrolment.h"
#include "agent/tunnel/provider.h"
#include "agent/tunnel/strongswan/plan.h"
#include "agent/tunnel/strongswan/session.h"
#include "agent/tunnel/strongswan/strongswan.h"

namespace vpn::agent::strongswan {

class StrongswanProvider final : public Provider {
 public:
  StrongswanProvider(Loop& loop, StrongswanOptions options, Listener listener);

  Result<void> configure(const TunnelConfiguration& configuration) override;
  void connect(const ConnectRequest& request) override;
  void disconnect() override;
  bool answer(std::uint64_t question, WipedBytes answer) override {
    return interview_.answer(question, std::move(answer));
  }
  std::string_view kind() const override { return kind_; }

 private:
  enum class Phase : std::uint8_t {
    enrolling,   ///< the identity is awaited
    idle,        ///< nothing is tried; charon may run
    adopting,    ///< asking a charon that an earlier agent has left
    asking,      ///< somebody has to say the password first
    starting,    ///< charon starts, its socket is awaited
    loading,     ///< it is told the connection
    connecting,  ///< it talks to the server
    settling,    ///< the associations are there, the address is not yet on its interface
    up,
    moving,    ///< up, but not by the underlay that is wanted: MOBIKE is at it
    stopping,  ///< charon was asked to end
  };

  // Towards the agent.
  void report(policy::TunnelStatus status, std::string reason = {});
  void failed(const std::string& reason);
  std::vector<policy::Endpoint> endpoints() const;

  // Bringing it up, in this order.
  const policy::fb::Identity* to_be_enrolled() const;
  Result<void> enrol();
  void enrolled(Result<DeviceIdentity> identity);
  Result<void> ready();
  Result<void> resolve_plan();
  void adopt();
  void adopted(const std::vector<Association>& associations);
  void attempt();
  bool all_is_said();
  void login_refused();
  Question::Kind password_kind() const { return plan_.asks_pin ? Question::Kind::pin : Question::Kind::password; }
  void start_charon();
  void await_socket(int tries);
  void attach();
  void load();
  void initiate();
  void stop_charon();

  // Watching it.
  void look();
  void judge(const std::vector<Association>& associations);
  void settle(const Association& association);
  void take_settings(const Association& association, const std::string& interface);
  void learn_endpoint(const Association& association);
  bool by_wanted_underlay(const Association& association) const;
  void move();
  void session_closed(const std::string& reason);
  void charon_ended(const std::string& reason);
  Result<void> choose_path();

  Session::Handlers session_handlers();
  bool trying() const;

  Loop& loop_;
  StrongswanOptions options_;
  Listener listener_;
  TunnelConfiguration configuration_;
  std::string_view kind_ = "ikev2";
  FindSecret secrets_;
  std::vector<Authority> system_;
  PlanSettings settings_;
  Plan plan_;
  CharonPaths paths_;
  DaemonProgram program_;
  std::string settings_path_;  ///< of charon's strongswan.conf

  Interview interview_;
  std::unique_ptr<Enrolment> enrolment_;
  std::optional<DeviceIdentity> enrolled_;
  Phase phase_ = Phase::idle;
  bool again_ = false;  ///< connect() came while charon was ending, or was being asked what it has
  bool told_ = false;   ///< that it is ending has been reported
  ConnectRequest request_;
  std::size_t attempts_ = 0;
  Path path_;                                ///< of the attempt under way, or of what is up
  std::vector<policy::Address> other_ends_;  ///< where the server is, or has sent us to (RFC 5685, MOBIKE)
  NetworkSettings network_;                  ///< of the last connection
  std::optional<Association> association_;   ///< that is up
  std::unique_ptr<Daemon> process_;
  std::unique_ptr<Session> session_;
  bool attached_ = false;
  std::unique_ptr<Waiting> timer_;   ///< of the phase
  std::unique_ptr<Waiting> soon_;    ///< a report that must not be made from within a call
  std::unique_ptr<Waiting> glance_;  ///< the next look, while it connects or after a change
};

}  // namespace vpn::agent::strongswan
