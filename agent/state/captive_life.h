// Whether the network is behind a captive portal, as a pure function: when it is looked for, when the window of S3.a
// and S5.a opens, and when it closes: at the first success, after a time, or when the network changes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "policy/policy.h"

namespace vpn::agent {

struct CaptiveLife {
  enum class Phase : std::uint8_t {
    unused,   ///< no rule asks for it, or there is no network: nothing is sent
    looking,  ///< not known yet; no window
    free,     ///< the network answers as the internet would
    captive,  ///< behind a portal: the window is open
    closed,   ///< it was open for as long as it may be; until the network changes
    unknown,  ///< nobody answers: no window
  };
  bool used = false;  ///< by the policy: captive_used()
  std::chrono::seconds window{600};
  Phase phase = Phase::unused;
  std::string network;  ///< network_name()
  unsigned attempts = 0;
};
std::string_view to_string(CaptiveLife::Phase phase);

namespace captive_event {
struct NetworkSeen {
  std::string network;  ///< empty: none
};
struct Answered {
  enum class What : std::uint8_t { free, captive, unknown } what = What::unknown;
};
struct LookDue {};
struct WindowEnded {};
struct TunnelUp {};    ///< who reaches a VPN server has the internet
struct TunnelLost {};  ///< a portal may have ended its permission
struct Hinted {};      ///< somebody else has seen that it is another now: worth a look, no more
}  // namespace captive_event
using CaptiveEvent =
    std::variant<captive_event::NetworkSeen, captive_event::Answered, captive_event::LookDue,
                 captive_event::WindowEnded, captive_event::TunnelUp, captive_event::TunnelLost, captive_event::Hinted>;

namespace captive_action {
struct Look {};
struct StopLooking {};  ///< also what runs
struct LookLater {
  std::chrono::milliseconds after{0};
};
struct StartWindow {
  std::chrono::seconds time{0};
};
struct StopWindow {};
struct Changed {
  bool captive = false;
};  ///< the tables must be made anew
struct Tell {
  std::string text;
};
}  // namespace captive_action
using CaptiveAction = std::variant<captive_action::Look, captive_action::StopLooking, captive_action::LookLater,
                                   captive_action::StartWindow, captive_action::StopWindow, captive_action::Changed,
                                   captive_action::Tell>;

struct CaptiveStep {
  CaptiveLife state;
  std::vector<CaptiveAction> actions;
};
CaptiveStep step(CaptiveLife state, const CaptiveEvent& event);

/// Whether some rule of the policy (S3.a, S5.a) lets some app out when the network is captive. Where none does, nobody
/// needs to know, and nothing is sent to find out.
bool captive_used(const policy::Policy& policy);

}  // namespace vpn::agent
