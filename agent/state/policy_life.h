// Which policy is in force, as a pure function: serials never go down, and a policy that was applied with --confirm
// falls back to the one before unless somebody confirms in time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vpn::agent {

/// A policy that has been opened and verified; the caller keeps the file under this digest.
struct PolicyStamp {
  std::uint64_t serial = 0;
  std::array<std::uint8_t, 32> digest{};
  friend bool operator==(const PolicyStamp&, const PolicyStamp&) = default;
};

struct PolicyLife {
  std::optional<PolicyStamp> active;  ///< in force
  std::optional<PolicyStamp> before;  ///< to fall back to while a confirmation is awaited
  std::uint64_t lowest_serial = 0;    ///< kept on disk: nothing below is taken
};

namespace policy_event {
struct Apply {
  PolicyStamp candidate;
  std::chrono::seconds confirm{0};
};  ///< 0: at once and for good
struct Confirm {};
struct ConfirmExpired {};
struct ActivationFailed {
  std::string what;
};
}  // namespace policy_event
using PolicyEvent = std::variant<policy_event::Apply, policy_event::Confirm, policy_event::ConfirmExpired,
                                 policy_event::ActivationFailed>;

namespace policy_action {
struct Activate {
  PolicyStamp policy;
};
/// Writes the policy and its serial to disk: from now on nothing lower is taken.
struct Keep {
  PolicyStamp policy;
};
struct StartConfirm {
  std::chrono::seconds time{0};
};
struct StopConfirm {};
struct Refuse {
  std::string what;
};
struct Tell {
  std::string text;
};
}  // namespace policy_action
using PolicyAction = std::variant<policy_action::Activate, policy_action::Keep, policy_action::StartConfirm,
                                  policy_action::StopConfirm, policy_action::Refuse, policy_action::Tell>;

struct PolicyStep {
  PolicyLife state;
  std::vector<PolicyAction> actions;
};

PolicyStep step(PolicyLife state, const PolicyEvent& event);

inline constexpr std::chrono::seconds longest_confirm{3600};

}  // namespace vpn::agent
