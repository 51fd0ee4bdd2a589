// The life of one tunnel as a pure function: (state, event) to (state, actions). No clock, no kernel, no provider: the
// caller does what the actions say. What verdicts see of a tunnel is `status`, and only what happens here changes it.
//
// Leaving `connected` by a fault, a roam or a restart of the provider is `reasserting`, for as long as the tunnel is
// wanted; never `disconnected` (S5), and not `connecting`, which would take S6's routes out of force.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "agent/tunnel/provider.h"

namespace vpn::agent {

struct TunnelLife {
  policy::TunnelStatus status = policy::TunnelStatus::disconnected;
  bool wanted = false;         ///< by S3.d, on-demand, a user or an administrator
  bool was_up = false;         ///< connected once since it was wanted: its network settings stay in place
  bool configured = true;      ///< false: the provider has refused the configuration
  bool underlay = false;       ///< there is a network to go out by
  bool attempting = false;     ///< the provider has been told to connect and has not come back from it
  bool retry_pending = false;  ///< a timer runs whose end is RetryDue
  std::uint32_t failures = 0;  ///< since it was connected last, or the network changed
  std::uint32_t present = 0;   ///< index of the interface that report.settings names; 0: there is none
  ProviderReport report;       ///< the last one; settings are those of the last connection while was_up
};

namespace tunnel_event {
struct Want {};    ///< somebody wants it up
struct Unwant {};  ///< a user, an administrator or an on-demand `Disconnect`
struct Reported {
  ProviderReport report;
  std::uint32_t interface_index = 0;
};  ///< index of settings.interface, 0: none
struct InterfaceSeen {
  std::uint32_t index = 0;
};  ///< the interface that the settings name came, went, or is another
struct UnderlayChanged {
  bool present = false;
};  ///< a roam, or the network is gone
struct ProviderLost {
  std::string reason;
};  ///< its process died, or does not answer
struct RetryDue {};
}  // namespace tunnel_event
using TunnelEvent =
    std::variant<tunnel_event::Want, tunnel_event::Unwant, tunnel_event::Reported, tunnel_event::InterfaceSeen,
                 tunnel_event::UnderlayChanged, tunnel_event::ProviderLost, tunnel_event::RetryDue>;

namespace tunnel_action {
struct Connect {};
struct Disconnect {};
struct StartRetry {
  std::chrono::milliseconds after{0};
};  ///< replaces the one that runs
struct StopRetry {};
struct StatusChanged {
  policy::TunnelStatus from, to;
};                          ///< one store, at once, when `connected` is left or reached
struct SettingsChanged {};  ///< routes, addresses or endpoints: the tables must be made anew
struct Tell {
  std::string text;
};  ///< for the log
}  // namespace tunnel_action
using TunnelAction =
    std::variant<tunnel_action::Connect, tunnel_action::Disconnect, tunnel_action::StartRetry, tunnel_action::StopRetry,
                 tunnel_action::StatusChanged, tunnel_action::SettingsChanged, tunnel_action::Tell>;

struct TunnelStep {
  TunnelLife state;
  std::vector<TunnelAction> actions;  ///< in the order in which they have to be done
};

TunnelStep step(TunnelLife state, const TunnelEvent& event);

/// How long to wait after so many failures: 0.5 s, doubling, at most 30 s.
std::chrono::milliseconds retry_delay(std::uint32_t failures);

}  // namespace vpn::agent
