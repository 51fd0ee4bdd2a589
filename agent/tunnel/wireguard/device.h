// One WireGuard interface: the kernel's, spoken to over generic netlink, or wireguard-go's, over its Unix socket.
// Internal to this folder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/loop/loop.h"
#include "agent/tunnel/wireguard/quick_config.h"
#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent::wireguard {

struct PeerStatus {
  Key public_key;
  std::optional<policy::Address> address;  ///< where its last packet came from, or where ours go
  std::uint16_t port = 0;
  std::int64_t handshake_ns = 0;  ///< since 1970, by the wall clock; 0: there was none
};

struct DeviceStatus {
  Key private_key;
  std::vector<PeerStatus> peers;
};

/// What is to be set beyond the configuration.
struct DeviceSettings {
  std::vector<std::optional<policy::Address>> peers;  ///< where each peer is, in the configuration's order
  std::uint32_t mark = 0;                             ///< of outer packets; 0: none
};

class Device {
 public:
  using Done = std::function<void(const Result<void>&)>;
  using Seen = std::function<void(const Result<DeviceStatus>&)>;
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  /// Replaces everything, peers that have a session included: each with an endpoint starts a handshake when the
  /// interface is up.
  virtual void set(const QuickConfig& config, const DeviceSettings& settings, Done done) = 0;
  /// Has every peer send something now, which starts a handshake where the session is old or none.
  virtual void poke(const QuickConfig& config, Done done) = 0;
  virtual void look(Seen seen) = 0;
  /// Who serves the interface; 0: the kernel.
  virtual pid_t process() const = 0;

 protected:
  Device() = default;
};

/// Errors: environment: there is no such interface, or it is not WireGuard's. Both call back from the loop only.
Result<std::unique_ptr<Device>> kernel_device(Loop& loop, std::string interface);
/// `socket`: the path of wireguard-go's, usually /var/run/wireguard/INTERFACE.sock.
Result<std::unique_ptr<Device>> socket_device(Loop& loop, const std::string& socket);

/// What wireguard-go is told and what it answers, as text (its cross-platform interface). Pure.
std::string set_text(const QuickConfig& config, const DeviceSettings& settings);
std::string poke_text(const QuickConfig& config);
/// Errors: environment: an errno, or no answer of that form.
Result<DeviceStatus> read_answer(std::string_view text);

}  // namespace vpn::agent::wireguard
