// The life of the guard as a pure function. Whatever fails leads to `degraded`, which blocks, says so and tries again;
// nothing but an administrator takes the guard away (vpnagentctl stop --remove-guard).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace vpn::agent {

enum class GuardPhase : std::uint8_t {
  starting,  ///< nothing done yet; what an earlier agent pinned is in force, or the lockdown of the boot
  adopting,  ///< programs are attached, ours or the earlier agent's; the first table is not in place
  in_force,  ///< every hook, the gate, the routes and the table are in place
  degraded,  ///< something is missing: everything but S0 and S1 is blocked as far as we can
};
std::string_view to_string(GuardPhase phase);

/// What has to be in place. Bits, so that several can be missing.
enum GuardPart : std::uint8_t {
  part_programs = 1,  ///< eBPF programs, maps and pins
  part_gate = 2,      ///< nftables on every interface
  part_routes = 4,    ///< tables and rules
  part_table = 8,     ///< the specialised table
  part_network = 16,  ///< we see links, addresses and routes
};
inline constexpr std::uint8_t all_parts = 31;
std::string part_names(std::uint8_t parts);  ///< "gate, routes"

struct GuardLife {
  GuardPhase phase = GuardPhase::starting;
  std::uint8_t missing = all_parts;
  std::uint32_t failures = 0;  ///< since it was in force last
  bool announced = false;      ///< systemd has been told
  bool retry_pending = false;
  std::string fault;  ///< the last one, while degraded
};

namespace guard_event {
struct Done {
  std::uint8_t parts = 0;
};  ///< these are in place (again)
struct Failed {
  std::uint8_t parts = 0;
  std::string what;
  bool refused = false;
};  ///< refused: the environment does not have it
struct RetryDue {};
}  // namespace guard_event
using GuardEvent = std::variant<guard_event::Done, guard_event::Failed, guard_event::RetryDue>;

namespace guard_action {
struct Block {};  ///< put the blocking table in force: one store
struct Repair {
  std::uint8_t parts = 0;
};  ///< try to put these in place
struct StartRetry {
  std::chrono::milliseconds after{0};
};
struct AnnounceReady {};  ///< once: every hook is in place
struct Tell {
  std::string text;
  bool loud = false;
};
struct GiveUp {
  std::string what;
};  ///< before it ever was in force: exit 4. What was pinned stays
}  // namespace guard_action
using GuardAction = std::variant<guard_action::Block, guard_action::Repair, guard_action::StartRetry,
                                 guard_action::AnnounceReady, guard_action::Tell, guard_action::GiveUp>;

struct GuardStep {
  GuardLife state;
  std::vector<GuardAction> actions;
};

GuardStep step(GuardLife state, const GuardEvent& event);

}  // namespace vpn::agent
