// The state of one WireGuard tunnel. Internal to this folder; wireguard.h is what others include.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/tunnel/daemon.h"
#include "agent/tunnel/provider.h"
#include "agent/tunnel/wireguard/device.h"
#include "agent/tunnel/wireguard/quick_config.h"
#include "agent/tunnel/wireguard/wireguard.h"

namespace vpn::agent::wireguard {

class WireguardProvider final : public Provider {
 public:
  WireguardProvider(Loop& loop, WireguardOptions options, Listener listener);

  Result<void> configure(const TunnelConfiguration& configuration) override;
  void connect(const ConnectRequest& request) override;
  void disconnect() override;
  std::vector<std::string> server_names() const override;
  std::string_view kind() const override { return "wireguard"; }

 private:
  enum class Phase : std::uint8_t {
    idle,      ///< there is no interface
    adopting,  ///< asking one that an earlier agent has left
    starting,  ///< wireguard-go's socket is awaited
    setting,   ///< it is told keys and peers
    shaking,   ///< a handshake is awaited
    up,
    moving,    ///< up, but by another network than before: a handshake shows that it still carries
    stopping,  ///< wireguard-go was asked to end
  };

  void report(policy::TunnelStatus status, std::string reason = {});
  void failed(const std::string& reason);
  void later(std::function<void()> call);

  void adopt();
  void adopted(const Result<DeviceStatus>& status);
  void attempt();
  Result<void> find_peers();
  void make_interface();
  void await_socket(int tries);
  void prepare();
  void set_peers();
  void look(std::chrono::milliseconds after);
  void judge(const DeviceStatus& status);
  void learn(const DeviceStatus& status);
  void take_down();
  void daemon_ended(const std::string& reason);

  /// How long ago the newest handshake of all peers was, as far as this clock and the wall clock can tell.
  std::optional<std::chrono::milliseconds> age(const DeviceStatus& status);

  Loop& loop_;
  WireguardOptions options_;
  Listener listener_;
  TunnelConfiguration configuration_;
  QuickConfig config_;
  std::string interface_, socket_, cgroup_;
  bool in_kernel_ = false;

  Phase phase_ = Phase::idle;
  bool again_ = false;  ///< connect() came while something was ending
  ConnectRequest request_;
  unsigned attempts_ = 0, looks_ = 0;
  std::vector<std::optional<policy::Address>> peers_;  ///< where each is tried
  std::vector<policy::Endpoint> endpoints_;
  std::int64_t newest_ns_ = 0;           ///< the newest handshake that was seen
  Loop::Clock::time_point newest_at_{};  ///< when it was, by the loop's clock
  Loop::Clock::time_point looked_at_{};
  Loop::Clock::time_point since_{};  ///< of the phase
  std::int64_t before_move_ns_ = 0;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<Waiting> timer_, soon_;
};

}  // namespace vpn::agent::wireguard
