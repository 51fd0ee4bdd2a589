#include "agent/control/lookup_holds.h"

#include <utility>

namespace vpn::agent {

bool LookupHolds::may_proceed(const LookupAsked& asked, Proceed proceed) {
  const std::uint32_t tunnel = asked.verdict.tunnel;
  if (asked.verdict.verdict != policy::Verdict::drop || tunnel == policy::none || !rules_.may_wait(tunnel)) return true;
  held_[tunnel].push_back(std::move(proceed));
  rules_.used(tunnel);
  return false;
}

bool LookupHolds::answered(const LookupAsked&, bool, Proceed) { return true; }

void LookupHolds::release(std::uint32_t tunnel) {
  const auto held = held_.extract(tunnel);
  if (held.empty()) return;
  for (const Proceed& proceed : held.mapped()) proceed();
}

}  // namespace vpn::agent
