// On-demand of one tunnel ("On-demand" of docs/semantics.md) as a pure function: (state, event) to (state, actions).
// What the network's rule, an app's packet, an idle timer and a user ask for becomes `Want` and `Unwant` of the
// tunnel's own life (tunnel_life.h); which connections may wait for the tunnel instead of being refused becomes `Hold`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "policy/flow.h"
#include "policy/policy.h"

namespace vpn::agent {

/// What the payload says of on-demand.
struct OnDemandTerms {
  bool enabled = false;            ///< for per-app VPNs OnDemandMatchAppEnabled where present
  bool match_app = false;          ///< a per-app VPN's: a governed app's first packet starts it
  bool override_disabled = false;  ///< OnDemandUserOverrideDisabled
  std::chrono::seconds idle{0};    ///< DisconnectOnIdleTimer; 0: never
  friend bool operator==(const OnDemandTerms&, const OnDemandTerms&) = default;
};

/// What the rules say of the network in which the device is.
struct NetworkDecision {
  enum class Action : std::uint8_t { ignore, connect, disconnect, evaluate, pending };
  Action action = Action::ignore;  ///< `Allow` is `ignore`; pending: a probe's answer is missing
  std::optional<std::uint32_t> rule;
  std::uint32_t source = policy::none;  ///< of the rule
  std::string awaits;                   ///< pending: the URL
  std::string network;                  ///< another text is another network
  friend bool operator==(const NetworkDecision&, const NetworkDecision&) = default;
};
std::string_view to_string(NetworkDecision::Action action);

struct OnDemandLife {
  OnDemandTerms terms;
  NetworkDecision network;
  bool evaluated = false;   ///< `network` is of a network that was seen
  bool overridden = false;  ///< a user has decided otherwise; until the network or its rule changes
  bool resting = false;     ///< ended because nobody used it: the next use starts it
  bool asked = false;       ///< somebody wanted to use it while it was not known yet what the rules say
  bool starting = false;    ///< we want it up
  bool up = false;          ///< connected
  bool spent = false;       ///< it has not come up in time: what needs it is refused at once
  bool patient = false;     ///< the timer runs whose end is PatienceEnded
  std::uint64_t packets = 0;
  std::chrono::milliseconds quiet{0};
};

namespace on_demand_event {
struct NetworkSeen {
  NetworkDecision decision;
};  ///< after every change of the network, and after every answer of a probe
struct UserAsked {
  bool up = false;
};               ///< a user or an administrator connects or disconnects
struct Used {};  ///< a flow that needs the tunnel was refused or waits
struct HostNeedsIt {
  std::string why;  ///< for people
};                  ///< EvaluateConnection: a host's ConnectIfNeeded has come true
struct StatusSeen {
  policy::TunnelStatus status = policy::TunnelStatus::disconnected;
};  ///< of the tunnel
struct Counted {
  std::uint64_t packets = 0;  ///< that were sent into the tunnel, ever
};
struct PatienceEnded {};
}  // namespace on_demand_event
using OnDemandEvent = std::variant<on_demand_event::NetworkSeen, on_demand_event::UserAsked, on_demand_event::Used,
                                   on_demand_event::HostNeedsIt, on_demand_event::StatusSeen, on_demand_event::Counted,
                                   on_demand_event::PatienceEnded>;

namespace on_demand_action {
struct Want {};
struct Unwant {};
struct StartPatience {
  std::chrono::milliseconds time{0};
};
struct StopPatience {};
struct StartCount {
  std::chrono::milliseconds after{0};
};  ///< then Counted
struct StopCount {};
struct Hold {
  bool on = false;
};  ///< whether connections may wait for the tunnel
struct Tell {
  std::string text;
};
}  // namespace on_demand_action
using OnDemandAct = std::variant<on_demand_action::Want, on_demand_action::Unwant, on_demand_action::StartPatience,
                                 on_demand_action::StopPatience, on_demand_action::StartCount,
                                 on_demand_action::StopCount, on_demand_action::Hold, on_demand_action::Tell>;

struct OnDemandStep {
  OnDemandLife state;
  std::vector<OnDemandAct> actions;  ///< in the order in which they have to be done; Want and Unwant are last
};

OnDemandStep step(OnDemandLife state, const OnDemandEvent& event);

/// Whether a flow that needs the tunnel would start it.
bool starts_when_used(const OnDemandLife& life);
/// Whether the network's rule is EvaluateConnection, and nobody has overridden it.
bool evaluates(const OnDemandLife& life);
/// Whether a connection may wait for the tunnel: it is not up, and it starts or would start, and is not late.
bool may_wait(const OnDemandLife& life);
/// Why a user may not switch it against the rules; empty: he may.
std::string refusal(const OnDemandLife& life, bool up);

/// Of each tunnel of the policy; those without on-demand have terms that are not enabled.
std::vector<OnDemandTerms> on_demand_terms(const policy::Policy& policy);
std::vector<NetworkDecision> network_decisions(const policy::Policy& policy, const policy::DeviceState& state,
                                               const std::string& network);

/// How long a connection may wait: TCP repeats its first packet after 1, 3 and 7 seconds.
inline constexpr std::chrono::milliseconds longest_wait{20'000};

}  // namespace vpn::agent
