#include "agent/state/guard_life.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace vpn::agent {
namespace {

namespace act = guard_action;
namespace ev = guard_event;

// A missing hook has to be seen and tried again within a second, at first; later it only costs.
std::chrono::milliseconds delay(std::uint32_t failures) {
  return std::chrono::milliseconds(std::min<std::uint32_t>(10'000, 250u << std::min(failures, 6u)));
}

class Stepper {
 public:
  explicit Stepper(GuardLife state) : s_(std::move(state)) {}

  void operator()(const ev::Done& e) {
    s_.missing = static_cast<std::uint8_t>(s_.missing & ~e.parts);
    if (s_.missing == 0) return complete();
    if (s_.phase == GuardPhase::starting && (s_.missing & part_programs) == 0) s_.phase = GuardPhase::adopting;
  }

  void operator()(const ev::Failed& e) {
    s_.missing = static_cast<std::uint8_t>(s_.missing | e.parts);
    s_.fault = e.what;
    actions_.emplace_back(act::Block{});
    if (e.refused && !s_.announced) {
      s_.phase = GuardPhase::degraded;
      actions_.emplace_back(act::GiveUp{e.what});
      return;
    }
    actions_.emplace_back(act::Tell{"not in force (" + part_names(s_.missing) + "), blocking: " + e.what, true});
    s_.phase = GuardPhase::degraded;
    ++s_.failures;
    if (std::exchange(s_.retry_pending, true)) return;
    actions_.emplace_back(act::StartRetry{delay(s_.failures)});
  }

  void operator()(const ev::RetryDue&) {
    s_.retry_pending = false;
    if (s_.missing != 0) actions_.emplace_back(act::Repair{s_.missing});
  }

  GuardStep finish() { return {std::move(s_), std::move(actions_)}; }

 private:
  void complete() {
    if (s_.phase == GuardPhase::in_force) return;
    s_.phase = GuardPhase::in_force;
    s_.failures = 0;
    s_.fault.clear();
    actions_.emplace_back(act::Tell{s_.announced ? "in force again" : "in force: every hook is in place", false});
    if (!std::exchange(s_.announced, true)) actions_.emplace_back(act::AnnounceReady{});
  }

  GuardLife s_;
  std::vector<GuardAction> actions_;
};

}  // namespace

GuardStep step(GuardLife state, const GuardEvent& event) {
  Stepper stepper(std::move(state));
  std::visit(stepper, event);
  return stepper.finish();
}

std::string_view to_string(GuardPhase phase) {
  constexpr std::array<std::string_view, 4> names{"starting", "adopting", "in-force", "degraded"};
  return names[static_cast<std::size_t>(phase)];
}

std::string part_names(std::uint8_t parts) {
  constexpr std::array<std::pair<std::uint8_t, std::string_view>, 5> names{{{part_programs, "programs"},
                                                                            {part_gate, "gate"},
                                                                            {part_routes, "routes"},
                                                                            {part_table, "table"},
                                                                            {part_network, "network"}}};
  std::string out;
  for (const auto& [part, name] : names)
    if ((parts & part) != 0) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

}  // namespace vpn::agent
