// The state of one OpenVPN tunnel. Internal to this folder; openvpn.h is what others include.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/tunnel/daemon.h"
#include "agent/tunnel/enrolment.h"
#include "agent/tunnel/openvpn/directives.h"
#include "agent/tunnel/openvpn/management.h"
#include "agent/tunnel/openvpn/openvpn.h"
#include "agent/tunnel/provider.h"

namespace vpn::agent::openvpn {

class OpenvpnProvider final : public Provider {
 public:
  OpenvpnProvider(Loop& loop, OpenvpnOptions options, Listener listener);

  Result<void> configure(const TunnelConfiguration& configuration) override;
  void connect(const ConnectRequest& request) override;
  void disconnect() override;
  bool answer(std::uint64_t question, WipedBytes answer) override {
    return interview_.answer(question, std::move(answer));
  }
  std::vector<std::string> server_names() const override;
  std::string_view kind() const override { return "openvpn"; }

 private:
  enum class Phase : std::uint8_t {
    enrolling,   ///< the identity is awaited
    idle,        ///< no openvpn runs
    adopting,    ///< asking one that an earlier agent has left
    asking,      ///< somebody has to say the password first
    starting,    ///< its socket is awaited
    held,        ///< it waits until its packets are let out
    connecting,  ///< it talks to the server
    up,
    stopping,  ///< it was asked to end
  };
  struct Paths {
    std::string socket, script, environment, digest;
  };

  const policy::fb::Identity* to_be_enrolled() const;
  FindSecret find_secret() const;
  Result<void> enrol();
  void enrolled(Result<DeviceIdentity> identity);
  Result<void> ready();
  Result<void> add_credentials();
  WipedText configuration_text() const;
  void report(policy::TunnelStatus status, std::string reason = {});
  void later(std::function<void()> call);

  void adopt();
  void adopted(bool connected, const std::optional<policy::Endpoint>& server);
  void attempt();
  bool login_is_said();
  const WipedBytes* said(Question::Kind kind);
  void answer_login();
  void answer_passphrase();
  void login_failed(const Line& line);
  bool choose_server();
  void await_socket(int tries);
  Result<std::unique_ptr<Management>> open_management();
  void release();

  void heard(const Line& line);
  void state(const Line& line);
  void asked(const Line& line);
  void come_up();
  void stop(const std::string& reason);
  void ended(const std::string& reason);

  Loop& loop_;
  OpenvpnOptions options_;
  Listener listener_;
  TunnelConfiguration configuration_;
  Directives directives_;
  WipedBytes user_, password_;  ///< of the profile; empty: somebody has to say it
  Interview interview_;
  std::unique_ptr<Enrolment> enrolment_;
  std::optional<DeviceIdentity> enrolled_;
  std::optional<Challenge> challenge_;  ///< of the server, to be answered with the next login
  enum class Awaited : std::uint8_t { nothing, login, passphrase } awaited_ = Awaited::nothing;  ///< by openvpn
  std::string interface_, cgroup_;
  Paths paths_;

  Phase phase_ = Phase::idle;
  bool again_ = false;    ///< connect() came while something was ending
  std::string reason_;    ///< why it is stopping
  bool refused_ = false;  ///< it is stopping because of a login that somebody can say anew
  ConnectRequest request_;
  std::size_t attempts_ = 0;
  std::string server_line_;  ///< the remote of this attempt, as a directive
  std::optional<policy::Endpoint> server_;
  NetworkSettings network_;
  std::unique_ptr<Management> management_;
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<Waiting> timer_, soon_;
};

}  // namespace vpn::agent::openvpn
